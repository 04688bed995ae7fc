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
    """One key each in the review; a stated count is right or wrong by itself, and says nothing about the mask; of
    the mask alone is what is said where an answer tells no count.
    """

    ACCEPTABLE = "acceptable"
    COUNT_ERROR = "count"
    MASK_ERROR = "mask"
    BOTH = "both"
    UNUSABLE = "unusable"
    INDISTINGUISHABLE = "indistinguishable"
    SKIPPED = "skipped"
    COUNT_RIGHT = "count-right"
    COUNT_WRONG = "count-wrong"
    MASK_RIGHT = "mask-right"
    MASK_WRONG = "mask-wrong"

    @classmethod
    def of(cls, count_wrong: bool | None, mask_wrong: bool | None) -> Judgement:
        """The one that says this of count and mask; None: the mask is still to be judged, or the count can't be."""
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
_HALVES: dict[Judgement, tuple[bool | None, bool | None]] = {
    Judgement.ACCEPTABLE: (False, False),
    Judgement.COUNT_ERROR: (True, False),
    Judgement.MASK_ERROR: (False, True),
    Judgement.BOTH: (True, True),
    Judgement.COUNT_RIGHT: (False, None),
    Judgement.COUNT_WRONG: (True, None),
    Judgement.MASK_RIGHT: (None, False),
    Judgement.MASK_WRONG: (None, True),
}


def likely_count(counted: int) -> int:
    """How many particles an image holds where a model's count is wrong and nobody said the true one: one where the
    model saw several, else two.
    """
    return 1 if counted > 1 else 2


@dataclass(frozen=True)
class Showing:
    """An image as it comes up in a review: for the first time, or as a `repeat`, which tells whether the reviewer says
    the same again.
    """

    image: ImageKey
    repeat: bool = False


@dataclass(frozen=True)
class Verdict:
    """One line of `verdicts.jsonl`; with `judgement` None the image is not judged any more.

    `counts_for_rate` is True only for images of the seeded random sequence that are shown for review; where some are
    shown less often than others, this one was with `chance`, and any at its place at least with `least_chance`.
    `counted` is what the model counted in the image, `true_count` what the reviewer counts instead, where stated.
    `undoes` and `redoes` are the seq of the line that was taken back or reinstated. `seen` is the way (domain.zoom) in
    which the model saw the sample, "" where not told. `blind_first` is True where the reviewer said it, or stated the
    count, before seeing the model's answer; `repeat` where the image was shown a second time: then it is about the
    reviewer alone.
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
    blind_first: bool = False
    repeat: bool = False

    @property
    def showing(self) -> Showing:
        return Showing(self.image, self.repeat)

    @property
    def said(self) -> bool:
        return self.judgement is not None

    @property
    def skipped(self) -> bool:
        return self.judgement is Judgement.SKIPPED

    @property
    def showed_answer(self) -> bool:
        """Whoever said it has seen the model's answer, before it or, where the count was stated, after it."""
        return self.said and (not self.blind_first or self.count_judged)

    @property
    def said_of_mask(self) -> bool | None:
        """What is to be the same when the image comes again; None where nothing was said of the mask."""
        return self.mask_wrong

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
    counts are equal, the better one has the better mask, and `NEITHER` means that the count is wrong. `COUNT_RIGHT`
    says that both count right, and leaves the masks to be compared.
    """

    NEW = "new"
    BASE = "base"
    EQUAL = "equal"
    NEITHER = "neither"
    UNCLEAR = "unclear"
    SKIPPED = "skipped"
    COUNT_RIGHT = "count-right"

    @property
    def says_equal_counts(self) -> bool:
        """It can be said only where both models count the same."""
        return self in (Preference.EQUAL, Preference.COUNT_RIGHT)

    @classmethod
    def by_counts(cls, counted: tuple[int, int], true_count: int) -> Preference:
        """What follows from how many there are, and from what (new, base) count."""
        new, base = (count == true_count for count in counted)
        if new and base:
            return cls.COUNT_RIGHT
        return cls.NEW if new else cls.BASE if base else cls.NEITHER


COMPARED = (Preference.NEW, Preference.BASE, Preference.EQUAL)  # what can be said of two masks


@dataclass(frozen=True)
class PairVerdict:
    """A line of `verdicts.jsonl` about two models; with `preference` None nothing is said of the image any more.

    `new` and `base` are the models' hashes, `new_counted` and `base_counted` what they count; `blind` is True where the
    reviewer did not know which is which, `new_first` where the new one's answer was the first of the two. `true_count`
    is what the reviewer counts, where stated; `undoes`, `redoes`, `seen`, `blind_first`, `repeat` are as in `Verdict`.
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
    true_count: Whole | None = None
    blind_first: bool = False
    repeat: bool = False

    @property
    def showing(self) -> Showing:
        return Showing(self.image, self.repeat)

    @property
    def said(self) -> bool:
        return self.preference is not None

    @property
    def skipped(self) -> bool:
        return self.preference is Preference.SKIPPED

    @property
    def showed_answer(self) -> bool:
        """As in `Verdict`: after a stated count the answers are shown where both count so, for their masks."""
        compared = self.true_count is not None and self.true_count == self.new_counted == self.base_counted
        return self.said and (not self.blind_first or compared)

    @property
    def masks_open(self) -> bool:
        """The masks are still to be compared."""
        return self.preference is Preference.COUNT_RIGHT

    @property
    def said_of_mask(self) -> Preference | None:
        """Which mask is better; None where that was not said."""
        of_mask = self.new_counted == self.base_counted
        return self.preference if of_mask and self.preference in COMPARED else None

    def unsaid(self) -> PairVerdict:
        return replace(self, preference=None, true_count=None)


UNSIGNED = (0, 0.0, "")  # seq, time and who of a line that a run is still to record
LineT = TypeVar("LineT", Verdict, PairVerdict)


def in_force(lines: Iterable[LineT], *, repeats: bool = False) -> dict[ImageKey, LineT]:
    """Of the lines of one review the last about each image, where that says anything; of its repeats where these are
    asked for, which enter no verdict.
    """
    last = {line.image: line for line in lines if line.repeat == repeats}
    return {image: line for image, line in last.items() if line.said}


@dataclass(frozen=True)
class Restored(Generic[LineT]):
    """What undo or redo did to a showing of an image: the line that stood, and the one that stands now; None: nothing
    is said.
    """

    showing: Showing
    gone: LineT | None
    stands: LineT | None

    @property
    def image(self) -> ImageKey:
        return self.showing.image


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


def last_about(showing: Showing, lines: Sequence[LineT]) -> LineT | None:
    return next((line for line in reversed(lines) if line.showing == showing), None)
