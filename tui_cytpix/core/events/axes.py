"""Scales on which cytometry values are laid out, their choice from the data, and their ticks.

linear(x) = x; arcsinh(x) = asinh(x / cofactor) / ln 10, in decades at the high end; logicle (Parks, Roederer, Moore
2006; Moore, Parks 2012) is the inverse of the biexponential B(y) = a e^(b y) - c e^(-d y) - f with the parameters T, W,
M and A of GatingML 2.0: 0 lies at (W + A) / (M + A), T at 1. As in the authors' own code, what is below 0 mirrors what
is above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_Values = NDArray[np.float64]
_LN10 = math.log(10.0)
_TABLE = 4096  # knots of the first guess
_STEPS = 2  # of Newton's method from there; more change nothing (measured, 1e-15)
_LOW_SHARE = 0.05  # the percentile of the negative values that the linear region shows (Parks 2006)


def arcsinh(values: _Values, cofactor: float) -> _Values:
    """asinh(x / cofactor) / ln 10: about linear below the cofactor, one unit a decade above it."""
    return np.arcsinh(values / cofactor) / _LN10


def arcsinh_inverse(scaled: _Values, cofactor: float) -> _Values:
    """The inverse of `arcsinh`."""
    return np.sinh(scaled * _LN10) * cofactor


@dataclass(frozen=True)
class Biexponential:
    """B's constants: a e^(b y) - c e^(-d y) - f from `zero` on, where it is 0 (which defines f); mirrored below.

    `rising` and `falling` are the first and the second term at `zero`.
    """

    rising: float
    b: float
    falling: float
    d: float
    zero: float

    def __call__(self, y: _Values) -> _Values:
        beyond = y - self.zero
        return np.asarray(np.sign(beyond) * self.above(np.abs(beyond)))

    def above(self, z: _Values) -> _Values:
        """The value at `z` >= 0 beyond `zero`."""
        # The terms cancel around 0: expm1 keeps the digits.
        return np.asarray(self.rising * np.expm1(self.b * z) - self.falling * np.expm1(-self.d * z))

    def slope(self, z: _Values) -> _Values:
        """The derivative of `above`."""
        return np.asarray(self.rising * self.b * np.exp(self.b * z) + self.falling * self.d * np.exp(-self.d * z))


@lru_cache(maxsize=64)
def biexponential(top: float, width: float, decades: float, negative: float = 0.0) -> Biexponential:
    """The constants from T, W, M, A (Moore, Parks 2012, equations 4 to 10).

    Raises:
        ValueError: no scale has these.
    """
    if not (top > 0 and decades > 0 and 0 <= 2 * width <= decades and -width <= negative <= decades - 2 * width):
        raise ValueError(f"T {top:g}, W {width:g}, M {decades:g}, A {negative:g} make no logicle scale")
    w = width / (decades + negative)
    x2 = negative / (decades + negative)
    x1, x0 = x2 + w, x2 + 2 * w
    b = (decades + negative) * _LN10
    d = _solve_d(b, w)
    ca = math.exp(x0 * (b + d))
    fa = math.exp(b * x1) - ca / math.exp(d * x1)
    a = top / ((math.exp(b) - fa) - ca / math.exp(d))
    return Biexponential(a * math.exp(b * x1), b, ca * a * math.exp(-d * x1), d, x1)


def _solve_d(b: float, w: float) -> float:
    """d in (0, b] with 2 (ln d - ln b) + w (d + b) = 0, by bisection: the left side rises with d."""
    if w == 0:
        return b
    low, high = 0.0, b
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if 2 * (math.log(middle) - math.log(b)) + w * (middle + b) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@lru_cache(maxsize=16)
def _knots(curve: Biexponential, power: int) -> tuple[_Values, _Values]:
    """Values (rising) and their places beyond `zero`, from 0 to beyond 2^power."""
    end = 1.0
    while curve.above(np.array([end]))[0] < 2.0**power:
        end *= 1.25
    places = np.linspace(0.0, end, _TABLE)
    return curve.above(places), places


def logicle(values: _Values, curve: Biexponential) -> _Values:
    """The place of each value: the root of B(y) = x, by Newton's method from a table; what isn't finite is NaN."""
    size = np.abs(values)
    largest = float(np.max(size, initial=1.0, where=np.isfinite(size)))
    knots, places = _knots(curve, math.ceil(math.log2(largest)))
    z = np.interp(size, knots, places)
    for _ in range(_STEPS):
        z = np.maximum(z - (curve.above(z) - size) / curve.slope(z), 0.0)
    return np.where(np.isfinite(values), curve.zero + np.sign(values) * z, np.nan)


def logicle_width(values: _Values, top: float, decades: float) -> float:
    """W such that the negative values are seen: (M - log10(T / |r|)) / 2, r the 5th percentile of the negative ones
    (Parks, Roederer, Moore 2006); between 0 and M / 2, 0.5 where fewer than 10 are negative.
    """
    below = values[values < 0]
    if len(below) < 10:
        return min(0.5, decades / 2)
    reference = float(np.quantile(below, _LOW_SHARE))
    return float(np.clip((decades - math.log10(top / abs(reference))) / 2, 0.0, decades / 2))


def ticks_linear(low: float, high: float, most: int) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) from `low` to `high`, at most `most`."""
    span = high - low
    if not span > 0 or most < 1:
        return []
    finest = 10.0 ** math.floor(math.log10(span / most))
    for multiple in (1, 2, 5, 10, 20):
        step = finest * multiple
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [n * step for n in range(first, last + 1)]
    return []


def ticks_decades(low: float, high: float) -> list[float]:
    """0 and the powers of ten, of both signs, from `low` to `high`."""
    largest = max(abs(low), abs(high), 1.0)
    powers = [10.0**n for n in range(-2, math.floor(math.log10(largest)) + 1)]
    return [v for v in (*(-p for p in reversed(powers)), 0.0, *powers) if low <= v <= high]
