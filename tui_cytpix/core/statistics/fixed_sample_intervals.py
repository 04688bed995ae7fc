"""Intervals (95 %) and paired tests for a number of images set beforehand; `sequential_tests` has those for
stopping at will. Every function is deterministic: resampling takes a seed. NumPy alone: steps 4 and 5 show them as
they open, and SciPy takes longer to load than all else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 2000
_CELLS = 4_000_000  # numbers held at once while resampling


class Interval(NamedTuple):
    """A confidence interval; NaN ends where there is too little data."""

    low: float
    high: float


NO_INTERVAL = Interval(math.nan, math.nan)


class PairedDifference(NamedTuple):
    """Mean of a - b over `pairs` pairs with its interval; NaN where there is too little data."""

    mean: float
    low: float
    high: float
    pairs: int


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927), without continuity correction; NaN without trials.

    Raises:
        ValueError: not 0 <= successes <= trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if trials == 0:
        return NO_INTERVAL
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == trials else min(1.0, middle + half)
    return Interval(low, high)


@cache
def student_quantile(freedom: int) -> float:
    """The t that Student's distribution of so many degrees of freedom (>= 1) exceeds in size with the chance 1 -
    `CONFIDENCE`: the finite series of its distribution over theta = atan(t / sqrt(freedom)) (Abramowitz and Stegun
    1964, 26.7.3 and 26.7.4), halved down to the last bit.
    """
    low, high = 0.0, math.pi / 2
    while low < (theta := (low + high) / 2) < high:
        if _within(theta, freedom) < CONFIDENCE:
            low = theta
        else:
            high = theta
    return math.sqrt(freedom) * math.tan(theta)


def _within(theta: float, freedom: int) -> float:
    """How much of the distribution lies within t."""
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine * cosine * (k - 1) / k
    return 2 / math.pi * (theta + sine * total) if odd else sine * total


def mean_of_few(values: Sequence[float], unseen: float) -> Interval:
    """Interval of a mean of few values in 0..1, of which a rare low one may not have been seen yet: Student's t of the
    values and one more, `unseen`, as low as a rare one (as Agresti and Coull 1998 add to a proportion). NaN without
    values. Holds the mean of the values.
    """
    if not values:
        return NO_INTERVAL
    numbers = np.array([*values, unseen], np.float64)
    half = student_quantile(len(values)) * float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    middle, mean = float(numbers.mean()), float(np.mean(values))
    return Interval(max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half)))


def bootstrap_mean_ci(values: NDArray[np.floating[Any]], seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """95 % percentile bootstrap interval of the mean (Efron 1979); NaN values are left out, under 2 values give NaN."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[~np.isnan(numbers)]
    return bootstrap_ratio_ci(numbers, np.ones(len(numbers)), seed, resamples)


def bootstrap_ratio_ci(
    numerators: NDArray[np.floating[Any]],
    denominators: NDArray[np.floating[Any]],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """95 % percentile bootstrap interval of sum(numerators) / sum(denominators), whole images being drawn.

    For measures that pool counts over images (F1, AP50). Resamples whose denominator is 0 are left out; under 2
    images, or no other resample, give NaN.
    """
    top, bottom = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    count = len(top)
    if count < 2:
        return NO_INTERVAL
    rng = np.random.default_rng(seed)
    ratios: list[NDArray[np.float64]] = []
    batch = max(1, min(resamples, _CELLS // count))
    for start in range(0, resamples, batch):
        drawn = rng.integers(0, count, (min(batch, resamples - start), count))
        below = bottom[drawn].sum(axis=1)
        ratios.append(top[drawn].sum(axis=1)[below > 0] / below[below > 0])
    found = np.concatenate(ratios)
    if len(found) == 0:
        return NO_INTERVAL
    low, high = np.quantile(found, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return Interval(float(low), float(high))


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided p value of McNemar's exact test: of the discordant pairs, `only_a` favour a and `only_b` favour b.

    The binomial test of 1/2 on the discordant pairs; 1 where there are none.

    Raises:
        ValueError: a negative count.
    """
    if only_a < 0 or only_b < 0:
        raise ValueError("counts of pairs can't be negative")
    total = only_a + only_b
    if total == 0 or only_a == only_b:
        return 1.0
    halves = total * math.log(2) - math.lgamma(total + 1)
    chances = (
        math.exp(-halves - math.lgamma(k + 1) - math.lgamma(total - k + 1)) for k in range(min(only_a, only_b) + 1)
    )
    return min(1.0, 2 * math.fsum(chances))


def paired_bootstrap(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> PairedDifference:
    """Mean of a - b over the pairs where both are numbers, with its 95 % percentile bootstrap interval.

    Raises:
        ValueError: a and b differ in length.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} values can't be paired with {len(b)}")
    difference = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    difference = difference[~np.isnan(difference)]
    mean = float(difference.mean()) if len(difference) else math.nan
    return PairedDifference(mean, *bootstrap_mean_ci(difference), len(difference))
