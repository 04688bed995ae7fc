"""Which presses of a key are repeats of a held one, by the times at which they come."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.ui.keys.presses import REPEATS, Presses


@pytest.fixture(autouse=True)
def hands() -> None:
    """The real ones."""


Typed = list[tuple[str, float]]


def decided(typed: Iterable[tuple[str, float]]) -> Typed:
    """Which presses decide, were all images drawn."""
    rule, found = Presses(), []
    for (key, at), (following, then) in pairwise([*typed, ("", 1e9)]):
        wait = rule.press(key, at)
        if wait is not None and not (then < at + wait and rule.repeats(following, then)):
            found.append((key, at))
    return found


def typed(key: str, begin: float, gaps: Iterable[float]) -> Typed:
    return [(key, at) for at in accumulate(gaps, initial=begin)]


DELAYS, FAST = st.floats(0.25, 1.0), st.lists(st.floats(0.02, 0.1), min_size=1, max_size=60)


@given(DELAYS, FAST, st.floats(0.25, 3.0), st.sampled_from("ax"))
def test_a_hold_decides_once_and_does_not_leak_into_what_follows(delay, gaps, pause, then):
    held = typed("a", 10.0, [delay, *gaps])
    after = (then, held[-1][1] + (pause if then == "a" else 0.2))
    assert decided([*held, after]) == [held[0], after]


@given(st.lists(st.tuples(st.sampled_from("axc"), st.floats(0.25, 2.0)), max_size=20))
def test_single_presses_all_decide(presses):
    at = accumulate(gap for _, gap in presses)
    once = list(zip((key for key, _ in presses), at, strict=True))
    assert decided(once) == once


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=40))
def test_many_at_once_are_one(gaps):
    burst = typed("a", 5.0, gaps)
    assert decided(burst) == burst[:1]


def test_a_link_that_stutters_does_not_end_a_hold():
    for stutter in (0.28, 0.5):
        held = typed("a", 0.0, [0.5, *[0.03] * 5, stutter, *[0.03] * 5])
        assert decided(held) == held[:1]


@pytest.mark.parametrize(("gap", "at_most"), [(0.02, 1), (0.033, 1), (0.1, 1), (0.142, 3), (0.2, 3)])
@pytest.mark.parametrize("delay", [None, 0.25, 0.5, 1.0])
def test_however_slowly_a_held_key_repeats_it_is_found_out(gap, at_most, delay):
    """Terminals' own gaps, and such that vary by 3 %, as they arrive."""
    shaking = random.Random(1)
    for shake in (0.0, 0.03):
        gaps = [gap * (1 + shaking.uniform(-shake, shake)) for _ in range(30)]
        assert len(decided(typed("a", 0.0, gaps if delay is None else [delay, *gaps]))) <= at_most


@pytest.mark.parametrize("gap", [0.25, 0.3, 0.333, 0.4])
@pytest.mark.parametrize("seed", range(5))
def test_presses_of_a_hand_all_decide(gap, seed):
    """Forty, whose gaps vary by a fifth, as those of hands do at the least; or not at all."""
    hand = random.Random(seed)
    for gaps in ([gap * hand.uniform(0.8, 1.2) for _ in range(40)], [gap] * 40):
        assert decided(typed("a", 0.0, gaps)) == typed("a", 0.0, gaps)


def test_after_two_quick_presses_the_next_decide():
    presses = typed("a", 0.0, [0.1, *[0.25] * 8])
    assert decided(presses) == [presses[0], *presses[2:]]


@pytest.mark.parametrize("gap", [0.25, 0.28, 0.32])
def test_presses_right_after_a_hold_decide(gap):
    held = typed("a", 0.0, [0.5, *[0.033] * 20])
    after = typed("a", held[-1][1] + gap, [gap] * 5)
    assert decided([*held, *after]) == [held[0], *after]


def test_a_press_waits_only_where_what_follows_can_tell():
    rule, presses = Presses(), [("a", 0.0), ("a", 2.0), ("a", 2.5), ("x", 2.6), ("a", 2.7), ("a", 2.75)]
    assert [rule.press(*one) for one in presses] == [0.0, 0.0, REPEATS, 0.0, 0.0, None]
