"""Numbers of all events from the imaged ones: against every sample that could be drawn, SciPy's Poisson intervals, and
simulated tubes whose truth is known.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks import per_volume
from tui_cytpix.core.statistics import imaged_share
from tui_cytpix.core.statistics.imaged_share import Strata, Total, counted, expected, strata, total

STRATUM = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
VALUES = np.array([0.0, 1, 1, 4, 0, 0, 2, 3, 1])


def test_of_all_samples_the_mean_is_the_sum_and_the_mean_variance_is_theirs() -> None:
    found = []
    for one, other in itertools.product(itertools.combinations(range(4), 2), itertools.combinations(range(4, 9), 3)):
        measured = np.zeros(9, bool)
        measured[[*one, *other]] = True
        found.append(total(Strata(STRATUM, measured, 1.0), np.where(measured, VALUES, 1e9)))
    values = [each.value for each in found]
    assert np.mean(values) == pytest.approx(VALUES.sum())
    assert np.mean([each.sampling for each in found]) == pytest.approx(np.var(values))
    assert np.mean([each.counting for each in found]) == pytest.approx((VALUES**2).sum())


@pytest.mark.parametrize("columns", [1, 2])
def test_strata_that_the_measured_events_themselves_divide_favour_no_event(monkeypatch, columns: int) -> None:
    """Over every sample of 9 of 13 events: each event's mean share of the total is 1, at the ends too."""
    monkeypatch.setattr(imaged_share, "IN_STRATUM", 3)
    values = np.random.default_rng(0).permuted(np.tile(np.arange(13.0), (columns, 1)), axis=1)
    found = []
    for chosen in itertools.combinations(range(13), 9):
        measured = np.zeros(13, bool)
        measured[list(chosen)] = True
        known = strata(values[0], values[1:], measured)
        assert len(np.unique(known.stratum)) > 1
        found.append([total(known, (np.arange(13) == event).astype(np.float64)).value for event in range(13)])
    assert np.mean(found, axis=0) == pytest.approx(np.ones(13))


def test_the_class_with_the_least_scatter_is_told_by_as_good_an_interval_as_others() -> None:
    """Where borders between strata lay beside measured events it held in 48 %."""
    rng, inside, runs = np.random.default_rng(0), 0, 40
    for _ in range(runs):
        count = rng.poisson(40_000)
        time, forward, side = rng.random((3, count))
        found = expected(total(strata(time, [forward, side], rng.random(count) < 0.1), (side < 0.1).astype(np.float64)))
        inside += found.low <= 4000 <= found.high
    assert inside >= stats.binom.ppf(0.001, runs, 0.95)


def test_of_events_that_were_all_measured_it_is_the_number_with_the_exact_poisson_interval() -> None:
    rng = np.random.default_rng(0)
    of_class = (rng.random(500) < 0.1).astype(np.float64)
    known = strata(np.arange(500.0), [rng.normal(size=500)], np.ones(500, bool))
    assert known.support == 1.0
    found = total(known, of_class)
    count = int(of_class.sum())
    assert (found.value, found.sampling, found.heaviest) == (pytest.approx(count), 0.0, 1.0)
    low, high = stats.chi2.ppf(0.025, 2 * count) / 2, stats.chi2.ppf(0.975, 2 * count + 2) / 2
    assert astuple(expected(found)) == pytest.approx((count, low, high))
    assert astuple(counted(count)) == pytest.approx((count, low, high))
    assert astuple(counted(0)) == pytest.approx((0, 0, stats.chi2.ppf(0.975, 2) / 2))


def test_many_alike_have_the_normal_interval() -> None:
    found = expected(Total(1e6, 3e6, 1e6, 7.0))
    assert (found.low, found.high) == pytest.approx((1e6 - 1.96 * 2000, 1e6 + 1.96 * 2000), rel=1e-4)


def test_strata_hold_equally_many_measured_events_in_the_order_of_their_values() -> None:
    rng = np.random.default_rng(1)
    time, size = rng.random(9000), rng.random(9000)
    measured = rng.random(9000) < 0.3 * time
    known = strata(time, [size], measured)
    seen = np.bincount(known.stratum, measured)
    parts = int((np.bincount(known.stratum) > 1).sum())
    assert seen[:parts].min() >= 5
    assert seen[:parts].max() <= 20
    assert (seen[parts:] == 1).all()  # the borders
    assert len(seen) == known.stratum.max() + 1 > 100
    for slice_ in range(1, parts // 10):  # ten strata to a slice of time
        before, after = known.stratum < 10 * slice_, (known.stratum >= 10 * slice_) & (known.stratum < parts)
        assert time[before].max() <= time[after].min()
        assert (before & measured).sum() / (known.stratum < parts)[measured].sum() == pytest.approx(
            10 * slice_ / parts, abs=0.01
        )


def test_too_few_measured_events_tell_nothing() -> None:
    for measured in (np.zeros(50, bool), np.arange(50) < 1):
        known = strata(np.arange(50.0), [np.arange(50.0)] * 2, measured)
        assert math.isnan(total(known, np.ones(50)).value)
        assert math.isnan(expected(total(known, np.ones(50))).high)
    assert strata(np.zeros(0), [np.zeros(0)], np.zeros(0, bool)).support == 0.0


@pytest.mark.parametrize("images", [300, 5000])
def test_support_tells_where_no_image_is(images: int) -> None:
    rng = np.random.default_rng(2)
    count = 7 * images
    time, size, other = rng.random((3, count))
    measured = rng.random(count) < 1 / 7
    assert strata(time, [size, other], measured).support > 0.99
    ended = measured & (time < 0.6)  # at the cap
    assert strata(time, [size, other], ended).support == pytest.approx(0.6, abs=0.1)
    wide = measured & (size > 0.15)  # a gate wider than the instrument's
    assert strata(time, [size, other], wide).support == pytest.approx(0.85, abs=0.1)
    late = measured & ((time > 0.5) | (size < 0.5))  # neither time nor size alone shows this
    assert strata(time, [size, other], late).support < (0.9 if images > 1000 else 1.0)


def test_of_a_tube_whose_imaging_favours_times_and_sizes() -> None:
    """Counted alone, the imaged events are seven times too few; scaled by the imaged share, a quarter too many."""
    rng = np.random.default_rng(3)
    counted_alone, scaled, ours, events_held, cells_held, _ = per_volume.row(rng, 10_000, 0.2, "both", 200)
    assert 1 / counted_alone == pytest.approx(1 / 0.18, rel=0.05)
    assert scaled > 1.2
    assert ours == pytest.approx(1.0, abs=0.02)
    assert min(events_held, cells_held) >= per_volume.BAR


@pytest.mark.parametrize("rate", [0.002, 0.2])
def test_of_a_tube_that_was_imaged_evenly_or_early(rate: float) -> None:
    for seed, way in enumerate(("even", "time")):
        found = per_volume.row(np.random.default_rng([4, seed]), 10_000, rate, way, 200)
        assert 1 / found[0] == pytest.approx(7, rel=0.15)
        assert found[2] == pytest.approx(1.0, abs=0.06 if rate < 0.01 else 0.015)
        assert min(found[3:5]) >= per_volume.BAR
