"""Size and shape of one region. Lengths in px."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.regions import ellipses


class Shape(NamedTuple):
    """Shape of a region; fields as in `core.features.FEATURES`, lengths in px."""

    perimeter: float
    major: float
    minor: float
    eccentricity: float
    circularity: float
    pseudo_diameter: float


def perimeter(region: NDArray[np.bool_]) -> float:
    """Length of a region's boundary, holes included, in px, by Crofton's formula in 4 directions.

    Counts how often horizontal, vertical and both diagonal lines through the pixels enter and leave the region: a
    digital disc of radius 10 comes out within 1 % of 2 pi r, where following pixel edges errs by 27 %.
    """
    padded = np.pad(region, 1).view(np.int8)
    horizontal = np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    vertical = np.count_nonzero(padded[1:] != padded[:-1])
    falling = np.count_nonzero(padded[1:, 1:] != padded[:-1, :-1])
    rising = np.count_nonzero(padded[1:, :-1] != padded[:-1, 1:])
    # Half pi times the mean, over directions, of crossings times the spacing of lines (diagonals: 1 / sqrt 2 px).
    return math.pi / 8 * (horizontal + vertical + (falling + rising) / math.sqrt(2))


def shape(region: NDArray[np.bool_]) -> Shape:
    """Shape of a non-empty region, bool (H, W)."""
    ellipse = ellipses(region.view(np.uint8), 1)[0]
    outline = perimeter(region)
    return Shape(
        perimeter=outline,
        major=ellipse.major,
        minor=ellipse.minor,
        eccentricity=math.sqrt(max(0.0, 1 - (ellipse.minor / ellipse.major) ** 2)),
        circularity=min(1.0, 4 * math.pi * ellipse.area / outline**2),
        pseudo_diameter=2 * math.sqrt(ellipse.area / math.pi),
    )


def gyration_radius(weights: NDArray[np.floating[Any]]) -> float:
    """Weighted radius of gyration, px: root of the mean squared distance from the weighted mean position.

    Args:
        weights: (H, W), >= 0, 0 outside the region. NaN where all are 0.
    """
    total = float(weights.sum())
    if total <= 0:
        return math.nan
    rows, columns = weights.sum(axis=1) / total, weights.sum(axis=0) / total
    ys, xs = np.arange(len(rows)), np.arange(len(columns))
    variance = rows @ ys**2 - (rows @ ys) ** 2 + columns @ xs**2 - (columns @ xs) ** 2
    return math.sqrt(max(0.0, float(variance)))
