"""Weighted tests: Wald's where all is shown, else against simulation with errors where they are seen least."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tui_cytpix.core.statistics import sequential_tests
from tui_cytpix.core.statistics.sequential_tests import Decision, plan
from tui_cytpix.core.statistics.weighted_tests import (
    CERTAIN,
    Inclusion,
    _interval,
    confidence_sequence,
    decide,
    expected_needed,
    nearer,
    rate_of,
)

TEST = plan(0.02, 0.10)
SURE, PLAIN = Inclusion(1.0, 0.25), Inclusion(0.25, 0.25)


def drawn(rng, images, rates, shares):
    """Shown images of a sequence: `shares` of strata, of which the first is always shown, and their error rates."""
    stratum = rng.choice(len(shares), images, p=shares)
    shown = np.array([SURE if s == 0 else PLAIN for s in stratum], dtype="object,object")
    chance = np.where(stratum == 0, 1.0, 0.25)
    inside = rng.random(images) < chance
    wrong = rng.random(images) < np.asarray(rates)[stratum]
    return wrong[inside].tolist(), [Inclusion(*one) for one in shown[inside]]


@given(st.lists(st.booleans(), max_size=120))
def test_where_all_is_shown_it_is_walds_test(errors):
    shown = [CERTAIN] * len(errors)
    assert decide(TEST, errors, shown) == TEST.decide(errors)
    assert confidence_sequence(errors, shown) == sequential_tests.confidence_sequence(sum(errors), len(errors))
    assert expected_needed(TEST, errors, shown, 0.01, CERTAIN) == TEST.expected_needed(errors, 0.01)


def test_what_was_decided_while_all_were_shown_stands():
    """At the end of Wald's test, too, which lies between its two lines."""
    errors = (([False] * 20 + [True]) * 6)[:117]
    decision, after = TEST.decide(errors)
    assert (decision, after) == (Decision.KEEP, TEST.maximum)
    assert TEST.keep_up_to(TEST.maximum - 1) < sum(errors[: TEST.maximum - 1])
    for further in (False, True):
        assert decide(TEST, [*errors, *[further] * 60], [CERTAIN] * len(errors) + [SURE] * 60) == (decision, after)


@given(st.integers(0, 40), st.integers(0, 60))
def test_its_interval_is_the_mixtures_where_all_is_shown(wrong, right):
    """The sum over 64 alternatives against the integral in closed form, but for the grid of rates."""
    tally = [((error, CERTAIN), images) for error, images in ((False, right), (True, wrong)) if images]
    if not tally:
        return
    found, exact = _interval(tuple(tally)), sequential_tests.confidence_sequence(wrong, wrong + right)
    assert found[0] <= exact[0] + 1e-9
    assert found[1] >= exact[1] - 1e-9
    assert found == pytest.approx(exact, abs=0.009)


@pytest.mark.parametrize("rates", [(0.1, 0.1), (0.4, 0.0), (0.0, 1 / 7.5)], ids=["alike", "seen often", "seen seldom"])
def test_a_rate_that_is_intolerable_is_seldom_kept_wherever_the_errors_lie(rates):
    """In a quarter, or a fraction, of the images: in all the share that is wrong is 10 %."""
    rng, runs = np.random.default_rng(1), 200
    shares = (0.25, 0.75)
    assert np.dot(rates, shares) == pytest.approx(0.1)
    kept = [decide(TEST, *drawn(rng, 1500, rates, shares))[0] is Decision.KEEP for _ in range(runs)]
    assert sum(kept) <= stats.binom.ppf(0.999, runs, 0.05)


@pytest.mark.parametrize("rates", [(0.02, 0.02), (0.08, 0.0), (0.0, 0.02 / 0.75)])
def test_a_rate_that_is_plainly_good_seldom_retrains(rates):
    rng, runs = np.random.default_rng(2), 100
    said = [decide(TEST, *drawn(rng, 1500, rates, (0.25, 0.75)))[0] for _ in range(runs)]
    assert said.count(Decision.RETRAIN) <= stats.binom.ppf(0.999, runs, 0.05)
    assert said.count(Decision.KEEP) > 0.9 * runs


def test_the_interval_holds_at_all_numbers_of_images_at_once():
    rng, runs, missed, inside = np.random.default_rng(3), 60, 0, 0
    for _ in range(runs):
        errors, shown = drawn(rng, 800, (0.16, 0.03), (0.25, 0.75))
        true = 0.25 * 0.16 + 0.75 * 0.03
        limits = [confidence_sequence(errors[:n], shown[:n]) for n in range(20, len(errors), 40)]
        missed += any(not low <= true <= high for low, high in limits)
        low, high = limits[-1]
        inside += low <= rate_of(errors, shown) <= high
    assert missed <= stats.binom.ppf(0.999, runs, 0.05)
    assert inside == runs


def test_the_estimate_is_right_on_average():
    rng = np.random.default_rng(4)
    found = [rate_of(*drawn(rng, 2000, (0.3, 0.02), (0.1, 0.9))) for _ in range(200)]
    assert np.mean(found) == pytest.approx(0.1 * 0.3 + 0.9 * 0.02, abs=4 * np.std(found) / math.sqrt(200))
    assert math.isnan(rate_of([], []))


@settings(max_examples=50, deadline=None)
@given(st.floats(0.01, 0.4), st.floats(1.5, 8), st.sampled_from([1.0, 0.5, 0.1]), st.sampled_from([1.0, 0.5, 0.1]))
def test_no_bet_gains_on_average_where_the_rate_is_the_one_bet_against(p0, factor, sure, plain):
    """Over all images, those not shown too, in closed form: chance times gain, at p1 for keeping."""
    p1 = min(0.95, p0 * factor)
    if p1 < 1.3 * p0:
        return
    test, least = plan(max(p0, 0.01), p1, 0.05), min(sure, plain)
    shown = [Inclusion(sure, least), Inclusion(plain, least)]
    for one in shown:
        gain = [math.exp(nearer(test, float(error), one)) for error in (0, 1)]
        expected = 1 + one.chance * ((1 - p1) * (gain[0] - 1) + p1 * (gain[1] - 1))
        assert expected == pytest.approx(1)
        assert min(gain) >= 0


def test_so_many_images_are_expected_as_it_takes():
    rng = np.random.default_rng(5)
    after = []
    for _ in range(200):
        wrong = (rng.random(2000) < 0.01).tolist()
        decision, images = decide(TEST, wrong, [SURE] * 2000)
        after.append(images if decision is Decision.KEEP else 2000)
    assert np.mean(after) == pytest.approx(expected_needed(TEST, [], [], 0.01, SURE), rel=0.1)
    assert expected_needed(TEST, [], [], 0.2, SURE) is None
