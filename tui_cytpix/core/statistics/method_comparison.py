"""How two methods that measured the same things agree: a line, and Bland and Altman's limits of agreement.

Ordinary least squares of the other method on ours: ours is calculated from the very pixels that the other measured, so
it has no error of its own, and what regressions with errors on both sides (Deming, Passing and Bablok) are for is
absent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 10  # values that tell anything
_NORMAL_95 = 1.96
_STEPS = (1.0, 0.1, 0.01, 0.001, 0.0001)  # to which a method may have rounded
_SINGLE = 1e-5  # of a value: what single precision and another order of sums change
_LINE, _CLOSE = 1e-3, 0.05  # shares of the variance that are left about the line
_TIE, _CHANCE = 2.0, 3.0  # ratio of what is left that is none; standard deviations of its logarithm that are chance
_Values = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Another method against ours, over the images that both have a value of. Differences are theirs less ours, 0
    where single precision, in which FCS files hold values, doesn't tell them.

    Attributes:
        n: images.
        slope, intercept: of the least squares line theirs = slope * ours + intercept; NaN where ours doesn't vary.
        slope_error: standard error of the slope.
        unexplained: share of their variance that is left about the line, 1 - r^2; NaN where either doesn't vary.
        bias: mean difference. bias_error: its standard error.
        low, high: limits of agreement, bias -+ 1.96 standard deviations of the differences. limit_error: the standard
            error of each (Bland and Altman 1999, 2.1).
        rms: root of the mean squared difference.
        step: to which they are rounded, 0 where they aren't.
        same: share of the images in which both are equal but for rounding.
    """

    n: int
    slope: float
    intercept: float
    slope_error: float
    unexplained: float
    bias: float
    bias_error: float
    low: float
    high: float
    limit_error: float
    rms: float
    step: float
    same: float

    @property
    def fit(self) -> str:
        """`equal` (but for rounding, in 99 % of the images), `line` (a straight line leaves 0.1 % of the variance at
        most: another unit, gain or offset), `close` (5 % at most), else `other`.
        """
        if self.same >= 0.99:
            return "equal"
        left = 1.0 if math.isnan(self.unexplained) else self.unexplained
        return "line" if left <= _LINE else "close" if left <= _CLOSE else "other"


def compare(ours: _Values, theirs: _Values) -> Comparison | None:
    """Compares values of the same images, (N,) each; images where either is not finite are left out. None where fewer
    than `FEWEST` are left.
    """
    there = np.isfinite(ours) & np.isfinite(theirs)
    x, y = ours[there], theirs[there]
    n = len(x)
    if n < FEWEST:
        return None
    difference = np.where(np.abs(y - x) <= _SINGLE * np.abs(y), 0.0, y - x)
    step, y = rounded_to(y), x + difference
    bias, deviation = float(difference.mean()), float(difference.std(ddof=1))
    dx, dy = x - x.mean(), y - y.mean()
    varied = bool(x.min() < x.max())  # what a constant's mean is off by rounding is no variance
    xx, xy, yy = float(dx @ dx), float(dx @ dy), float(dy @ dy)
    slope = xy / xx if varied else math.nan
    left = max(0.0, yy - xy * slope) if varied else math.nan
    return Comparison(
        n,
        slope,
        float(y.mean() - slope * x.mean()),
        math.sqrt(left / (n - 2) / xx) if varied else math.nan,
        left / yy if y.min() < y.max() else math.nan,
        bias,
        deviation / math.sqrt(n),
        bias - _NORMAL_95 * deviation,
        bias + _NORMAL_95 * deviation,
        deviation * math.sqrt(1 / n + _NORMAL_95**2 / (2 * (n - 1))),
        float(np.sqrt(np.mean(difference**2))),
        step,
        float((np.abs(difference) <= np.maximum(0.999 * step, _SINGLE * np.abs(y))).mean()),
    )


def rounded_to(values: _Values) -> float:
    """The step, 1 to 0.0001, of which all values (N,) are whole multiples as far as single precision tells; else 0."""
    for step in _STEPS:
        off = np.abs(values - np.rint(values / step) * step)
        if (off <= 1e-6 * np.abs(values)).all():
            return step
    return 0.0


def best(found: Mapping[str, Comparison]) -> Sequence[str]:
    """Which of several formulas fits theirs best, and those that fit as well, by name, the best first.

    Those that are `equal` go before the rest, of which a line leaves the least variance, or at most twice as much, and
    more where so few images can't tell them (two equal variances' ratio has a logarithm of about 0 +- 2 / sqrt(n)); of
    these the one with the smallest differences is the first, and of equally small ones the one that was given first.
    """
    equal = [name for name, one in found.items() if one.fit == "equal"]
    left = {name: 1.0 if math.isnan(one.unexplained) else one.unexplained for name, one in found.items()}
    least = min(left.values(), default=0.0)
    images = min((one.n for one in found.values()), default=FEWEST)
    tie = max(_TIE, math.exp(2 * _CHANCE / math.sqrt(images - 2)))
    alike = equal or [name for name in found if left[name] <= tie * least + 1e-9]
    return sorted(alike, key=lambda name: (-found[name].same, float(f"{found[name].rms:.3g}")))
