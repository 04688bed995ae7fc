"""The sequential test and its intervals against enumeration, closed forms, Wald's inequalities and simulation."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from tui_cytpix.core.statistics.sequential_tests import Decision, Plan, confidence_sequence, plan
from tui_cytpix.domain.run_settings import GOALS

PRESETS = [(goal.p0, goal.p1) for goal in GOALS]


def simulated(test: Plan, rate: float, runs: int, seed: int) -> tuple[dict[Decision, float], np.ndarray]:
    """Shares of the decisions, and after how many images each fell, by playing the test."""
    rng = np.random.default_rng(seed)
    played = [test.decide((rng.random(test.maximum) < rate).tolist()) for _ in range(runs)]
    shares = {decision: sum(d is decision for d, _ in played) / runs for decision in Decision}
    return shares, np.array([images for _, images in played])


class Characteristic(NamedTuple):
    keep: float
    retrain: float
    mean_images: float


def characteristic(test: Plan, rate: float) -> Characteristic:
    """What a plan does at one true error rate: the exact chances of both decisions, and mean number of images."""
    keep = retrain = mean = 0.0
    chances = np.ones(1)  # of each number of errors, without a decision so far
    for images in range(1, min(test.maximum, 20_000) + 1):
        chances = np.append(chances, 0.0) * (1 - rate) + np.append(0.0, chances) * rate
        low, high = test.keep_up_to(images) + 1, test.retrain_from(images)
        decided = chances[:low].sum(), chances[high:].sum()
        keep, retrain, mean = keep + decided[0], retrain + decided[1], mean + images * sum(decided)
        chances = np.append(np.zeros(low), chances[low:high])
    return Characteristic(keep, retrain, mean)


@pytest.mark.parametrize(("p0", "p1"), PRESETS)
def test_error_rates_are_at_most_the_nominal_ones(p0, p1):
    test = plan(p0, p1)
    assert characteristic(test, p0).retrain <= 0.05
    assert characteristic(test, p1).keep <= 0.05
    for better, worse in ((p0 / 2, p1), (p0, min(1.0, p1 * 1.5))):
        assert characteristic(test, better).retrain <= 0.05
        assert characteristic(test, worse).keep <= 0.05


@given(st.floats(0.005, 0.5), st.floats(1.8, 8), st.sampled_from([0.01, 0.05, 0.1]), st.sampled_from([0.01, 0.05]))
@settings(max_examples=20, deadline=None)
def test_error_rates_are_kept_for_any_rates(p0, factor, alpha, beta):
    p1 = min(p0 * factor, 0.95)
    if p1 < p0 * 1.5:
        return
    test = plan(p0, p1, alpha, beta)
    at_p0, at_p1 = characteristic(test, p0), characteristic(test, p1)
    assert at_p0.retrain <= alpha + 1e-12
    assert at_p1.keep <= beta + 1e-12
    assert at_p0.keep + at_p0.retrain == pytest.approx(1)
    assert test.minimum <= test.maximum


@pytest.mark.parametrize("rate", [0.02, 0.06, 0.1, 0.3])
def test_simulation_agrees_with_the_exact_computation(rate):
    test, runs = plan(0.02, 0.10), 2000
    shares, images = simulated(test, rate, runs, seed=5)
    exact = characteristic(test, rate)
    assert shares[Decision.OPEN] == 0
    for share, chance in ((shares[Decision.KEEP], exact.keep), (shares[Decision.RETRAIN], exact.retrain)):
        assert abs(share - chance) <= 4 * math.sqrt(max(chance * (1 - chance), 1e-4) / runs)
    assert abs(images.mean() - exact.mean_images) <= 4 * images.std() / math.sqrt(runs) + 1e-9


def test_the_exact_computation_is_that_of_all_paths():
    test = Plan(0.1, 0.6, 0.2, 0.2, 3, 9, 3)
    for rate in (0.1, 0.35, 0.6):
        chances = dict.fromkeys(Decision, 0.0)
        mean = 0.0
        for path in itertools.product([False, True], repeat=9):
            chance = math.prod(rate if wrong else 1 - rate for wrong in path)
            decision, images = test.decide(path)
            chances[decision] += chance
            mean += chance * images
        exact = characteristic(test, rate)
        assert (exact.keep, exact.retrain) == pytest.approx((chances[Decision.KEEP], chances[Decision.RETRAIN]))
        assert exact.mean_images == pytest.approx(mean)


@pytest.mark.parametrize(("p0", "p1"), PRESETS)
def test_walds_inequalities_and_approximate_sample_number(p0, p1):
    """Without minimum and maximum: Wald's ratios (1947, 3.15), and a mean number of images not below his
    approximation, which neglects the overshoot.
    """
    test = Plan(p0, p1, 0.05, 0.05, 1, 20_001, 0)
    at_p0, at_p1 = characteristic(test, p0), characteristic(test, p1)
    assert at_p0.retrain / at_p1.retrain <= test.alpha
    assert at_p1.keep / at_p0.keep <= test.beta
    for rate, found in ((p0, at_p0), (p1, at_p1)):
        step = rate * math.log(p1 / p0) + (1 - rate) * math.log((1 - p1) / (1 - p0))
        wald = (found.keep * math.log(test.beta) - found.retrain * math.log(test.alpha)) / step
        overshoot = math.log(p1 / p0) / abs(step)
        assert wald - 1e-6 <= found.mean_images <= wald + overshoot


@pytest.mark.parametrize(("p0", "p1"), PRESETS)
def test_the_maximum_is_the_smallest_that_keeps_the_error_rates(p0, p1):
    test = plan(p0, p1)
    for critical in range(30):
        shorter = Plan(p0, p1, test.alpha, test.beta, test.minimum, test.maximum - 1, critical)
        kept = characteristic(shorter, p1).keep <= test.beta
        assert not (kept and characteristic(shorter, p0).retrain <= test.alpha)


@pytest.mark.parametrize(("p0", "p1"), PRESETS)
def test_a_part_that_others_make_room_for_keeps_its_level(p0, p1):
    """The exact chance to be retrained at p0 by a lowered line before the same end, for all levels a part can get."""
    for alpha in (0.04 / 24, 0.01 / 28, 0.04 / 8, 0.02, 0.05):
        test = plan(p0, p1, alpha)
        for level in {alpha, 1.1 * alpha, 2 * alpha, 0.025, 0.05}:
            if alpha <= level <= 0.05:
                lowered = characteristic(replace(test, alpha=level), p0)
                assert lowered.retrain <= level, (alpha, level)
                assert characteristic(replace(test, alpha=level), p1).keep <= test.beta


@pytest.mark.parametrize(("p0", "p1"), PRESETS)
def test_how_many_images_keep_a_good_model_on_average(p0, p1):
    """Wald's approximation against the exact course: it neglects the overshoot, at most one image's step."""
    test = Plan(p0, p1, 0.05, 0.05, 1, 20_001, 0)
    rate = p0 / 2
    wrong, right = math.log(p1 / p0), math.log((1 - p1) / (1 - p0))
    nearer = -(rate * wrong + (1 - rate) * right)
    expected = test.expected_needed([], rate)
    assert expected == math.ceil(-math.log(0.05) / nearer)
    exact = characteristic(test, rate)
    assert exact.keep > 0.99
    assert expected - 1 - wrong * exact.retrain / nearer <= exact.mean_images * 1.02
    assert exact.mean_images <= expected * 1.02 - right / nearer
    bounded = plan(p0, p1)
    assert bounded.expected_needed([True] * 3, rate) > bounded.expected_needed([], rate)
    assert bounded.expected_needed([False] * bounded.maximum, rate) == 0
    assert bounded.expected_needed([True] * (bounded.maximum - 2), rate) == 2


def test_the_bars_of_gating():
    test = plan(0.02, 0.10)
    decision, images = test.decide([False] * 60)
    assert decision is Decision.KEEP
    assert images <= 40
    assert images == math.ceil(math.log(0.05) / math.log(0.9 / 0.98))
    assert test.clean_needed([]) == images
    _, counts = simulated(test, 0.3, 500, seed=1)
    assert counts.min() >= 20
    assert np.median(counts) <= 22


def test_nothing_is_decided_before_the_minimum_and_never_after_the_maximum():
    test = plan(0.02, 0.10)
    assert test.decide([True] * 19) == (Decision.OPEN, 19)
    assert test.decide([True] * 60) == (Decision.RETRAIN, 20)
    for seed in range(50):
        errors = (np.random.default_rng(seed).random(test.maximum) < 0.06).tolist()
        assert test.decide(errors)[0] is not Decision.OPEN
        assert test.decide(errors + [True] * 50) == test.decide(errors)


def test_what_is_needed_at_least_is_what_decides():
    test = plan(0.01, 0.05)
    for errors in ([], [True], [False] * 30 + [True], [True] * 2 + [False] * 40):
        needed = test.clean_needed(errors)
        assert test.decide(errors + [False] * needed)[0] is Decision.KEEP
        assert test.decide(errors + [False] * (needed - 1))[0] is Decision.OPEN


@pytest.mark.parametrize(("p0", "p1"), [(0.0, 0.1), (0.1, 0.1), (0.2, 0.1), (0.1, 1.0), (0.1, 0.1001)])
def test_rates_that_no_test_tells_apart_are_refused(p0, p1):
    with pytest.raises(ValueError, match="apart"):
        plan(p0, p1)


@given(st.integers(1, 300), st.data())
@settings(max_examples=60, deadline=None)
def test_the_interval_is_where_the_mixture_ratio_is_small(images, data):
    errors = data.draw(st.integers(0, images))
    low, high = confidence_sequence(errors, images)
    # The marginal likelihood of the data under the mixing density, by SciPy's beta-binomial.
    mixed = stats.betabinom.logpmf(errors, images, 0.5, 4.5)

    def surplus(rate):
        return mixed - stats.binom.logpmf(errors, images, rate) - math.log(20)

    def edge(far):
        """Between the observed rate and `far`; `far` itself where the edge lies beyond it."""
        return far if surplus(far) < 0 else optimize.brentq(surplus, *sorted((errors / images, far)))

    if errors:
        assert low == pytest.approx(edge(1e-12), abs=1e-9)
    else:
        assert low == 0
    if errors < images:
        assert high == pytest.approx(edge(1 - 1e-12), abs=1e-9)
    else:
        assert high == 1


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.3, 0.5, 0.9])
def test_the_interval_holds_at_all_numbers_of_images_at_once(rate):
    """The exact chance that any of the first 150 intervals misses the true rate, over the lattice."""
    chances, missed = np.ones(1), 0.0
    for images in range(1, 151):
        chances = np.append(chances, 0.0) * (1 - rate) + np.append(0.0, chances) * rate
        for errors in np.flatnonzero(chances > 1e-12):
            low, high = confidence_sequence(int(errors), images)
            if not low <= rate <= high:
                missed += chances[errors]
                chances[errors] = 0.0
    assert missed <= 0.05


def test_the_interval_without_images_is_everything():
    assert confidence_sequence(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="3 errors"):
        confidence_sequence(3, 2)
