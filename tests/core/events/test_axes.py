"""Scales against flowutils, equal properties and closed forms; ticks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.core.events import axes

SCALES = [  # T, W, M, A
    (262144, 0.5, 4.5, 0),
    (1048576, 1.2, 4.5, 0),
    (1048576, 0, 4.5, 0),
    (1000, 1, 4, 1),
    (262144, 2.25, 4.5, 0),
    (1e5, 0.5, 4.5, -0.3),
]


def values() -> np.ndarray:
    rng = np.random.default_rng(0)
    edges = [0.0, -1e6, 1, -1, 262144, 1048576, 3e6, 1e-3, np.nan]
    return np.concatenate([rng.lognormal(8, 2, 5000), rng.normal(0, 300, 5000), edges])


@pytest.mark.parametrize("scale", SCALES)
def test_logicle_as_flowutils(scale: tuple[float, ...]) -> None:
    transforms = pytest.importorskip("flowutils.transforms")
    top, width, decades, negative = scale
    known = values()[np.isfinite(values())]
    curve = axes.biexponential(*scale)
    theirs = transforms.logicle(known.reshape(-1, 1), [0], t=top, m=decades, w=width, a=negative).ravel()
    np.testing.assert_allclose(axes.logicle(known, curve), theirs, atol=1e-12)
    places = np.linspace(-0.3, 1.3, 81)
    theirs = transforms.logicle_inverse(places.reshape(-1, 1), [0], t=top, m=decades, w=width, a=negative).ravel()
    np.testing.assert_allclose(curve(places), theirs, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_logicle_keeps_what_its_authors_promise(scale: tuple[float, ...]) -> None:
    top, width, decades, negative = scale
    curve = axes.biexponential(*scale)
    places = axes.logicle(values(), curve)
    assert np.isnan(places[-1])
    np.testing.assert_allclose(curve(places[:-1]), values()[:-1], rtol=1e-9, atol=1e-6)
    zero, full = axes.logicle(np.array([0.0, top]), curve)
    assert zero == pytest.approx((width + negative) / (decades + negative))
    assert full == pytest.approx(1.0)
    rising = axes.logicle(np.sort(values()[:-1]), curve)
    assert (np.diff(rising) >= 0).all()


def test_logicle_ends_logarithmic() -> None:
    """Far above the linear region a decade takes 1 / (M + A) of the axis."""
    curve = axes.biexponential(1048576, 0.5, 4.5)
    low, high = axes.logicle(np.array([1e5, 1e6]), curve)
    assert high - low == pytest.approx(1 / 4.5, rel=2e-3)


@pytest.mark.parametrize("scale", [(0, 0.5, 4.5, 0), (1e5, 3, 4.5, 0), (1e5, -0.1, 4.5, 0), (1e5, 0.5, 4.5, 4)])
def test_impossible_scales_are_refused(scale: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="no logicle scale"):
        axes.biexponential(*scale)


def test_width_shows_the_negative_values() -> None:
    rng = np.random.default_rng(1)
    spread = np.concatenate([rng.normal(0, 500, 20000), rng.lognormal(9, 1, 5000)])
    width = axes.logicle_width(spread, 1048576, 4.5)
    reference = np.quantile(spread[spread < 0], 0.05)
    assert width == pytest.approx((4.5 - math.log10(1048576 / abs(reference))) / 2)
    curve = axes.biexponential(1048576, width, 4.5)
    assert 0 < axes.logicle(np.array([reference]), curve)[0] < axes.logicle(np.array([0.0]), curve)[0]
    assert axes.logicle_width(np.abs(spread), 1048576, 4.5) == 0.5
    assert axes.logicle_width(np.full(20, -1e9), 1048576, 4.5) == 2.25


@given(st.floats(-1e7, 1e7), st.floats(0.1, 1e4))
def test_arcsinh_there_and_back(value: float, cofactor: float) -> None:
    there = axes.arcsinh(np.array([value]), cofactor)
    assert axes.arcsinh_inverse(there, cofactor)[0] == pytest.approx(value, rel=1e-9, abs=1e-9 * cofactor)
    assert there[0] == pytest.approx(math.asinh(value / cofactor) / math.log(10))


def test_arcsinh_as_flowutils_where_both_are_logarithmic() -> None:
    """GatingML's asinh with T = 10^M x cofactor / 2 and A = 0 differs from ours by an offset-free factor 1 / M."""
    transforms = pytest.importorskip("flowutils.transforms")
    top, decades = 262144.0, 4.0
    cofactor = top / math.sinh(decades * math.log(10))
    known = values()[:-1]
    theirs = transforms.asinh(known.reshape(-1, 1), [0], t=top, m=decades, a=0).ravel()
    np.testing.assert_allclose(axes.arcsinh(known, cofactor) / decades, theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 10, 5, [0, 5, 10]),
        (0, 10, 6, [0, 2, 4, 6, 8, 10]),
        (-1.2, 1.1, 5, [-1, -0.5, 0, 0.5, 1]),
        (0, 1048576, 4, [0, 500000, 1000000]),
        (0.113, 0.127, 3, [0.115, 0.12, 0.125]),
        (3, 3, 5, []),
        (0, 1, 0, []),
    ],
)
def test_linear_ticks_are_round(low: float, high: float, most: int, expected: list[float]) -> None:
    assert axes.ticks_linear(low, high, most) == pytest.approx(expected)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 12))
def test_linear_ticks_lie_within_and_are_few(low: float, span: float, most: int) -> None:
    found = axes.ticks_linear(low, low + span, most)
    assert len(found) <= most
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in found)


def test_decades_of_both_signs() -> None:
    assert axes.ticks_decades(-250, 30000) == [-100, -10, -1, -0.1, -0.01, 0, 0.01, 0.1, 1, 10, 100, 1000, 10000]
    assert axes.ticks_decades(2, 5) == []
