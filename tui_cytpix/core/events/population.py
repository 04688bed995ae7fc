"""What is said of a population of events: location, spread, and counts on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Values = NDArray[np.float64]
_SIGMA = (0.158655254, 0.841344746)  # quantiles one standard deviation about the mean of a normal distribution


@dataclass(frozen=True)
class Summary:
    """Of a parameter over a population; NaN where there are too few values.

    `number` counts those that have a value. `cv` is 100 SD / mean, SD with n - 1. `robust_sd` is half the distance
    between the 15.87th and the 84.13th percentile: the SD of a normal distribution, unmoved by a few outliers.
    """

    number: int
    median: float
    mean: float
    cv: float
    robust_sd: float


def summary(values: _Values) -> Summary:
    """Of what is finite in `values`, (N,)."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Summary(0, *[float("nan")] * 4)
    low, median, high = (float(v) for v in np.quantile(known, [_SIGMA[0], 0.5, _SIGMA[1]]))
    mean = float(known.mean())
    spread = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    return Summary(len(known), median, mean, 100 * spread / mean if mean else float("nan"), (high - low) / 2)


def bins(values: _Values, low: float, high: float, count: int) -> NDArray[np.intp]:
    """The bin of each value on `count` equal bins from `low` to `high` (which is in the last): -1 outside, and for
    NaN.
    """
    with np.errstate(invalid="ignore"):
        place = (values - low) * (count / (high - low))
        inside = (values >= low) & (values <= high)
        found = np.where(inside, place, -1.0).astype(np.intp)
    return np.minimum(found, count - 1)


def grid_counts(x_bins: NDArray[np.intp], y_bins: NDArray[np.intp], columns: int, rows: int) -> NDArray[np.int64]:
    """Events in each cell, (rows, columns), the highest y on top; those in no bin are left out."""
    there = (x_bins >= 0) & (y_bins >= 0)
    flat = (rows - 1 - y_bins[there]) * columns + x_bins[there]
    return np.bincount(flat, minlength=rows * columns).reshape(rows, columns)
