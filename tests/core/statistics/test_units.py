"""Over units: against SciPy's tests and distributions, and by simulation of units that differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from tui_cytpix.core.statistics import units
from tui_cytpix.core.statistics.stratified_rates import difference
from tui_cytpix.core.statistics.units import UnitShare, share_over_units, weighted_share

numbers = st.lists(st.integers(-20, 20).map(lambda n: n / 20), min_size=2, max_size=6)


@settings(deadline=None)  # SciPy takes its time at the first call
@given(numbers, numbers)
def test_the_permutation_test_is_scipys(one, other):
    def apart(a, b, axis=-1):
        """The means' difference, times both sizes: whole numbers, as SciPy doesn't see ties that rounding parts."""
        return np.sum(a, axis=axis) * b.shape[axis] - np.sum(b, axis=axis) * a.shape[axis]

    whole = [np.rint(20 * np.array(group)) for group in (one, other)]
    judge = stats.permutation_test(whole, apart, vectorized=True, n_resamples=np.inf)
    assert units.permutation_p(one, other) == pytest.approx(judge.pvalue, abs=1e-9)


@settings(deadline=None)
@given(numbers)
def test_the_sign_flip_test_is_scipys(differences):
    whole = np.rint(20 * np.array(differences))
    judge = stats.permutation_test((whole,), np.sum, permutation_type="samples", vectorized=True, n_resamples=np.inf)
    assert units.sign_flip_p(differences) == pytest.approx(judge.pvalue, abs=1e-9)


def test_with_many_units_arrangements_are_drawn():
    rng = np.random.default_rng(5)
    one, other = rng.normal(0, 1, 14), rng.normal(0.7, 1, 14)
    assert units.permutation_p(one.tolist(), other.tolist()) == pytest.approx(
        stats.ttest_ind(one, other).pvalue, abs=0.01
    )
    apart = rng.normal(0.4, 1, 25)
    assert units.sign_flip_p(apart.tolist()) == pytest.approx(stats.ttest_1samp(apart, 0).pvalue, abs=0.01)


def test_three_against_three_and_five_pairs_are_too_few_for_any_exact_test():
    assert units.least_p(3, 3) == units.permutation_p([1, 2, 3], [7, 8, 9]) == pytest.approx(0.1)
    assert units.least_p(4, 4) == units.permutation_p([1, 2, 3, 4], [7, 8, 9, 9]) == pytest.approx(2 / 70)
    assert units.least_p(5) == units.sign_flip_p([1, 2, 3, 4, 5]) == pytest.approx(1 / 16)
    assert units.least_p(6) == units.sign_flip_p([1, 2, 3, 4, 5, 6]) == pytest.approx(1 / 32)


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=2, max_size=10))
def test_the_interval_is_clopper_and_pearsons_at_the_effective_number_of_images(errors):
    """Of units of 40 images each; their variance is that of SciPy's t test of the units' shares."""
    shares = np.array(errors) / 40
    images, mean = 40 * len(errors), float(shares.mean())
    found = share_over_units([UnitShare(40, k) for k in errors])
    effective = images * (special.ndtri(0.975) / stats.t.ppf(0.975, len(errors) - 1)) ** 2
    if np.ptp(shares) > 0:
        t_test = stats.ttest_1samp(shares, 0.0)
        variance = ((t_test.confidence_interval().high - mean) / stats.t.ppf(0.975, t_test.df)) ** 2
        binomial = mean * (1 - mean) / images
        effective *= binomial / (variance + binomial)
    wrong, right = mean * effective, (1 - mean) * effective
    assert found.value == pytest.approx(mean)
    assert found.low == pytest.approx(stats.beta.ppf(0.025, wrong, right + 1) if wrong else 0, abs=1e-6)
    assert found.high == pytest.approx(stats.beta.ppf(0.975, wrong + 1, right) if right > 0 else 1, abs=1e-6)


def test_a_single_unit_has_no_interval_and_one_without_images_is_left_out():
    assert math.isnan(share_over_units([]).value)
    one = share_over_units([UnitShare(50, 5), UnitShare(0, 0)])
    assert one.value == 0.1
    assert math.isnan(one.low)
    two = [UnitShare(50, 5), UnitShare(30, 1)]
    assert share_over_units([*two, UnitShare(0, 0)]) == share_over_units(two)


def test_images_that_weigh_unequally_count_as_fewer():
    assert weighted_share([(2.0, True), (2.0, False)]) == UnitShare(2, 1)
    images, errors = weighted_share([(1.0, True)] * 20 + [(5.0, False)] * 20)
    assert images == pytest.approx(120**2 / (20 + 500))
    assert errors / images == pytest.approx(20 / 120)
    assert weighted_share([]) == UnitShare(0, 0)


@pytest.mark.parametrize(("of_class", "rate"), [(0.01, 0.2), (0.1, 0.05), (0.9, 0.05), (0.9, 0.2)])
@pytest.mark.parametrize("number", [3, 6])
def test_the_interval_holds_for_few_units_that_differ(number, of_class, rate):
    """Units whose logits vary by 0.5, 100 to 400 images each, of which so many are of the class. That 0.93 or more of
    the intervals hold is told from 0.90 by 800 trials; the table of many more settings is a benchmark.
    """
    rng = np.random.default_rng([number, int(1000 * of_class), int(1000 * rate)])
    z = rng.standard_normal(200_000)
    logit = special.logit(rate)
    for _ in range(30):  # the mean of the units' rates is `rate`
        logit += special.logit(rate) - special.logit(special.expit(logit + 0.5 * z).mean())
    held = apart_held = 0
    for _ in range(800):
        groups = []
        for _group in range(2):
            images = rng.binomial(rng.integers(100, 401, number), of_class)
            wrong = rng.binomial(images, special.expit(logit + 0.5 * rng.standard_normal(number)))
            groups.append(share_over_units([UnitShare(n, k) for n, k in zip(images, wrong, strict=True)]))
        low, high = groups[0][1:]
        held += math.isnan(low) or low <= rate <= high
        low, high = difference(*groups)
        apart_held += math.isnan(low) or low <= 0 <= high
    assert held >= 0.93 * 800
    assert apart_held >= 0.93 * 800


def test_an_exact_test_alone_is_misled_by_unequal_numbers_of_images_and_the_interval_is_not():
    """Four cultures with 360 images of the class each against four with 5, which mostly show no error at all."""
    rng = np.random.default_rng(2)
    exact = both = 0
    for _ in range(600):
        groups = []
        for images in (360, 5):
            rates = special.expit(special.logit(0.05) + 0.3 * rng.standard_normal(4))
            groups.append([UnitShare(images, int(k)) for k in rng.binomial(images, rates)])
        one, other = ([unit.errors / unit.images for unit in group] for group in groups)
        low, high = difference(*(share_over_units(group) for group in groups))
        shown = units.permutation_p(one, other) < 0.05
        exact += shown
        both += shown and not low <= 0 <= high
    assert exact > 0.2 * 600
    assert both <= 0.05 * 600
