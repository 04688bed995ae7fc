"""Statistics of populations and counts on grids, against the standard library, SciPy and NumPy's own histograms."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from scipy import stats

from tui_cytpix.core.events.population import bins, grid_counts, summary


def test_summary_as_the_standard_library_has_it() -> None:
    values = np.random.default_rng(0).normal(50, 5, 20001)
    found = summary(np.append(values, np.nan))
    assert found.number == 20001
    assert found.median == pytest.approx(statistics.median(values.tolist()))
    assert found.mean == pytest.approx(statistics.fmean(values.tolist()))
    assert found.cv == pytest.approx(100 * stats.variation(values, ddof=1))
    low, high = np.percentile(values, 100 * stats.norm.cdf([-1, 1]))
    assert found.robust_sd == pytest.approx((high - low) / 2)
    assert found.robust_sd == pytest.approx(5, rel=0.03)


def test_outliers_move_the_cv_and_not_the_robust_sd() -> None:
    values = np.random.default_rng(1).normal(50, 5, 2000)
    spoilt = np.append(values, np.full(20, 1e5))
    assert summary(spoilt).cv > 10 * summary(values).cv
    assert summary(spoilt).robust_sd == pytest.approx(summary(values).robust_sd, rel=0.1)


def test_few_values() -> None:
    assert summary(np.array([np.nan])).number == 0
    assert math.isnan(summary(np.zeros(0)).median)
    one = summary(np.array([3.0]))
    assert (one.number, one.median, one.mean, one.robust_sd) == (1, 3.0, 3.0, 0.0)
    assert math.isnan(one.cv)
    assert math.isnan(summary(np.array([-1.0, 1.0])).cv)


def test_grids_as_numpy() -> None:
    x, y = np.random.default_rng(2).normal(0, 1, (2, 5000))
    x[:3], y[3:6] = np.nan, np.nan
    x[6], y[6] = 2.0, -1.5  # on the edges
    counts = grid_counts(bins(x, -2, 2, 30), bins(y, -1.5, 1.5, 20), 30, 20)
    known = np.isfinite(x) & np.isfinite(y)
    expected, _, _ = np.histogram2d(y[known], x[known], bins=(20, 30), range=((-1.5, 1.5), (-2, 2)))
    assert (counts == expected[::-1]).all()
    one = np.bincount(bins(x, -2, 2, 30)[bins(x, -2, 2, 30) >= 0], minlength=30)
    assert (one == np.histogram(x[np.isfinite(x)], 30, (-2, 2))[0]).all()
