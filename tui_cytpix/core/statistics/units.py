"""Shares and differences over independent units (cultures, donors, animals): few of them, with few images each of what
errs. Images and tubes nest in units; a unit's images say nothing about how much the next unit differs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tui_cytpix.core.statistics.fixed_sample_intervals import CONFIDENCE, NO_INTERVAL
from tui_cytpix.core.statistics.stratified_rates import Share

MOST_ARRANGEMENTS = 200_000  # beyond, so many are drawn at random


class UnitShare(NamedTuple):
    """One unit: of so many images, so many err. Neither need be whole: where images weigh unequally, `images` is how
    many equal ones would tell as much (Kish 1965), and errors / images their weighted share.
    """

    images: float
    errors: float


def weighted_share(weights: Sequence[tuple[float, bool]]) -> UnitShare:
    """A unit's share from (weight, wrong) of each of its images."""
    total = sum(weight for weight, _ in weights)
    if not total:
        return UnitShare(0.0, 0.0)
    images = total**2 / sum(weight**2 for weight, _ in weights)
    return UnitShare(images, images * sum(weight for weight, wrong in weights if wrong) / total)


def share_over_units(units: Iterable[UnitShare]) -> Share:
    """The share of what errs, with its 95 % interval over units; a unit without images is left out. NaN ends below two
    units.

    Clopper and Pearson's interval at the number of independent images that would tell as much (Korn and Graubard 1998):
    p (1 - p) / v, times (z / t)^2 for as few units as there are, t Student's quantile. v is the variance of the share
    (a ratio) over units, and the binomial variance of all images once more: a few units of a skewed distribution mostly
    lack its rare bad ones and look too much alike. Without errors, or with nothing else, v is the binomial one's limit.
    """
    seen = [unit for unit in units if unit.images > 0]
    images = sum(unit.images for unit in seen)
    if not images:
        return Share(math.nan, *NO_INTERVAL)
    errors = sum(unit.errors for unit in seen)
    share = min(1.0, errors / images)
    if len(seen) < 2:
        return Share(share, *NO_INTERVAL)
    spread = sum((unit.errors - share * unit.images) ** 2 for unit in seen)
    between = spread / images**2 * len(seen) / (len(seen) - 1)
    binomial = share * (1 - share) / images
    level = 0.5 + CONFIDENCE / 2
    shrunk = (float(special.ndtri(level)) / float(special.stdtrit(len(seen) - 1, level))) ** 2
    alike = between <= 1e-17  # by rounding alone they differ
    effective = shrunk * images * (1.0 if alike else binomial / (between + binomial))
    wrong = share * effective
    right = effective - wrong
    low = 0.0 if wrong <= 0 else float(special.betaincinv(wrong, right + 1, 1 - level))
    high = 1.0 if right <= 0 else float(special.betaincinv(wrong + 1, right, level))
    return Share(share, low, high)


def ratio_over_units(units: Iterable[tuple[float, float]]) -> Share:
    """sum(top) / sum(bottom) of (top, bottom) of each unit, with its 95 % interval over units: Student's t at the
    ratio's linearised variance (Cochran 1977, ch. 6; the units count by their bottoms). For means that are about normal
    over units: where a few units err and most don't, `share_over_units` holds. NaN ends below two units; a unit with
    bottom 0 is left out.
    """
    parts = np.array([unit for unit in units if unit[1] > 0], np.float64).reshape(-1, 2)
    if not len(parts):
        return Share(math.nan, *NO_INTERVAL)
    top, bottom = parts.T
    value = float(top.sum() / bottom.sum())
    count = len(parts)
    if count < 2:
        return Share(value, *NO_INTERVAL)
    spread = float(np.square(top - value * bottom).sum()) * count / (count - 1)
    half = float(special.stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * math.sqrt(spread) / float(bottom.sum())
    return Share(value, value - half, value + half)


def permutation_p(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided p value of the exact permutation test of a difference in means: which units are in which group would be
    chance. Twice the smaller tail, at most 1; 1 where a group is empty.
    """
    if not one or not other:
        return 1.0
    values, size = np.array([*one, *other], np.float64), len(one)
    if math.comb(len(values), size) <= MOST_ARRANGEMENTS:
        chosen = np.array(list(itertools.combinations(range(len(values)), size)))
        return _two_sided(values[chosen].sum(axis=1), float(values[:size].sum()))
    return _two_sided_at_random((order[:size].sum() for order in _orders(values)), float(values[:size].sum()))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Two-sided p value of the exact sign-flip test that paired differences lie about 0: each sign would be chance.
    Twice the smaller tail, at most 1; 1 without differences.
    """
    values = np.array(differences, np.float64)
    if 2 ** len(values) <= MOST_ARRANGEMENTS:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(values)))).reshape(-1, len(values))
        return _two_sided(signs @ values, float(values.sum()))
    rng = np.random.default_rng(0)
    drawn = (float(rng.choice((1.0, -1.0), len(values)) @ values) for _ in range(MOST_ARRANGEMENTS // 10))
    return _two_sided_at_random(drawn, float(values.sum()))


def least_p(one: int, other: int = 0) -> float:
    """The smallest p value that either test can give: of so many units against so many, or of so many pairs."""
    arrangements = math.comb(one + other, one) if other else 2**one
    return min(1.0, 2 / arrangements)


def _orders(values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    return (rng.permutation(values) for _ in range(MOST_ARRANGEMENTS // 10))


def _two_sided(found: NDArray[np.float64], observed: float) -> float:
    """Sums that differ by rounding alone are ties."""
    near = 1e-12 * max(1.0, float(np.abs(found).max()))
    tails = ((found >= observed - near).mean(), (found <= observed + near).mean())
    return min(1.0, 2 * float(min(tails)))


def _two_sided_at_random(drawn: Iterable[float], observed: float) -> float:
    """As what was observed is one of the arrangements, it is counted among those drawn (Phipson and Smyth 2010)."""
    return _two_sided(np.array([observed, *drawn], np.float64), observed)
