"""Deciding after as few images as the statistics need: Wald's test, and intervals that hold wherever one stops.

NumPy and `math` only: a key press in the review asks for these, and SciPy takes its time to load.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
MINIMUM = 20  # images before any verdict
ERROR_RATE = 0.05  # alpha and beta
LONGEST = 20_000  # images; rates so close that more are needed can't be told apart by eye
LONGEST_OF_PART = 4 * LONGEST  # at the lower alpha of one of many parts
# The mixing density of the confidence sequence, Beta(1/2, 9/2): narrowest where few images are wrong, valid everywhere.
_MIX_ERRORS, _MIX_RIGHT = 0.5, 4.5


class Decision(enum.StrEnum):
    KEEP = "keep"
    RETRAIN = "retrain"
    OPEN = "not yet known"


@dataclass(frozen=True)
class Plan:
    """Wald's sequential probability ratio test of an error rate `p0` (plainly good) against `p1` (intolerable).

    After n >= `minimum` images of which k are wrong, the likelihood ratio L = (p1/p0)^k ((1-p1)/(1-p0))^(n-k) decides:
    retrain at L >= 1/`alpha`, keep at L <= `beta`. These are the thresholds for which Wald (1947, eq. 3.15 f.) proves
    error rates of at most `alpha` (retraining at p0) and `beta` (keeping at p1), whatever the minimum. After `maximum`
    images, `critical` wrong ones or more retrain: the smallest maximum for which the exact error rates stay within
    `alpha` and `beta` too.
    """

    p0: float
    p1: float
    alpha: float
    beta: float
    minimum: int
    maximum: int
    critical: int

    def keep_up_to(self, images: int) -> int:
        """The most errors with which that many images keep the model; -1 where even none would not do."""
        if images < self.minimum:
            return -1
        if images >= self.maximum:
            return self.critical - 1
        return _keep_line(self, images)

    def retrain_from(self, images: int) -> int:
        """The fewest errors with which that many images ask for retraining."""
        if images < self.minimum:
            return images + 1
        if images >= self.maximum:
            return self.critical
        return _retrain_line(self, images)

    def decide(self, errors: Sequence[bool]) -> tuple[Decision, int]:
        """The decision and after how many images it fell; further images don't change it."""
        wrong = 0
        for images, (error, (keep, retrain)) in enumerate(zip(errors, _lines(self), strict=False), 1):
            wrong += error
            if wrong >= retrain:
                return Decision.RETRAIN, images
            if wrong <= keep:
                return Decision.KEEP, images
        return Decision.OPEN, len(errors)

    def clean_needed(self, errors: Sequence[bool]) -> int:
        """How many further images, none of them wrong, would keep the model."""
        images, wrong = len(errors), sum(errors)
        while wrong > self.keep_up_to(images) and images < self.maximum:
            images += 1
        return images - len(errors)

    def expected_needed(self, errors: Sequence[bool], rate: float) -> int:
        """How many further images until the model is kept, on average, if `rate` of them are wrong: what is missing to
        the line at which it is kept over what each image brings nearer (Wald 1947, eq. 3.57), between `clean_needed`
        and the maximum. `rate` is one at which models are kept: p0 or less.
        """
        images, wrong, right = len(errors), *_slopes(self)
        ratio = sum(errors) * wrong + (images - sum(errors)) * right
        nearer = -(rate * wrong + (1 - rate) * right)
        most = max(0, self.maximum - images)
        return min(most, max(self.clean_needed(errors), math.ceil((ratio - math.log(self.beta)) / nearer)))


@lru_cache(maxsize=256)
def _lines(test: Plan) -> tuple[tuple[int, int], ...]:
    """After 1, 2, ... images: the most errors that keep, and the fewest that retrain."""
    return tuple((test.keep_up_to(n), test.retrain_from(n)) for n in range(1, test.maximum + 1))


@lru_cache(maxsize=64)
def plan(p0: float, p1: float, alpha: float = ERROR_RATE, beta: float = ERROR_RATE) -> Plan:
    """The test of p0 against p1.

    Raises:
        ValueError: not 0 < p0 < p1 < 1, or more than 20,000 images would be needed (of a part, at an `alpha` below the
            usual one, 80,000).
    """
    if not 0 < p0 < p1 < 1:
        raise ValueError(f"rates of {p0} and {p1} can't be told apart by a test")
    longest = LONGEST if alpha >= ERROR_RATE else LONGEST_OF_PART
    open_ended = Plan(p0, p1, alpha, beta, MINIMUM, longest + 1, 0)
    kept_at_p1 = retrained_at_p0 = 0.0
    for at_p0, at_p1 in zip(_steps(open_ended, p0), _steps(open_ended, p1), strict=True):
        if at_p0.images > longest:
            break
        retrained_at_p0 += at_p0.retrain
        kept_at_p1 += at_p1.keep
        if at_p0.images < MINIMUM:
            continue
        retrain_tail = retrained_at_p0 + np.cumsum(at_p0.undecided[::-1])[::-1]  # chance to retrain from k errors on
        critical = max(int(np.count_nonzero(retrain_tail > alpha)), _keep_line(open_ended, at_p0.images) + 1)
        if kept_at_p1 + at_p1.undecided[:critical].sum() <= beta:
            return Plan(p0, p1, alpha, beta, MINIMUM, at_p0.images, critical)
    raise ValueError(f"rates of {p0} and {p1} are so close that {longest} images would not tell them apart")


@dataclass(frozen=True)
class _Step:
    """After `images` images: the chances to decide just now, and of each number of errors without a decision."""

    images: int
    keep: float
    retrain: float
    undecided: NDArray[np.float64]


def _steps(test: Plan, rate: float) -> Iterator[_Step]:
    """The exact course of the test at a true error rate, image by image, over the lattice of (images, errors)."""
    chances = np.ones(1)
    for images in range(1, test.maximum + 1):
        chances = np.append(chances, 0.0) * (1 - rate) + np.append(0.0, chances) * rate
        low, high = test.keep_up_to(images) + 1, test.retrain_from(images)
        keep, retrain = float(chances[:low].sum()), float(chances[high:].sum())
        chances = chances[:high].copy()
        chances[:low] = 0
        yield _Step(images, keep, retrain, chances)


def _slopes(test: Plan) -> tuple[float, float]:
    """What a wrong and what a right image add to the logarithm of the likelihood ratio."""
    return math.log(test.p1 / test.p0), math.log((1 - test.p1) / (1 - test.p0))


def _keep_line(test: Plan, images: int) -> int:
    wrong, right = _slopes(test)
    return max(-1, math.floor((math.log(test.beta) - images * right) / (wrong - right)))


def _retrain_line(test: Plan, images: int) -> int:
    wrong, right = _slopes(test)
    return math.ceil((-math.log(test.alpha) - images * right) / (wrong - right))


def confidence_sequence(errors: int, images: int) -> tuple[float, float]:
    """A 95 % interval of the error rate that holds at all numbers of images at once: one may stop when one likes.

    The rates p at which the mixture likelihood ratio B(k+a, n-k+b) / (B(a, b) p^k (1-p)^(n-k)) is below 20, for a = 1/2
    and b = 9/2 (Robbins 1970; Ville's inequality). (0, 1) without images.

    Raises:
        ValueError: not 0 <= errors <= images.
    """
    if not 0 <= errors <= images:
        raise ValueError(f"{errors} errors in {images} images")
    if images == 0:
        return 0.0, 1.0
    right = images - errors
    limit = math.log(1 / (1 - CONFIDENCE)) - (
        _log_beta(errors + _MIX_ERRORS, right + _MIX_RIGHT) - _log_beta(_MIX_ERRORS, _MIX_RIGHT)
    )

    def outside(rate: float) -> bool:
        if (errors and rate <= 0) or (right and rate >= 1):
            return True
        against = (errors * math.log(rate) if errors else 0.0) + (right * math.log1p(-rate) if right else 0.0)
        return -against >= limit

    observed = errors / images
    low = 0.0 if errors == 0 else _edge(outside, 0.0, observed)
    high = 1.0 if right == 0 else _edge(outside, 1.0, observed)
    return low, high


def _edge(outside: Callable[[float], bool], far: float, near: float) -> float:
    """Where `outside` changes between `far` (True) and `near` (False), by halving."""
    for _ in range(60):
        middle = (far + near) / 2
        far, near = (middle, near) if outside(middle) else (far, middle)
    return far


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
