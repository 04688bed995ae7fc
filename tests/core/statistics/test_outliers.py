"""Robust z, against SciPy's median absolute deviation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tui_cytpix.core.statistics.outliers import FEWEST, LIMIT, robust_z


def test_z_is_the_distance_from_the_median_in_mads():
    values = [*np.random.default_rng(1).normal(3, 2, 40).tolist(), 60.0]
    spread = stats.median_abs_deviation(values, scale="normal")
    assert robust_z(values, values, 0) == pytest.approx((np.array(values) - np.median(values)) / spread)
    assert robust_z(values, values, 0)[-1] > LIMIT


def test_a_difference_below_the_least_is_none_however_alike_the_others_are():
    others = [1.0] * 9
    assert robust_z([1.0, 1.09, 1.11], others, 0.1) == pytest.approx([0, LIMIT * 0.9, LIMIT * 1.1])
    with pytest.raises(ValueError, match="no spread"):
        robust_z([1.0], others, 0)


def test_few_values_and_unknown_ones_tell_of_nothing():
    assert all(map(math.isnan, robust_z([9.0], [1.0] * (FEWEST - 1) + [math.nan], 0.1)))
    found = robust_z([math.nan, 2.0], [1.0] * FEWEST, 0.1)
    assert (math.isnan(found[0]), found[1] > LIMIT) == (True, True)
