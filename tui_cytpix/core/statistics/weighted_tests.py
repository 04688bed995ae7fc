"""Wald's test, and its confidence sequence, where some images are shown to the reviewer less often than others.

Images come one by one from a random sequence, and each is shown with a chance that depends on what is known of it
before anybody looks. Shown ones count for 1 / chance. A gambler who bets on each shown image at Wald's odds, with a
stake in proportion to that weight, can't expect to gain where the rate is the one that is bet against (Horvitz and
Thompson 1952): so his wealth passes 1 / alpha with a chance of at most alpha, wherever one stops and whatever the
chances were (Ville 1939; Waudby-Smith and Ramdas 2024 on betting). Where every image is shown this is Wald's test
itself, and `sequential_tests` decides, with an end.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.statistics import sequential_tests
from tui_cytpix.core.statistics.sequential_tests import CONFIDENCE, Decision, Plan

_SAFE = 0.5  # of the wealth: what a bet that one image loses may cost where the odds alone would stake less
_RATES = 400  # that the interval is sought among, denser towards 0 and 1
_ALTERNATIVES = 64  # that the confidence sequence bets on


class Inclusion(NamedTuple):
    """The `chance`, over 0 to 1, with which an image was shown, and the `least` that any image at its place had."""

    chance: float = 1.0
    least: float = 1.0


CERTAIN = Inclusion()


def decide(test: Plan, errors: Sequence[bool], shown: Sequence[Inclusion]) -> tuple[Decision, int]:
    """The decision and after how many of these images it fell; further ones don't change it. Without an end from the
    first image on at whose place not every one was shown.

    Args:
        errors: whether each image that was shown is wrong, in the order of the random sequence.
        shown: how each was, the same length.
    """
    certain = next((n for n, one in enumerate(shown) if one.least < 1), len(shown))
    decision, after = test.decide(errors[:certain])
    if decision is not Decision.OPEN or certain == len(shown):
        return decision, after
    images = np.arange(1, len(errors) + 1)
    keeps = (_evidence(errors, shown, test.p0, test.p1) >= -math.log(test.beta)) & (images >= test.minimum)
    retrains = (_evidence(errors, shown, test.p1, test.p0) >= -math.log(test.alpha)) & (images >= test.minimum)
    decided = np.flatnonzero(keeps | retrains)
    if not len(decided):
        return Decision.OPEN, len(errors)
    first = int(decided[0])
    return Decision.KEEP if keeps[first] else Decision.RETRAIN, first + 1


def nearer(test: Plan, rate: float, shown: Inclusion) -> float:
    """How much nearer to the line at which the model is kept an image brings on average, where `rate` of them are
    wrong: negative where it leads away. The line is at -log(beta).
    """
    right, wrong = (_step(error, shown, test.p0, test.p1) for error in (False, True))
    return (1 - rate) * right + rate * wrong


def farther(test: Plan, rate: float, shown: Inclusion) -> float:
    """The same towards the line, at -log(alpha), from which on the model is to be retrained."""
    right, wrong = (_step(error, shown, test.p1, test.p0) for error in (False, True))
    return (1 - rate) * right + rate * wrong


def expected_needed(
    test: Plan, errors: Sequence[bool], shown: Sequence[Inclusion], rate: float, following: Inclusion
) -> int | None:
    """How many further images until the model is kept, on average, if `rate` of them are wrong (0: none) and they are
    shown as those of before under the same `least`, and as the `following` one. None where so many lead away from it.
    """
    like = [one for one in shown if one.least == following.least] + [following]
    step = sum(nearer(test, rate, one) for one in like) / len(like)
    if step <= 0:
        return None
    if _all_certain([*shown, following]):
        return test.expected_needed(errors, rate) if rate else test.clean_needed(errors)
    before = _evidence(errors, shown, test.p0, test.p1)
    missing = -math.log(test.beta) - (float(before[-1]) if len(before) else 0.0)
    return max(0, test.minimum - len(errors), math.ceil(missing / step))


def rate_of(errors: Sequence[bool], shown: Sequence[Inclusion]) -> float:
    """The share of wrong images among all of the random sequence, those not shown too (Hajek 1971); NaN without any."""
    weights = [1 / one.chance for one in shown]
    wrong = sum(weight for weight, error in zip(weights, errors, strict=True) if error)
    return wrong / sum(weights) if weights else math.nan


def confidence_sequence(errors: Sequence[bool], shown: Sequence[Inclusion]) -> tuple[float, float]:
    """A 95 % interval of that share that holds at all numbers of images at once: the rates that bets on a mixture of
    others, by the density of `sequential_tests.confidence_sequence`, have not gained 20-fold against. Where every
    image was shown it is that one.
    """
    if _all_certain(shown):
        return sequential_tests.confidence_sequence(sum(errors), len(errors))
    tally = Counter(zip(map(bool, errors), shown, strict=True))
    return _interval(tuple(sorted(tally.items())))


@lru_cache(maxsize=1024)
def _interval(tally: tuple[tuple[tuple[bool, Inclusion], int], ...]) -> tuple[float, float]:
    against = np.sin(np.linspace(0, math.pi / 2, _RATES + 1)[1:-1, None]) ** 2
    angles = (np.arange(_ALTERNATIVES) + 0.5) * (math.pi / 2 / _ALTERNATIVES)
    favoured, mixing = np.sin(angles) ** 2, np.cos(angles) ** 8  # Beta(1/2, 9/2), by the angle
    gained = np.log(mixing / mixing.sum())[None, :]
    for (error, shown), images in tally:
        gained = gained + images * _gain(error, shown, favoured, against)
    wealth = np.logaddexp.reduce(gained, axis=1)
    inside = np.flatnonzero(wealth < -math.log(1 - CONFIDENCE))
    if not len(inside):  # the rates lie between two that are tried
        inside = np.array([int(np.argmin(wealth))])
    tried = np.concatenate([[0.0], against[:, 0], [1.0]])
    return float(tried[inside[0]]), float(tried[inside[-1] + 2])


def _all_certain(shown: Sequence[Inclusion]) -> bool:
    return all(one.least == 1 for one in shown)


def _evidence(
    errors: Sequence[bool], shown: Sequence[Inclusion], favoured: float, against: float
) -> NDArray[np.float64]:
    """After each image: the logarithm of what bets on the rate `favoured` have gained where it is `against`."""
    images = list(zip(errors, shown, strict=True))
    steps = {image: _step(*image, favoured, against) for image in set(images)}
    return np.cumsum([steps[image] for image in images])


@lru_cache(maxsize=1024)
def _step(error: bool, shown: Inclusion, favoured: float, against: float) -> float:
    return float(_gain(error, shown, np.array(favoured), np.array(against)))


def _gain(
    error: bool, shown: Inclusion, favoured: NDArray[np.float64], against: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log of the factor of one image. The stake is its weight, less where the heaviest image of that place would lose
    more than all: then it is such that the heaviest gets Wald's own odds.
    """
    wrong, right = favoured / against, (1 - favoured) / (1 - against)
    loss = 1 - np.minimum(wrong, right)
    scale = np.minimum(1.0, np.maximum(loss, _SAFE) * shown.least / np.maximum(loss, 1e-12))
    return np.asarray(np.log1p(scale / shown.chance * ((wrong if error else right) - 1)))
