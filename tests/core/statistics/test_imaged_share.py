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
    assert seen.min() >= 5
    assert seen.max() <= 20
    assert len(seen) == known.stratum.max() + 1 > 100
    for slice_ in range(1, len(seen) // 10):  # ten strata to a slice of time
        before = known.stratum < 10 * slice_
        assert time[before].max() <= time[~before].min()
        assert before[measured].mean() == pytest.approx(10 * slice_ / len(seen), abs=0.01)


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
