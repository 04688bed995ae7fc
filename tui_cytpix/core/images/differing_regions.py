"""Where an image differs from its background: all that a network needs to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import noise
from tui_cytpix.core.images.order_statistic import kth_smallest
from tui_cytpix.core.images.resample import extended
from tui_cytpix.core.kernel import library
from tui_cytpix.core.objects.regions import Box, filled_objects

_RIM = 2  # cells around what differs
QUIET = 0.25  # this share of an image is hoped to be background


class _Measure(NamedTuple):
    """One way to differ. Bounds were measured on simulated and real images against what networks segmented."""

    window: int  # cells, edge of the square over which energy is averaged
    times: float  # the background's energy from which a cell differs; background alone seldom gets there
    faintest: float  # root of energy, of the image's contrast, below which nothing was ever segmented
    loudest: float  # background's energy is at most this many times the white noise's


_TEXTURE = _Measure(window=3, times=2.0, faintest=0.06, loudest=3.5)  # of the pixels
_SHADE = _Measure(window=7, times=3.3, faintest=0.025, loudest=20.0)  # of the cells' means: large faint things
MEASURES = (_TEXTURE, _SHADE)


class Region(NamedTuple):
    """A part of an image that differs: its box in px, and which of the box's pixels are its own, bool (h, w)."""

    box: Box
    own: NDArray[np.bool_]


def differing_regions(normalised: NDArray[np.float32], cell: int, sigma: float | None = None) -> list[Region]:
    """The connected regions of a normalised image that may hold anything but background, each with a rim of two
    cells and without holes. No two share a pixel.

    Energy (gray squared) around each cell is compared with the background's, which is that of the quietest quarter
    of the image, and at most a few times that of its white noise: where nothing is quiet, everything differs.

    Args:
        normalised: float32 (H, W), as by `normalise`: background 0, contrast 1.
        cell: px, the grain of the regions; about a tenth of a particle's diameter.
        sigma: standard deviation of the image's noise, None to measure it.
    """
    height, width = normalised.shape
    white = (noise(normalised) if sigma is None else sigma) ** 2
    busy = library.busy_cells(normalised, cell, white, QUIET, np.array(MEASURES))
    if busy is None:
        busy = plain_busy_cells(normalised, cell, white)
    rim = 2 * _RIM + 1
    grown = cv2.dilate(busy.view(np.uint8), np.ones((rim, rim), np.uint8))
    found = []
    for cells, inside in filled_objects(grown.view(np.bool_)):
        y0, x0, y1, x1 = (cell * bound for bound in cells)
        own = inside.repeat(cell, axis=1).repeat(cell, axis=0)
        box = Box(y0, x0, min(y1, height), min(x1, width))
        found.append(Region(box, own[: box.y1 - y0, : box.x1 - x0]))
    return found


def plain_busy_cells(
    normalised: NDArray[np.float32], cell: int, white: float, measures: Sequence[_Measure] = MEASURES
) -> NDArray[np.bool_]:
    """Which cells differ, bool (rows, columns), without the compiled library; `white`: the noise's variance."""
    rows, columns = (-(-side // cell) for side in normalised.shape)
    padded = extended(normalised, rows * cell, columns * cell)
    texture, means = _cell_means(padded * padded, cell), _cell_means(padded, cell)
    of_texture, of_shade = measures
    return _differs(texture, white, of_texture) | _differs(means * means, white / cell**2, of_shade)


def _cell_means(image: NDArray[np.float32], cell: int) -> NDArray[np.float32]:
    """Means over squares of `cell` px, float32. By halves as far as it goes: OpenCV is fast at these."""
    while cell > 1:
        step = cell if cell % 2 else 2
        size = (image.shape[1] // step, image.shape[0] // step)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
        cell //= step
    return image


def _differs(energy: NDArray[Any], white: float, measure: _Measure) -> NDArray[np.bool_]:
    around = cv2.blur(energy, (measure.window, measure.window))
    quiet = min(kth_smallest(around.ravel(), int(QUIET * (around.size - 1))), measure.loudest * white)
    return np.asarray(around > max(measure.times * quiet, measure.faintest**2), np.bool_)
