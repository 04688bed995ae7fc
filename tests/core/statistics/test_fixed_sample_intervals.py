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
