"""Gray statistics of regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.pixels import Pixels, runs

NORMALIZED_STEPS = 256  # histogram bins per unit of gray/background
_Values = NDArray[np.float64]


def intensity(pixels: Pixels, values: _Values, bins: NDArray[np.integer[Any]]) -> dict[str, _Values]:
    """Statistics of each region's gray values by name, (R,), as core.features.table defines them; CV is NaN where the
    average is 0, skewness and kurtosis where all values are equal.

    Args:
        values: (P,).
        bins: (P,), the histogram bins, >= 0, that entropy counts.
    """
    total = pixels.total(values)
    average = total / pixels.number
    centred = values - average[pixels.owner]
    squares = centred * centred
    low, high, m2 = pixels.lowest(values), pixels.highest(values), pixels.mean(squares)
    with np.errstate(invalid="ignore", divide="ignore"):
        varied = np.where(high > low, m2, np.nan)
        return {
            "Max": high,
            "Min": low,
            "Total": total,
            "Average": average,
            "StandardDeviation": np.sqrt(m2),
            "CV": np.where(average != 0, 100 * np.sqrt(m2) / average, np.nan),
            "Skewness": pixels.mean(squares * centred) / varied**1.5,
            "Kurtosis": pixels.mean(squares * squares) / varied**2 - 3,
            "Entropy": entropy(pixels, bins),
        }


def entropy(pixels: Pixels, bins: NDArray[np.integer[Any]]) -> _Values:
    """Shannon's entropy, in bits, of how often each bin (P,), an int >= 0, occurs in each region."""
    found = runs(pixels.owner, bins)
    p = found.times / pixels.number[found.owner]
    return np.maximum(0.0, -found.total(p * np.log2(p), len(pixels.number)))
