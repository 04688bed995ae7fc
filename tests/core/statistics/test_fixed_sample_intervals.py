"""Intervals and tests against SciPy's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tui_cytpix.core.statistics import fixed_sample_intervals


@given(st.integers(1, 500), st.data())
def test_wilson_is_scipys(trials, data):
    successes = data.draw(st.integers(0, trials))
    judge = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    low, high = fixed_sample_intervals.wilson(successes, trials)
    assert low == pytest.approx(judge.low, abs=1e-12)
    assert high == pytest.approx(judge.high, abs=1e-12)


def test_wilson_without_data_says_so():
    assert all(math.isnan(end) for end in fixed_sample_intervals.wilson(0, 0))
    with pytest.raises(ValueError, match="3 successes"):
        fixed_sample_intervals.wilson(3, 2)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test_on_discordant_pairs(only_a, only_b):
    judge = stats.binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
    assert fixed_sample_intervals.mcnemar_exact(only_a, only_b) == pytest.approx(judge, rel=1e-9)


@pytest.mark.parametrize("freedom", [*range(1, 40), 99, 500, 2001])
def test_students_quantile_is_scipys(freedom):
    assert fixed_sample_intervals.student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-12)


def test_bootstrap_agrees_with_scipys_percentile_bootstrap():
    values = np.random.default_rng(3).beta(8, 2, 60)
    judge = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=9999, rng=1).confidence_interval
    low, high = fixed_sample_intervals.bootstrap_mean_ci(values, seed=5, resamples=9999)
    assert low == pytest.approx(judge.low, abs=0.005)
    assert high == pytest.approx(judge.high, abs=0.005)


def test_bootstrap_is_deterministic_and_leaves_nan_out():
    values = np.array([0.2, np.nan, 0.9, 0.5, 0.7])
    assert fixed_sample_intervals.bootstrap_mean_ci(values, 1) == fixed_sample_intervals.bootstrap_mean_ci(
        values[~np.isnan(values)], 1
    )
    assert fixed_sample_intervals.bootstrap_mean_ci(values, 1) != fixed_sample_intervals.bootstrap_mean_ci(values, 2)
    assert all(math.isnan(end) for end in fixed_sample_intervals.bootstrap_mean_ci(np.array([0.5]), 1))


def test_bootstrap_in_batches_covers_large_samples(monkeypatch):
    values = np.random.default_rng(0).normal(1, 1, 4000)
    monkeypatch.setattr(fixed_sample_intervals, "_CELLS", 40_000)
    low, high = fixed_sample_intervals.bootstrap_mean_ci(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(4000), rel=0.1)


def test_bootstrap_ratio_without_a_denominator_is_nan():
    assert all(math.isnan(end) for end in fixed_sample_intervals.bootstrap_ratio_ci(np.zeros(5), np.zeros(5)))


def test_paired_bootstrap_sees_a_constant_shift():
    a = np.random.default_rng(0).normal(0.8, 0.2, 40)
    found = fixed_sample_intervals.paired_bootstrap(np.append(a, np.nan), np.append(a - 0.1, 0.5))
    assert found.mean == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)
    assert found.pairs == 40
    with pytest.raises(ValueError, match="paired"):
        fixed_sample_intervals.paired_bootstrap(a, a[:-1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1))
def test_the_interval_of_few_is_students_with_one_more(values, unseen):
    low, high = fixed_sample_intervals.mean_of_few(values, unseen)
    numbers = [*values, unseen]
    mean, error = np.mean(numbers), stats.sem(numbers)
    judge = (mean, mean) if error == 0 else stats.t.interval(0.95, len(values), mean, error)
    assert low == pytest.approx(max(0, min(judge[0], np.mean(values))), abs=1e-9)
    assert high == pytest.approx(min(1, max(judge[1], np.mean(values))), abs=1e-9)


def test_the_interval_of_few_holds_the_mean_where_students_does_not():
    """Images of which one in twenty is counted wrong (0.45), the others vary little: few show none of these."""
    rng = np.random.default_rng(0)
    covered, students = 0, 0
    for _ in range(2000):
        values = np.where(rng.random(14) < 0.05, 0.45, rng.normal(0.92, 0.03, 14)).clip(0, 1)
        low, high = fixed_sample_intervals.mean_of_few(values.tolist(), 0.45)
        covered += low <= 0.8965 <= high
        plain = stats.t.interval(0.95, 13, values.mean(), stats.sem(values))
        students += plain[0] <= 0.8965 <= plain[1]
    assert covered >= 1900
    assert students < 1800
    assert all(math.isnan(end) for end in fixed_sample_intervals.mean_of_few([], 0.45))
