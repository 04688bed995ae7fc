"""What stands apart from most others, told robustly: by median and MAD, which a few odd ones don't move."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LIMIT = 3.5  # of |z|; Iglewicz & Hoaglin 1993
FEWEST = 5  # values: among fewer, none is taken for odd
_MAD_TO_SIGMA = 1.482602218505602  # of normal values


def robust_z(values: Sequence[float], of: Sequence[float], least: float) -> list[float]:
    """How far each of `values` lies from the median of `of`, in 1.4826 MAD, which is the standard deviation of normal
    values (Iglewicz & Hoaglin 1993). NaN of NaN, and for all where `of` has fewer than FEWEST numbers.

    Args:
        least: a difference from the median below which nothing is beyond LIMIT, however alike the others are.
    """
    known = np.array([one for one in of if not math.isnan(one)], np.float64)
    if len(known) < FEWEST:
        return [math.nan] * len(values)
    middle = float(np.median(known))
    spread = max(_MAD_TO_SIGMA * float(np.median(np.abs(known - middle))), least / LIMIT)
    if spread == 0:
        raise ValueError("values that are all alike have no spread, and least is 0")
    return [(one - middle) / spread for one in values]
