"""What the network sees: an image without its gray level, gain and bit depth."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.order_statistic import kth_smallest
from tui_cytpix.core.kernel import library
from tui_cytpix.core.objects.regions import touches_border

CLIP = 4.0  # in units of the image's own contrast
NOISE_THRESHOLD = 3.0  # in units of the noise: what is below doesn't count as contrast
CONTRAST_FLOOR = 8.0  # in units of the noise: fainter images are not blown up any further
_LEVEL_SHARE = 0.25
_LEVEL_SAMPLES = 4096
_EDGE_SHARE = 0.1
_QUARTILE = 0.31864  # a quarter of a unit normal's absolute values lie below
_NOISE_SAMPLES = 12288
_CONTRAST_SAMPLES = 4096
_RIM_PX = 3
_BLACK, _BLACK_STEPS, _BLACK_SHARE, _LIT_SHARE = 2, 4, 0.01, 0.1
_HIGH_PASS_GAIN = 6.0  # root of the sum of squares: of (1 -2 1) in y and x: noise out per white noise in


def unlit(image: NDArray[np.generic]) -> NDArray[np.bool_] | None:
    """Where no light falls, beyond a field stop or the wall of a well: black regions (gray 0 to 6, the darkest no more
    than 2) at the image's border, of 1 % of the image or more, and their blurred rims. None where there are none, and
    where all but a tenth would be unlit: that is a dark image.

    Args:
        image: (H, W) as recorded, any real dtype.

    Returns:
        bool (H, W), or None.
    """
    darkest = image.min(initial=_BLACK + 1)
    if darkest > _BLACK or darkest < 0:
        return None
    black = image <= darkest + _BLACK_STEPS
    if black.mean() < _BLACK_SHARE:
        return None
    region = _with_rims(_touching_border(black))
    return region if _BLACK_SHARE <= region.mean() <= 1 - _LIT_SHARE else None


def level(image: NDArray[np.generic], outside: NDArray[np.bool_] | None = None) -> float:
    """The background's gray level: the mode along the image's edge, pixels `outside` (bool, (H, W)) apart.

    Of an image's gray values background is the narrowest peak, also where a median would follow the cells, and along
    the edge there is most of it. The mode is the mean of the shortest interval that holds a quarter of the values
    (half-sample mode family: Bickel and Fruehwirth 2006).

    Args:
        image: (H, W), any real dtype, at least 1 px.
    """
    edge = max(2, round(_EDGE_SHARE * min(image.shape)))
    inner = image[edge:-edge, edge:-edge]
    if outside is not None:
        near = np.ones(image.shape, bool)
        near[edge:-edge, edge:-edge] = False
        seen = ~outside
        flat = image[near & seen] if (near & seen).any() else image[seen] if seen.any() else image.ravel()
    elif inner.size:
        sides = (image[:edge], image[-edge:], image[edge:-edge, :edge], image[edge:-edge, -edge:])
        flat = np.concatenate([side.ravel() for side in sides])
    else:
        flat = image.ravel()
    ordered = np.sort(flat[:: max(1, flat.size // _LEVEL_SAMPLES)].astype(np.float32))
    width = max(1, int(_LEVEL_SHARE * len(ordered)))
    spans = ordered[width:] - ordered[:-width]
    if len(spans) == 0:
        return float(ordered[0])
    # Quantised images give many shortest intervals: take the middle one.
    shortest = np.flatnonzero(spans <= spans.min())
    start = int(shortest[len(shortest) // 2])
    return float(ordered[start : start + width + 1].mean())


def noise(image: NDArray[np.float32], outside: NDArray[np.bool_] | None = None) -> float:
    """Standard deviation of the white noise in an image, in its gray units.

    From a quartile of the mixed second difference, which smooth objects hardly enter (Immerkaer 1996, with the lower
    quartile in place of the mean, for images full of texture). Large images are sampled. 0 for images under 3 x 3.
    Pixels `outside` (bool, (H, W)) don't count.
    """
    if min(image.shape) < 3:
        return 0.0
    step = max(1, math.isqrt(image.size // _NOISE_SAMPLES))
    top, middle, bottom = image[:-2:step], image[1:-1:step], image[2::step]
    # OpenCV's sums, as of rows that don't lie side by side NumPy's take twice as long.
    rows = cv2.subtract(cv2.add(top, bottom), cv2.add(middle, middle))
    inner = rows[:, 1:-1]
    high = cv2.absdiff(cv2.add(rows[:, :-2], rows[:, 2:]), cv2.add(inner, inner))[:, ::step].ravel()
    if outside is not None:
        high = high[~outside[1:-1:step, 1:-1:step].ravel()]
        if len(high) == 0:
            return 0.0
    return kth_smallest(high, len(high) // 4) / (_QUARTILE * _HIGH_PASS_GAIN)


def contrast(difference: NDArray[np.float32], sigma: float) -> float:
    """The |difference| below which half of the image's energy above the noise lies, in gray units; 0 where there
    is none.

    The energy-weighted median is nearly the same whether an object fills 1 % of a frame or all of a crop, and
    hardly moves with faint shading over a large area or with one glaring speck. What glares at the image's border
    (a field stop, the wall of a well or a channel) does not count where something inside stands out by itself: it
    would hide the cells.

    Args:
        difference: float32 (H, W), image less background.
        sigma: the noise.
    """
    size = np.abs(difference)
    signal = size > NOISE_THRESHOLD * sigma
    whole = _energy_median(size[signal])
    glaring = size > whole / 2
    if whole <= 0 or not touches_border(glaring):
        return whole
    without = _energy_median(size[signal & ~_with_rims(_touching_border(glaring))])
    return min(whole, without) if without >= CONTRAST_FLOOR * sigma > 0 else whole


def _energy_median(signal: NDArray[np.float32]) -> float:
    if len(signal) == 0:
        return 0.0
    ordered = np.sort(signal[:: max(1, len(signal) // _CONTRAST_SAMPLES)]).astype(np.float64)
    energy = np.cumsum(ordered * ordered)
    return float(ordered[np.searchsorted(energy, energy[-1] / 2)])


def _touching_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The 8-connected regions that reach the image's border."""
    framed = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 2, flags=8)
    return np.asarray(framed[1:-1, 1:-1] == 2)


def _with_rims(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    reach = 2 * _RIM_PX + 1
    return cv2.dilate(region.view(np.uint8), np.ones((reach, reach), np.uint8)).view(np.bool_)


class Normalised(NamedTuple):
    """An image as `normalise` gives it, float32 (H, W), and the standard deviation of its noise in gray units, before
    and after.
    """

    gray: NDArray[np.float32]
    sigma: float
    noise: float


def normalise(image: NDArray[np.generic], background: NDArray[np.float32]) -> NDArray[np.float32]:
    """An image without its background and at contrast one.

    The background is subtracted, what is left of its level (lamp flicker) too, and the rest is divided by the
    image's own contrast or by 8 times its noise, whichever is larger, and clipped to -4..4. So background is 0, a
    cell's rim about 1 in size and a blank frame's noise 1/8. Where no light falls (see `unlit`) it is 0 too; in images
    without such a region, replacing image and background by a*image+b and a*background+b, a > 0, changes nothing, nor
    does a brightness b added to the image alone.

    Args:
        image: (H, W), any real dtype.
        background: float32 (H, W), in the image's gray units.

    Returns:
        float32 (H, W) in -4..4; zeros where the image equals its background.
    """
    return normalise_knowing_noise(image, background).gray


def normalise_knowing_noise(image: NDArray[np.generic], background: NDArray[np.float32]) -> Normalised:
    """`normalise`, for those who need the noise too."""
    found = library.normalise(image, background)
    return plain_normalised(image, background) if found is None else Normalised(*found)


def plain_normalised(image: NDArray[np.generic], background: NDArray[np.float32]) -> Normalised:
    """`normalise_knowing_noise` without the compiled library."""
    difference = np.subtract(image, background, dtype=np.float32)
    outside = unlit(image)
    difference -= np.float32(level(difference, outside))
    if outside is not None:
        difference[outside] = 0
    sigma = noise(difference, outside)
    unit = max(contrast(difference, sigma), CONTRAST_FLOOR * sigma)
    if unit <= 0:
        return Normalised(np.zeros(difference.shape, np.float32), 0.0, 0.0)
    difference /= np.float32(unit)
    return Normalised(np.clip(difference, -CLIP, CLIP, out=difference), sigma, sigma / unit)
