"""Annotations as a fold over an append-only list of edits.

An edit is never changed or removed: undo and redo append an edit of their own, so that the log's last complete
line always gives the state that the user saw as saved. One undo mechanism, across restarts.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tui_cytpix.domain.field_ranges import Moment, Number, Whole
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation

VALIDATION_SHARE = 0.2
MIN_VALIDATION = 2
MIN_ANNOTATED = 10
EARLY = 2  # images before a validation image is due, one that suits is taken
SEVERAL = 3  # so many particles and more are one count class


class Status(enum.StrEnum):
    """What was decided about an image. Accepted ones train; the others don't."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    AMBIGUOUS = "ambiguous"


class Side(enum.StrEnum):
    """The part of the annotated images that an image belongs to, for good."""

    TRAINING = "training"
    VALIDATION = "validation"


@dataclass(frozen=True)
class Edit:
    """One line of `annotations.jsonl`.

    Attributes:
        seq: position in the log, from 1.
        time: seconds since the epoch, UTC.
        who: the annotator's name.
        image: what it is about.
        action: `accept`, `reject`, `ambiguous`, `reopen`, `undo`, `redo`, or a drawing action (`propose`, `place`,
            `delete`, `move`, `snap`, `centre`, `count`, `tighten`, ...), which carries the whole new segmentation.
        segmentation: the state after a drawing action; None elsewhere.
        of: for `undo` and `redo`, the seq of the edit that is taken back or reinstated.
        seconds: hands-on time since the previous key, at most 60 s a gap.
        origin: for `propose`, the hash of the model that proposed it, or `masks` for label images.
        side: for the first `accept` of an image, `training` or `validation`; 0.1.0 didn't write it.
    """

    seq: Whole
    time: Moment
    who: str
    image: ImageKey
    action: str
    segmentation: Segmentation | None = None
    of: Whole | None = None
    seconds: Number = 0.0
    origin: str = ""
    side: Side | None = None


@dataclass(frozen=True)
class Annotation:
    """The state of one image after all edits.

    `corrected` is True where the accepted segmentation differs from what the model proposed.
    """

    image: ImageKey
    status: Status = Status.OPEN
    segmentation: Segmentation | None = None
    proposal: Segmentation | None = None
    origin: str = ""
    side: Side | None = None
    who: str = ""
    time: float = 0.0
    seconds: float = 0.0

    @property
    def corrected(self) -> bool:
        if self.segmentation is None or self.proposal is None:
            return self.segmentation is not None
        return not self.segmentation.same_as(self.proposal)


def _kind(state: Annotation) -> tuple[str, str]:
    """Its count class and its sample."""
    count = "" if state.segmentation is None else str(min(state.segmentation.particle_count, SEVERAL))
    return count, state.image.sample


def _lacks_most(kind: str, annotated: Counter[str], validating: Counter[str]) -> bool:
    """Whether of all kinds this one validates least for how many are annotated; first come those of which there are two
    and none validates.
    """
    lack = {
        one: VALIDATION_SHARE * number - validating[one] + (1 if number > 1 and not validating[one] else 0)
        for one, number in annotated.items()
    }
    return lack[kind] >= max(lack.values())


_STATUS_OF = {
    "accept": Status.ACCEPTED,
    "reject": Status.REJECTED,
    "ambiguous": Status.AMBIGUOUS,
    "reopen": Status.OPEN,
}


class AnnotationBook:
    """The fold: feeds on edits in order, answers with the state of every image.

    Sides are given at an image's first acceptance and kept: a fifth of the annotated images validates. Where the log
    doesn't say which (0.1.0's doesn't), every fifth does. Images with the same pixels are on one side, and count once.

    Args:
        pixels: the digest of each image's pixels, as far as known; more may come to be known at any time.

    Attributes:
        aside: samples whose annotations are kept and neither train nor validate.
    """

    def __init__(self, edits: Iterable[Edit] = (), pixels: Mapping[ImageKey, str] | None = None) -> None:
        self._pixels: Mapping[ImageKey, str] = {} if pixels is None else pixels
        self._edits: dict[ImageKey, list[Edit]] = {}
        self._states: dict[ImageKey, Annotation] = {}
        self._sides: dict[ImageKey, Side] = {}
        self._accepted: Counter[tuple[Side | None, tuple[str, str]]] = Counter()  # images, by side and kind
        self.last_seq = 0
        self.aside = frozenset[str]()
        for edit in edits:
            self.feed(edit)

    def feed(self, edit: Edit) -> Annotation:
        """Takes the next edit and returns the new state of its image."""
        self.last_seq = max(self.last_seq, edit.seq)
        self._edits.setdefault(edit.image, []).append(edit)
        state = self._fold(edit.image)
        if state.status is Status.ACCEPTED and edit.image not in self._sides:
            self._sides[edit.image] = edit.side or self._next_side()
        state = replace(state, side=self._sides.get(edit.image))
        self._count(self.state(edit.image), -1)
        self._count(state, 1)
        self._states[edit.image] = state
        return state

    def _count(self, state: Annotation, by: int) -> None:
        if state.status is Status.ACCEPTED:
            self._accepted[state.side, _kind(state)] += by

    def _numbers(self) -> tuple[int, int]:
        """How many images are accepted, and how many of these validate."""
        numbers = self._accepted.items()
        return self._accepted.total(), sum(n for (side, _), n in numbers if side is Side.VALIDATION)

    def _next_side(self) -> Side:
        accepted, validating = self._numbers()
        return Side.VALIDATION if validating < int(VALIDATION_SHARE * (accepted + 1)) else Side.TRAINING

    def side_for(self, image: ImageKey, learnt: Container[str] = ()) -> Side | None:
        """The side of an image that is accepted next; None where it has one. `learnt` are the digests of images that
        the base model was trained on: they train again, as they would flatter the model if they validated.

        It is that of an image with the same pixels, where one has a side. Else of five images in a row the fifth
        validates at the latest, the third or fourth where its count class and its sample are those that validate least
        for how many of them are annotated; first come those that don't validate at all, once two images are of them.
        """
        if image in self._sides:
            return None
        twin = self._twin_of(image, self._sides)
        if twin is not None:
            return self._sides[twin]
        if self._pixels.get(image) in learnt:
            return Side.TRAINING
        accepted, validating = self._numbers()
        due = round((validating + 1) / VALIDATION_SHARE) - 1
        if accepted >= due:
            return Side.VALIDATION
        suits = True
        for which, own in enumerate(_kind(self.state(image))):
            annotated, held = Counter([own]), Counter[str]()
            for (side, kind), number in self._accepted.items():
                annotated[kind[which]] += number
                held[kind[which]] += number if side is Side.VALIDATION else 0
            suits = suits and _lacks_most(own, annotated, held)
        return Side.VALIDATION if accepted >= due - EARLY and suits else Side.TRAINING

    def _twin_of(self, image: ImageKey, others: Iterable[ImageKey]) -> ImageKey | None:
        """The first of the others that has the same pixels."""
        own = self._pixels.get(image)
        return None if own is None else next((one for one in others if self._pixels.get(one) == own), None)

    def _replay(self, image: ImageKey) -> tuple[list[Edit], list[Edit]]:
        """The image's edits in force, and those taken back that redo could reinstate; both in order, newest last."""
        live: list[Edit] = []
        undone: list[Edit] = []
        for edit in self._edits.get(image, []):
            if edit.action == "undo":
                if live and live[-1].seq == edit.of:
                    undone.append(live.pop())
            elif edit.action == "redo":
                if undone and undone[-1].seq == edit.of:
                    live.append(undone.pop())
            else:
                live.append(edit)
                undone.clear()
        return live, undone

    def _fold(self, image: ImageKey) -> Annotation:
        state = Annotation(image)
        for edit in self._replay(image)[0]:
            if edit.action == "propose":
                state = replace(state, segmentation=edit.segmentation, proposal=edit.segmentation, origin=edit.origin)
            elif edit.segmentation is not None:
                state = replace(state, segmentation=edit.segmentation)
            state = replace(state, status=_STATUS_OF.get(edit.action, state.status), who=edit.who, time=edit.time)
        seconds = sum(edit.seconds for edit in self._edits.get(image, []))
        return replace(state, seconds=seconds)

    def state(self, image: ImageKey) -> Annotation:
        """The image's state; an open one where nothing was said."""
        return self._states.get(image, Annotation(image))

    def undo_target(self, image: ImageKey) -> Edit | None:
        """The edit that undo would take back; a `propose` is not the user's and stays."""
        live, _ = self._replay(image)
        return live[-1] if live and live[-1].action != "propose" else None

    def redo_target(self, image: ImageKey) -> Edit | None:
        _, undone = self._replay(image)
        return undone[-1] if undone else None

    @property
    def touched(self) -> set[ImageKey]:
        """Every image that an edit is about, whatever came of it."""
        return set(self._states)

    def decided(self) -> list[Annotation]:
        """Every image with a status other than open, in the order of first mention."""
        return [s for s in self._states.values() if s.status is not Status.OPEN]

    def accepted(self) -> list[Annotation]:
        """The images that train or validate: of those with the same pixels the first."""
        return [state for state, first in self._with_first() if state.image == first]

    def copies(self) -> list[tuple[ImageKey, ImageKey]]:
        """The accepted images that don't count, each with the accepted one that has the same pixels."""
        return [(state.image, first) for state, first in self._with_first() if state.image != first]

    def _with_first(self) -> Iterator[tuple[Annotation, ImageKey]]:
        """Every accepted image with the first of those that have the same pixels."""
        first: dict[str, ImageKey] = {}
        for image, state in self._states.items():
            if state.status is Status.ACCEPTED and image.sample not in self.aside:
                digest = self._pixels.get(image)
                yield state, image if digest is None else first.setdefault(digest, image)

    def side(self, side: Side) -> list[Annotation]:
        """The accepted images of one side."""
        return [s for s in self.accepted() if s.side is side]

    def ready_to_train(self) -> str | None:
        """None, or the sentence that says what is missing."""
        accepted, held_out = len(self.accepted()), len(self.side(Side.VALIDATION))
        if accepted < MIN_ANNOTATED:
            missing = MIN_ANNOTATED - accepted
            return f"{accepted} of at least {MIN_ANNOTATED} images are annotated: annotate {missing} more."
        if held_out < MIN_VALIDATION:
            return f"{held_out} of at least {MIN_VALIDATION} images are held out: annotate another image."
        return None
