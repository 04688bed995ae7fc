"""Gray statistics of regions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.pixels import Pixels, runs

NORMALIZED_STEPS = 256  # histogram bins per unit of gray/background
_Values = NDArray[np.float64]


class Intensity(NamedTuple):
    """Of each region's gray values, (R,).

    `deviation` is the population's (ddof 0); `cv` in percent of the average; `skewness` is m3 / m2^1.5 and `kurtosis`
    m4 / m2^2 - 3, NaN where all values are equal; `entropy` in bits.
    """

    maximum: _Values
    minimum: _Values
    total: _Values
    average: _Values
    deviation: _Values
    cv: _Values
    skewness: _Values
    kurtosis: _Values
    entropy: _Values


def intensity(pixels: Pixels, values: _Values, bins: NDArray[np.integer[Any]]) -> Intensity:
    """Statistics of gray values (P,); `bins` (P,) are the histogram bins, >= 0, that entropy counts."""
    total = pixels.total(values)
    average = total / pixels.number
    centred = values - average[pixels.owner]
    squares = centred * centred
    low, high, m2 = pixels.lowest(values), pixels.highest(values), pixels.mean(squares)
    with np.errstate(invalid="ignore", divide="ignore"):
        varied = np.where(high > low, m2, np.nan)
        return Intensity(
            maximum=high,
            minimum=low,
            total=total,
            average=average,
            deviation=np.sqrt(m2),
            cv=np.where(average != 0, 100 * np.sqrt(m2) / average, np.nan),
            skewness=pixels.mean(squares * centred) / varied**1.5,
            kurtosis=pixels.mean(squares * squares) / varied**2 - 3,
            entropy=entropy(pixels, bins),
        )


def entropy(pixels: Pixels, bins: NDArray[np.integer[Any]]) -> _Values:
    """Shannon's entropy, in bits, of how often each bin (P,), an int >= 0, occurs in each region."""
    found = runs(pixels.owner, bins, int(bins.max(initial=0)) + 1)
    p = found.times / pixels.number[found.owner]
    return np.maximum(0.0, -found.total(p * np.log2(p), len(pixels.number)))
