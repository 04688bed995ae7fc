"""Which events lie in a range or in a polygon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Values = NDArray[np.float64]


def in_range(values: _Values, low: float, high: float) -> NDArray[np.bool_]:
    """bool (N,): low <= value <= high; NaN is outside."""
    return np.asarray((values >= low) & (values <= high))


def in_polygon(x: _Values, y: _Values, corners: _Values) -> NDArray[np.bool_]:
    """Whether points lie in a polygon: by the even-odd rule (a ray to the right crosses its sides an odd number of
    times); points on a side or a corner are inside. NaN is outside.

    Args:
        x, y: (N,).
        corners: (K, 2), K >= 3, in order; the last is joined to the first. Sides may cross.

    Returns:
        bool (N,).
    """
    inside = np.zeros(len(x), bool)
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
    px, py = x[near], y[near]
    crossed, touched = np.zeros((2, len(near)), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Twice the signed area of (side, point): 0 on the line through the side, its sign tells the point's side.
        turn = (x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)
        between = (px >= min(x0, x1)) & (px <= max(x0, x1)) & (py >= min(y0, y1)) & (py <= max(y0, y1))
        touched |= (turn == 0) & between
        spans = (y0 <= py) != (y1 <= py)
        crossed ^= spans & ((turn > 0) == (y1 > y0)) & (turn != 0)
    inside[near] = crossed | touched
    return inside
