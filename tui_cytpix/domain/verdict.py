"""The two judgements of a review: are the centroids right, does the mask fit?

Verdicts are lines of an append-only log, of which the last about an image stands. Undo and redo append a line of their
own that says again what stood before or after, so that whoever only reads the last line needs to know nothing of them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from tui_cytpix.domain.field_ranges import Chance, Moment, Whole
from tui_cytpix.domain.sample import ImageKey


class Judgement(enum.StrEnum):
    """One key each in the review; a stated count is right or wrong by itself, and says nothing about the mask."""

    ACCEPTABLE = "acceptable"
    COUNT_ERROR = "count"
    MASK_ERROR = "mask"
    BOTH = "both"
    UNUSABLE = "unusable"
    INDISTINGUISHABLE = "indistinguishable"
    SKIPPED = "skipped"
    COUNT_RIGHT = "count-right"
    COUNT_WRONG = "count-wrong"

    @classmethod
    def of(cls, count_wrong: bool, mask_wrong: bool | None) -> Judgement:
        """The one that says this of count and mask; None: the mask is still to be judged."""
        return next(one for one, said in _HALVES.items() if said == (count_wrong, mask_wrong))

    @property
    def count_wrong(self) -> bool | None:
        """Whether the centroids are wrong; None where that is not judged."""
        return _HALVES.get(self, _NOT_JUDGED)[0]

    @property
    def mask_wrong(self) -> bool | None:
        """Whether the mask is bad; None where that is not judged."""
        return _HALVES.get(self, _NOT_JUDGED)[1]

    @property
    def of_count_alone(self) -> bool:
        """The mask is still to be judged."""
        return self.count_wrong is not None and self.mask_wrong is None

    def by_counts(self, counted: int | None, true_count: int | None) -> Judgement:
        """The same of the mask; whether the count is right follows from what the model counts and from how many there
        are, where both are known.
        """
        if self.count_wrong is None or counted is None or true_count is None:
            return self
        return Judgement.of(true_count != counted, self.mask_wrong)

    def contradicts(self, counted: int | None, true_count: int | None) -> bool:
        return self.by_counts(counted, true_count) is not self


# Of count and mask: wrong, right, or not judged; those that aren't here judge neither.
_NOT_JUDGED = (None, None)
_HALVES: dict[Judgement, tuple[bool, bool | None]] = {
    Judgement.ACCEPTABLE: (False, False),
    Judgement.COUNT_ERROR: (True, False),
    Judgement.MASK_ERROR: (False, True),
    Judgement.BOTH: (True, True),
    Judgement.COUNT_RIGHT: (False, None),
    Judgement.COUNT_WRONG: (True, None),
}


def likely_count(counted: int) -> int:
    """How many particles an image holds where a model's count is wrong and nobody said the true one: one where the
    model saw several, else two.
    """
    return 1 if counted > 1 else 2


@dataclass(frozen=True)
class Verdict:
    """One line of `verdicts.jsonl`; with `judgement` None the image is not judged any more.

    `counts_for_rate` is True only for images of the seeded random sequence that are shown for review; where some are
    shown less often than others, this one was with `chance`, and any at its place at least with `least_chance`.
    `counted` is what the model counted in the image, `true_count` what the reviewer counts instead, where stated.
    `undoes` and `redoes` are the seq of the line that was taken back or reinstated. `seen` is the way (domain.zoom) in
    which the model saw the sample, "" where not told.
    """

    seq: Whole
    time: Moment
    who: str
    image: ImageKey
    model: str
    judgement: Judgement | None
    counts_for_rate: bool = True
    step: str = "assess"  # assess | evaluate
    counted: Whole | None = None
    true_count: Whole | None = None
    undoes: Whole | None = None
    redoes: Whole | None = None
    seen: str = ""
    chance: Chance = 1.0
    least_chance: Chance = 1.0

    @property
    def said(self) -> bool:
        return self.judgement is not None

    def unsaid(self) -> Verdict:
        return replace(self, judgement=None, counted=None, true_count=None)

    @property
    def count_wrong(self) -> bool | None:
        return None if self.judgement is None else self.judgement.count_wrong

    @property
    def mask_wrong(self) -> bool | None:
        return None if self.judgement is None else self.judgement.mask_wrong

    @property
    def count_judged(self) -> bool:
        """Of the count right or wrong was said: not skipped, and nothing that can't be judged."""
        return self.count_wrong is not None


class Preference(enum.StrEnum):
    """Two models on one image. On images with differing counts the better one is right and the other wrong; where the
    counts are equal, the better one has the better mask, and `NEITHER` means that the count is wrong.
    """

    NEW = "new"
    BASE = "base"
    EQUAL = "equal"
    NEITHER = "neither"
    UNCLEAR = "unclear"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class PairVerdict:
    """A line of `verdicts.jsonl` about two models; with `preference` None nothing is said of the image any more.

    `new` and `base` are the models' hashes, `new_counted` and `base_counted` what they count; `blind` is True where the
    reviewer did not know which is which, `new_first` where the new one's answer was the first of the two. `undoes`,
    `redoes` and `seen` are as in `Verdict`.
    """

    seq: Whole
    time: Moment
    who: str
    image: ImageKey
    new: str
    base: str
    preference: Preference | None
    new_counted: Whole
    base_counted: Whole
    blind: bool
    new_first: bool
    undoes: Whole | None = None
    redoes: Whole | None = None
    seen: str = ""

    @property
    def said(self) -> bool:
        return self.preference is not None

    def unsaid(self) -> PairVerdict:
        return replace(self, preference=None)


LineT = TypeVar("LineT", Verdict, PairVerdict)


def in_force(lines: Iterable[LineT]) -> dict[ImageKey, LineT]:
    """Of the lines of one review the last about each image, where that says anything."""
    return {image: line for image, line in {line.image: line for line in lines}.items() if line.said}


@dataclass(frozen=True)
class Restored(Generic[LineT]):
    """What undo or redo did to an image: the line that stood, and the one that stands now; None: nothing is said."""

    image: ImageKey
    gone: LineT | None
    stands: LineT | None


def done_and_undone(lines: Iterable[LineT]) -> tuple[list[LineT], list[LineT]]:
    """What undo and redo would take, newest last, of the lines that one review wrote. A line that takes an image's
    verdict back without saying which, as the first version wrote, is a change like others.
    """
    done: list[LineT] = []
    undone: list[LineT] = []
    for line in lines:
        if line.undoes is not None:
            if done and done[-1].seq == line.undoes:
                undone.append(done.pop())
        elif line.redoes is not None:
            if undone and undone[-1].seq == line.redoes:
                done.append(undone.pop())
        else:
            done.append(line)
            undone.clear()
    return done, undone


def last_about(image: ImageKey, lines: Sequence[LineT]) -> LineT | None:
    return next((line for line in reversed(lines) if line.image == image), None)
