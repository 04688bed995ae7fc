"""Blind first: the count is stated on the raw image, before the model's answer is seen; and a hidden tenth of the
images comes a second time, later, which tells how well the reviewer repeats what was said. Repeats enter no verdict.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from tui_cytpix.core.statistics.sequential_tests import confidence_sequence
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import LineT, PairVerdict, Showing, Verdict, in_force
from tui_cytpix.workflow.run.run import Run

SHARE = 0.1  # of the images, that is shown twice
LEAST_BETWEEN, MOST_BETWEEN = 10, 20  # images from an image to its repeat
FEW = 10  # below so many images shown twice little is known of the reviewer


def is_on(run: Run, step: str) -> bool:
    return run.settings.of_step(step).blind_first


def switch(run: Run, step: str) -> bool:
    """On or off, from now on; what was said stays. Returns whether it is on."""
    on = not is_on(run, step)
    run.update(run.settings.with_step(step, blind_first=on))
    return on


def switched_in_words(on: bool) -> str:
    if not on:
        return "Reviews show the model's answer at once."
    return (
        "Blind first: reviews ask for the count on the raw image, then show the answer. Model, sample and its count "
        "are hidden, and a tenth of the images comes twice."
    )


# What is shown, and in which order


def showings(images: Sequence[ImageKey], seed: str) -> list[Showing]:
    """The images in their order, and the repeats among them: of a tenth, drawn image by image, which come 10 to 20
    images later. More images only append; an image with too few after it comes once.
    """
    found: list[Showing] = []
    due: dict[int, list[ImageKey]] = defaultdict(list)
    for place, image in enumerate(images):
        found.append(Showing(image))
        drawn = random.Random(f"{seed}/twice/{image}")
        if drawn.random() < SHARE:
            due[place + drawn.randint(LEAST_BETWEEN, MOST_BETWEEN)].append(image)
        found += [Showing(again, repeat=True) for again in due.pop(place, [])]
    late = {image for later in due.values() for image in later}
    return found + [Showing(image, repeat=True) for image in images[: len(images) - LEAST_BETWEEN] if image in late]


def standing(lines: Sequence[LineT]) -> dict[Showing, LineT]:
    """Of the lines of one review those in force, of repeats too."""
    return {one.showing: one for repeats in (False, True) for one in in_force(lines, repeats=repeats).values()}


def may_repeat(first: Verdict | PairVerdict | None, who: str) -> bool:
    """Whether there is something for that person to say again."""
    return first is not None and first.blind_first and not first.skipped and first.who == who


def answers_seen(run: Run) -> set[Showing]:
    """Where whoever writes now has seen a model's answer: a count that is stated there from now on is not blind."""
    lines: tuple[Verdict | PairVerdict, ...] = (*run.verdicts, *run.pair_verdicts)
    return {line.showing for line in lines if line.showed_answer and line.who == run.who}


# What the repeats say


@dataclass(frozen=True)
class Repeatability:
    """Of one review, or several: of `judged` images, `blind` were judged blind first and `twice` shown twice; of those
    `counts` and `masks` had a judgement twice, the same in `same_counts` and `same_masks`.
    """

    judged: int = 0
    blind: int = 0
    twice: int = 0
    counts: int = 0
    same_counts: int = 0
    masks: int = 0
    same_masks: int = 0

    def __add__(self, other: Repeatability) -> Repeatability:
        return Repeatability(*map(sum, zip(astuple(self), astuple(other), strict=True)))


def repeatability(standing: Iterable[LineT]) -> Repeatability:
    """Of the lines that are in force in one review. A count is said twice where one of the two states it: "can't be
    told" is another.
    """
    said = list(standing)
    first = {line.image: line for line in said if not line.repeat}
    judged = [line for line in first.values() if not line.skipped]
    twice = [
        (first[line.image], line)
        for line in said
        if line.repeat and may_repeat(first.get(line.image), line.who) and line.blind_first and not line.skipped
    ]
    counts = [(a.true_count, b.true_count) for a, b in twice if not a.true_count is b.true_count is None]
    masks = [
        (a.said_of_mask, b.said_of_mask) for a, b in twice if a.said_of_mask is not None and b.said_of_mask is not None
    ]
    return Repeatability(
        judged=len(judged),
        blind=sum(line.blind_first for line in judged),
        twice=len(twice),
        counts=len(counts),
        same_counts=sum(a == b for a, b in counts),
        masks=len(masks),
        same_masks=sum(a == b for a, b in masks),
    )


def of_run(run: Run) -> Repeatability:
    """Of all its reviews together: it is about the reviewer, whatever was judged."""
    of_one: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    of_two: dict[tuple[str, str], list[PairVerdict]] = defaultdict(list)
    for line in run.verdicts:
        if line.seen in run.ways(line.image.sample):
            of_one[line.step, line.model].append(line)
    for pair in run.pair_verdicts:
        if pair.seen in run.ways(pair.image.sample):
            of_two[pair.new, pair.base].append(pair)
    found = [repeatability(standing(lines).values()) for lines in of_one.values()]
    found += [repeatability(standing(lines).values()) for lines in of_two.values()]
    return sum(found, Repeatability())


def in_words(found: Repeatability) -> list[str]:
    """Sentences; none where nothing was judged blind first."""
    if not found.blind:
        return []
    blind = f"Blind first: {found.blind} of {found.judged} images were judged before any answer to them was seen."
    if not found.twice:
        return [blind, "No image has been shown twice yet: how well the reviewer repeats a judgement is not known."]
    said = [("count", found.same_counts, found.counts), ("mask judgement", found.same_masks, found.masks)]
    told = [
        f"the same {what} in {same} of {of} ({low:.0%} to {high:.0%})"
        for what, same, of in said
        if of
        for low, high in [_interval(same, of)]
    ]
    images = "1 image" if found.twice == 1 else f"{found.twice} images"
    few = f"; these are few, {FEW} or more tell something" if found.twice < FEW else ""
    return [blind, f"The reviewer's own repeatability, {images} shown twice: {', '.join(told) or 'nothing said'}{few}."]


def as_dict(found: Repeatability) -> dict[str, Any]:
    return {
        "judged": found.judged,
        "blind_first": found.blind,
        "shown_twice": found.twice,
        "same_count": _share(found.same_counts, found.counts),
        "same_mask": _share(found.same_masks, found.masks),
        "few": found.twice < FEW,
    }


def _share(same: int, of: int) -> dict[str, Any]:
    return {"same": same, "of": of, "ci": list(_interval(same, of))}


def _interval(same: int, of: int) -> tuple[float, float]:
    """A confidence sequence: the reviewer stops when it pleases, as for the model's errors."""
    low, high = confidence_sequence(of - same, of)
    return 1 - high, 1 - low
