"""Rates from a review of all images on which two models differ and a random part of those on which they agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from tui_cytpix.core.statistics.fixed_sample_intervals import CONFIDENCE, NO_INTERVAL, Interval, wilson


class Stratum(NamedTuple):
    """`size` images, of which `reviewed` were drawn at random and looked at, `errors` of them wrong."""

    size: int
    reviewed: int
    errors: int


class Share(NamedTuple):
    """An estimated share with its interval; NaN where a stratum that holds images was not looked at."""

    value: float
    low: float
    high: float


def stratified_share(strata: Sequence[Stratum]) -> Share:
    """The share of wrong images in the population that the strata were drawn from, with its 95 % interval.

    The estimate, the sum of (size / all) (errors / reviewed), is unbiased where the reviewed images are a random part
    of their stratum (Cochran 1977, ch. 5). The interval adds up the strata's own (Wilson's), by recovery of their
    variances (Zou & Donner 2008), and the chance by which an image fell into its stratum: sizes are a random draw's.

    Raises:
        ValueError: more reviewed than there are, or more errors than reviewed.
    """
    if any(not 0 <= s.errors <= s.reviewed <= s.size for s in strata):
        raise ValueError(f"these strata are none: {list(strata)}")
    held = [s for s in strata if s.size]
    total = sum(s.size for s in held)
    if not total or any(s.reviewed == 0 for s in held):
        return Share(math.nan, *NO_INTERVAL)
    weights = [s.size / total for s in held]
    shares = [s.errors / s.reviewed for s in held]
    value = sum(w * share for w, share in zip(weights, shares, strict=True))
    between = sum(w * (share - value) ** 2 for w, share in zip(weights, shares, strict=True)) / total
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    low = high = z * z * between
    for stratum, weight, share in zip(held, weights, shares, strict=True):
        own = wilson(stratum.errors, stratum.reviewed)
        low += (weight * (share - own.low)) ** 2
        high += (weight * (own.high - share)) ** 2
    return Share(value, max(0.0, value - math.sqrt(low)), min(1.0, value + math.sqrt(high)))


def difference(one: Share, other: Share) -> Interval:
    """The interval of one - other for independent shares (Zou & Donner 2008, from the shares' own intervals)."""
    apart = one.value - other.value
    return Interval(
        apart - math.hypot(one.value - one.low, other.high - other.value),
        apart + math.hypot(one.high - one.value, other.value - other.low),
    )
