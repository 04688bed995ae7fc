"""Gray statistics of one region."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NORMALIZED_STEPS = 256  # histogram bins per unit of gray/background


class Intensity(NamedTuple):
    """Of a region's gray values; NaN without pixels.

    `deviation` is the population's (ddof 0); `cv` in percent of the average; `skewness` is m3 / m2^1.5 and `kurtosis`
    m4 / m2^2 - 3, NaN where all values are equal; `entropy` in bits.
    """

    maximum: float
    minimum: float
    total: float
    average: float
    deviation: float
    cv: float
    skewness: float
    kurtosis: float
    entropy: float


def intensity(values: NDArray[np.generic], bins: NDArray[np.integer[Any]]) -> Intensity:
    """Statistics of gray values (N,); `bins` (N,) are the histogram bins, >= 0, that entropy counts."""
    if len(values) == 0:
        return Intensity(*[math.nan] * 9)
    gray = values.astype(np.float64)
    total = float(gray.sum())
    average = total / len(gray)
    centred = gray - average
    squares = centred * centred
    m2 = float(squares.mean())
    low, high = float(gray.min()), float(gray.max())
    varied = high > low
    return Intensity(
        maximum=high,
        minimum=low,
        total=total,
        average=average,
        deviation=math.sqrt(m2),
        cv=100 * math.sqrt(m2) / average if average else math.nan,
        skewness=float((squares @ centred) / len(gray)) / m2**1.5 if varied else math.nan,
        kurtosis=float((squares @ squares) / len(gray)) / m2**2 - 3 if varied else math.nan,
        entropy=entropy(bins),
    )


def entropy(bins: NDArray[np.integer[Any]]) -> float:
    """Shannon's entropy, in bits, of how often each bin (an int >= 0) occurs."""
    lowest = bins.min()
    counts = np.bincount((bins - lowest).astype(np.intp))
    p = counts[counts > 0] / len(bins)
    return max(0.0, -float(p @ np.log2(p)))
