"""Showing some images of a random sequence less often than others, so that more of what may be wrong is looked at.

What the model counts as the rarer kind (usually multiplets) is always shown, and what is in doubt: the images that it
is least sure of, and those with the most foreground. Of the rest, which is *plain*, one image in `times` is. Each image
that is shown keeps the chance with which it was, and judgements are weighted by it. Bad models are told from fewer
images so; good ones are not: that a rare kind is seldom missed shows only by looking at as many of those images in
which it would be missed.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from tui_cytpix.core.statistics.sequential_tests import Plan
from tui_cytpix.core.statistics.weighted_tests import CERTAIN, Inclusion, farther, nearer
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import AssessSettings, Kind, OverSampling
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.assess.verdict import ALL, part_tests
from tui_cytpix.workflow.run.run import Run

TIMES = (1, 2, 4)  # offered
MOST_TIMES = 10
ENOUGH = 50  # processed images that tell which kind is rare
DOUBTFUL = 0.15  # share of the images of the commoner kind, half of it the least sure, half the largest


@dataclass(frozen=True)
class Shown:
    """Which images of a step's random sequence are shown."""

    seed: str
    places: Mapping[ImageKey, int]
    rules: tuple[OverSampling, ...]

    @classmethod
    def of(cls, run: Run, step: str) -> Shown:
        settings = run.settings.of_step(step)
        places = {key: place for place, key in enumerate(settings.sequence)}
        return cls(f"{run.settings.seed}/{step}/shown", places, settings.over_sampling)

    def how(self, image: ImageKey, answer: Segmentation | None) -> Inclusion | None:
        """None: it is not, or not of the sequence. `answer` is that of the model that is judged."""
        place = self.places.get(image)
        if place is None:
            return None
        rule = next((rule for rule in reversed(self.rules) if rule.since <= place), None)
        if rule is None or rule.shown == 1:
            return CERTAIN
        if answer is None:
            return None
        chance = rule.shown if _is_plain(answer, rule) else 1.0
        return Inclusion(chance, rule.shown) if random.Random(f"{self.seed}/{image}").random() < chance else None

    @property
    def following(self) -> Inclusion:
        """How a further image of the rarer kind will be."""
        return Inclusion(1.0, self.rules[-1].shown) if self.rules else CERTAIN


def _is_plain(answer: Segmentation, rule: OverSampling) -> bool:
    """Not where nobody said how sure the model is."""
    in_doubt = not answer.confidence > rule.doubtful or np.count_nonzero(answer.mask) >= rule.large
    return not rule.rare.holds(answer.particle_count) and not in_doubt


def to_review(run: Run, step: str, model: str, images: Iterable[ImageKey], store: PredictionStore) -> list[ImageKey]:
    """Of processed images of the step's sequence those that are shown for review, or were when they were judged; in
    their order. `model` is the judged one's hash.
    """
    shown = Shown.of(run, step)
    if not shown.rules:
        return list(images)
    said = {v.image: v.counts_for_rate for v in run.verdicts if (v.model, v.step, v.repeat) == (model, step, False)}
    return [image for image in images if said.get(image) or shown.how(image, store.get(image)) is not None]


def moved(
    rules: Sequence[OverSampling], before: Sequence[ImageKey], now: Sequence[ImageKey]
) -> tuple[OverSampling, ...]:
    """The rules of a sequence that is drawn again: what is kept of it stands in front, in the same order."""

    def since(rule: OverSampling) -> int:
        earlier = set(before[: rule.since])
        return sum(1 for _ in itertools.takewhile(earlier.__contains__, now))

    return tuple(replace(rule, since=since(rule)) for rule in rules)


def rules_in_words(rules: Sequence[OverSampling]) -> str:
    """What is shown since when; "" where all is, and was."""
    if all(rule.shown == 1 for rule in rules):
        return ""
    rule = rules[-1]
    if rule.shown == 1:
        return (
            f"From image {rule.since + 1} of the sequence on all are shown again; before, some were shown less often "
            "than others, and judgements are weighted by that."
        )
    usual = "several" if rule.rare is Kind.SINGLETS else "one"
    return (
        f"Over-sampled from image {rule.since + 1} of the sequence on: of what the model counts as {usual} without "
        f"doubt one image in {1 / rule.shown:.0f} is shown, and judgements are weighted by that."
    )


def over_sample(run: Run, step: str, model: ModelEntry, times: int) -> None:
    """From the first image of the sequence that nobody has judged on, shows one in `times` of the images that are
    neither of the rarer kind by the model's count nor in doubt; 1: all again.

    Raises:
        UsageError: `times` is out of range, or too few images are processed to tell which kind is rare.
    """
    if not 1 <= times <= MOST_TIMES:
        raise UsageError("No such over-sampling", f"One in {times}.", f"From 1 (all) to {MOST_TIMES}.")
    settings = run.settings.of_step(step)
    store = run.answers(model.hash)
    answers = [one for key in settings.sequence if (one := store.get(key)) is not None]
    if len(answers) < ENOUGH:
        raise UsageError(
            "Which kind of image is rare is not known yet",
            f"{len(answers)} random images are processed.",
            f"Process {ENOUGH} or more, then over-sample.",
        )
    judged = {v.image for v in run.verdicts} | {v.image for v in run.pair_verdicts}
    since = max((place for place, key in enumerate(settings.sequence, 1) if key in judged), default=0)
    rare = _rarer(answers)
    usual = [one for one in answers if not rare.holds(one.particle_count)]
    sure = [one.confidence for one in usual if math.isfinite(one.confidence)]
    doubtful = float(np.quantile(sure, DOUBTFUL / 2)) if sure else 1.0
    large = int(np.quantile([np.count_nonzero(one.mask) for one in usual], 1 - DOUBTFUL / 2)) + 1
    rule = OverSampling(since, 1 / times, rare, doubtful, large)
    rules = (*(one for one in settings.over_sampling if one.since < since), rule)
    run.update(run.settings.with_step(step, over_sampling=rules))


def _rarer(answers: Sequence[Segmentation]) -> Kind:
    several = sum(answer.particle_count > 1 for answer in answers)
    return Kind.SINGLETS if 2 * several > len(answers) else Kind.MULTIPLETS


@dataclass(frozen=True)
class Budget:
    """Images that are expected to be looked at, where one in `times` of the plain ones is shown: until a model is kept
    that errs half as often as is plainly good, and until one is told that misses twice as many of the `rare` kind as
    is intolerable, all where it is in doubt (None: they are not required). `of` are processed for the first.
    """

    times: int
    rare: Kind
    keep: int
    retrain: int | None
    of: int


def budgets(settings: AssessSettings, sequence: Sequence[ImageKey], answers: Sequence[Segmentation]) -> list[Budget]:
    """For each of `TIMES`, by the model's counts; none where these don't tell a share of both kinds."""
    several = sum(answer.particle_count > 1 for answer in answers) / max(1, len(answers))
    if len(answers) < ENOUGH or not 0 < several < 1:
        return []
    rare = _rarer(answers)
    share = min(several, 1 - several)
    names = list(dict.fromkeys(key.sample for key in sequence))
    tests = part_tests(settings, names if len(names) > 1 else [])
    found = []
    for times in TIMES:
        sure, plain = Inclusion(1.0, 1 / times), Inclusion(1 / times, 1 / times)
        doubtful = DOUBTFUL * (1 - share)
        mix = {sure: share + doubtful, plain: (1 - share - doubtful) / times} if times > 1 else {CERTAIN: 1.0}
        shown = sum(mix.values())
        takes = [
            _processed(test, kind, rare, mix, sure, share) for (sample, kind), test in tests.items() if sample == ALL
        ]
        processed = max(mean for mean, _ in takes)
        alike = [
            _processed(test, kind, rare, mix, sure, share)
            for (sample, kind), test in tests.items()
            if sample != ALL and kind in (Kind.COUNT, Kind.MASK)
        ]
        if alike:
            mean, deviation = alike[0]
            processed = max(processed, len(names) * (mean + deviation * _largest_of(len(alike))))
        told, retrain = tests.get((ALL, rare)), None
        if told is not None:
            away = farther(told, min(1.0, 2 * settings.p1), sure)
            retrain = math.ceil(max(told.minimum, -math.log(told.alpha) / away) / share * shown)
        found.append(Budget(times, rare, math.ceil(processed * shown), retrain, math.ceil(processed)))
    return found


def _largest_of(parts: int) -> float:
    """Of so many parts that take as many images, by how many standard deviations the slowest goes beyond the mean, on
    average (Blom 1958).
    """
    return NormalDist().inv_cdf((parts - 0.375) / (parts + 0.25))


def _processed(
    test: Plan, kind: Kind, rare: Kind, mix: Mapping[Inclusion, float], sure: Inclusion, share: float
) -> tuple[float, float]:
    """Images of the sequence until this part keeps: mean and standard deviation, of a random walk to that line."""
    if kind is rare:
        mix = {sure: share}
    elif kind in (Kind.SINGLETS, Kind.MULTIPLETS):
        mix = {how: part - (share if how == sure else 0) for how, part in mix.items()}
    rate = test.p0 / 2
    step = sum(part * nearer(test, rate, how) for how, part in mix.items())
    squared = sum(
        part * ((1 - rate) * nearer(test, 0.0, how) ** 2 + rate * nearer(test, 1.0, how) ** 2)
        for how, part in mix.items()
    )
    mean = -math.log(test.beta) / step
    return max(test.minimum / sum(mix.values()), mean), math.sqrt(mean * (squared - step**2)) / step


def budget_in_words(found: Sequence[Budget]) -> list[str]:
    """What is expected with all images shown, and with fewer; nothing where it can't be told."""
    if not found:
        return []
    first, *others = found
    told = "" if first.retrain is None else f"; until one is told that often misses {first.rare}, some {first.retrain}"
    words = [f"Expected to be judged until a good model is kept: some {first.keep} images{told}."]
    if first.retrain is not None:
        fewer = [f"with one in {one.times} shown {one.keep} and {one.retrain}" for one in others]
        words.append(
            f"These two numbers where only some images that the model finds plain are shown: {'; '.join(fewer)}."
        )
    return words
