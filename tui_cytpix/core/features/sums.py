"""What the pixels of numbered regions of many images come to, region by region: all that features are made of."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.intensity import NORMALIZED_STEPS, intensity
from tui_cytpix.core.features.pixels import Canvas, Pixels
from tui_cytpix.core.features.shape import feret_diameters, gyration_radius, perimeter, perimeter_of
from tui_cytpix.core.features.texture import cooccurrence, gray_levels
from tui_cytpix.core.kernel import library

_Values = NDArray[np.float64]
_STATISTICS = ("Max", "Min", "Total", "Average", "StandardDeviation", "CV", "Skewness", "Kurtosis", "Entropy")
_TEXTURES = ("Maximum", "Contrast", "Entropy", "AngularSecondMoment")


class Sums(NamedTuple):
    """Of those regions that have a pixel, (R,) each; lengths in px.

    Attributes:
        rows: their numbers from 0, counted on from patch to patch.
        patch: the patch that each lies in.
        number: of its pixels.
        lowest, highest, middle: y and x in the patch.
        variances: of y, of x, and their covariance.
        feret: the largest and the smallest diameter.
        gyration: the radius of gyration, weighted by |gray - background|.
        gray, ratio: statistics of the gray values and of gray/background (core.features.intensity).
        texture: by name (core.features.texture).
    """

    rows: NDArray[np.intp]
    patch: NDArray[np.intp]
    number: _Values
    lowest: tuple[_Values, _Values]
    highest: tuple[_Values, _Values]
    middle: tuple[_Values, _Values]
    variances: tuple[_Values, _Values, _Values]
    perimeter: _Values
    feret: tuple[_Values, _Values]
    gyration: _Values
    gray: dict[str, _Values]
    ratio: dict[str, _Values]
    texture: dict[str, _Values]


class Patches:
    """Parts of images, each with all of its image's foreground.

    Args:
        grays: (h, w) each, as recorded.
        backgrounds: float32, the same, gray units.
    """

    def __init__(self, grays: Sequence[NDArray[np.generic]], backgrounds: Sequence[NDArray[np.float32]]) -> None:
        self._grays, self._backgrounds = grays, backgrounds

    def sums(self, labels: Sequence[NDArray[Any] | None], counts: Sequence[int]) -> Sums:
        """Of regions that are numbered from 1 in each patch.

        Args:
            labels: (h, w) each, bool or of whole numbers: 0 or a region's number; None: 0 all over.
            counts: how many numbers each patch has.
        """
        found = library.measure(self._grays, self._backgrounds, labels, counts)
        if found is None:
            return plain_sums(self._canvas, labels, counts)
        rows = np.flatnonzero(found[:, 0] > 0)
        return _from_columns(rows, np.repeat(np.arange(len(counts)), counts)[rows], found[rows].T)

    @functools.cached_property
    def _canvas(self) -> Canvas:
        return Canvas(self._grays, self._backgrounds)


def _from_columns(rows: NDArray[np.intp], patch: NDArray[np.intp], of: _Values) -> Sums:
    """`of`: the compiled library's columns (`Column` in measure.c), (MEASURES, R)."""
    gray, ratio, texture = np.split(of[15:], [9, 18])
    return Sums(
        rows=rows,
        patch=patch,
        number=of[0],
        lowest=(of[1], of[3]),
        highest=(of[2], of[4]),
        middle=(of[5], of[6]),
        variances=(of[7], of[8], of[9]),
        perimeter=perimeter_of(of[10], of[11]),
        feret=(of[12], of[13]),
        gyration=of[14],
        gray=dict(zip(_STATISTICS, gray, strict=True)),
        ratio=dict(zip(_STATISTICS, ratio, strict=True)),
        texture={f"{name}CoOccurrence": values for name, values in zip(_TEXTURES, texture, strict=True)},
    )


def plain_sums(canvas: Canvas, labels: Sequence[NDArray[Any] | None], counts: Sequence[int]) -> Sums:
    """`Patches.sums` without the compiled library."""
    pixels = Pixels(canvas, canvas.filled(labels, np.int32), counts)
    ratio = np.asarray(pixels.gray / np.maximum(pixels.background, 1.0), np.float64)
    levels = np.zeros(canvas.gray.shape, np.uint8)
    levels[pixels.at] = gray_levels(ratio)
    dy, dx = pixels.away
    return Sums(
        rows=pixels.regions - 1,
        patch=pixels.patch,
        number=pixels.number.astype(np.float64),
        lowest=(pixels.lowest(pixels.y), pixels.lowest(pixels.x)),
        highest=(pixels.highest(pixels.y), pixels.highest(pixels.x)),
        middle=(pixels.mean(pixels.y), pixels.mean(pixels.x)),
        variances=(pixels.mean(dy * dy), pixels.mean(dx * dx), pixels.mean(dy * dx)),
        perimeter=perimeter(pixels),
        feret=feret_diameters(pixels),
        gyration=gyration_radius(pixels, np.abs(pixels.gray - pixels.background)),
        gray=intensity(pixels, pixels.gray, pixels.gray.astype(np.int32)),
        ratio=intensity(pixels, ratio, (ratio * NORMALIZED_STEPS).astype(np.int32)),
        texture=cooccurrence(pixels, levels),
    )
