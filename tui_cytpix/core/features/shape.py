"""Size and shape of regions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.pixels import Pixels
from tui_cytpix.core.objects.regions import PIXEL_VARIANCE, axes

_Values = NDArray[np.float64]
_STRAIGHT = ((0, 1), (1, 0))
_DIAGONAL = ((1, 1), (1, -1))


def perimeter(pixels: Pixels) -> _Values:
    """Length of each region's boundary, holes included, in px, by Crofton's formula in 4 directions.

    Counts how often horizontal, vertical and both diagonal lines through the pixels enter and leave the region: a
    digital disc of radius 10 comes out within 1 % of 2 pi r, where following pixel edges errs by 27 %.
    """
    straight, diagonal = (_crossings(pixels, offsets) for offsets in (_STRAIGHT, _DIAGONAL))
    # Half pi times the mean, over directions, of crossings times the spacing of lines (diagonals: 1 / sqrt 2 px).
    return np.asarray(math.pi / 8 * (straight + diagonal / math.sqrt(2)), np.float64)


def _crossings(pixels: Pixels, offsets: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    # A line enters as often as it leaves.
    return np.asarray(2 * sum(pixels.number - pixels.neighbour(dy, dx).number for dy, dx in offsets), np.intp)


def shape(pixels: Pixels, um_per_px: float) -> dict[str, _Values]:
    """Features of each region's shape, (R,), as core.features.table defines them."""
    dy, dx = pixels.away
    yy, xx = pixels.mean(dy * dy) + PIXEL_VARIANCE, pixels.mean(dx * dx) + PIXEL_VARIANCE
    major, minor, _ = axes(yy, xx, pixels.mean(dy * dx))
    outline = perimeter(pixels)
    return {
        "PerimeterMicrons": outline * um_per_px,
        "MajorDiameterMicrons": major * um_per_px,
        "MinorDiameterMicrons": minor * um_per_px,
        "MinorMajorRatioPercent": 100 * minor / major,
        "EccentricityPercent": 100 * np.sqrt(np.maximum(0.0, 1 - (minor / major) ** 2)),
        "CircularityPercent": 100 * np.minimum(1.0, 4 * math.pi * pixels.number / outline**2),
        "PseudoDiameterMicrons": 2 * np.sqrt(pixels.number / math.pi) * um_per_px,
        "GyrationRadiusWeighted": gyration_radius(pixels, np.abs(pixels.gray - pixels.background)),
    }


def gyration_radius(pixels: Pixels, weights: _Values) -> _Values:
    """Weighted radius of gyration, (R,), px: root of the mean squared distance from the weighted mean position.

    Args:
        weights: (P,), >= 0. NaN where all of a region's are 0.
    """
    total = pixels.total(weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.where(total > 0, total, np.nan)
        variance = np.zeros(len(total))
        for near in pixels.away:
            variance += pixels.total(weights * near * near) / total - (pixels.total(weights * near) / total) ** 2
        return np.sqrt(np.maximum(0.0, variance))
