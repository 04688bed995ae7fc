"""The two judgements of a review: are the centroids right, does the mask fit?"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from tui_cytpix.domain.sample import ImageKey


class Judgement(enum.StrEnum):
    """One key each in the review."""

    ACCEPTABLE = "acceptable"
    COUNT_ERROR = "count"
    MASK_ERROR = "mask"
    BOTH = "both"
    UNUSABLE = "unusable"
    INDISTINGUISHABLE = "indistinguishable"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Verdict:
    """One line of `verdicts.jsonl`; `judgement` None takes the image's verdict back (undo).

    `counts_for_rate` is True only for images of the seeded random sequence.
    """

    seq: int
    time: float
    who: str
    image: ImageKey
    model: str
    judgement: Judgement | None
    counts_for_rate: bool = True
    step: str = "assess"  # assess | evaluate


@dataclass(frozen=True)
class Tally:
    """Counts over the images that count for the rate."""

    reviewed: int = 0
    acceptable: int = 0
    count_errors: int = 0
    mask_errors: int = 0
    unusable: int = 0
    indistinguishable: int = 0
    skipped: int = 0

    @property
    def count_error_rate(self) -> float:
        """Share of reviewed images with a wrong count; NaN without any."""
        return self.count_errors / self.reviewed if self.reviewed else float("nan")

    @property
    def mask_error_rate(self) -> float:
        """Share of reviewed images with a bad mask; NaN without any."""
        return self.mask_errors / self.reviewed if self.reviewed else float("nan")


def latest(verdicts: Iterable[Verdict], model: str, step: str) -> dict[ImageKey, Verdict]:
    """The verdict in force for each image under one model and step."""
    current: dict[ImageKey, Verdict] = {}
    for verdict in verdicts:
        if verdict.model == model and verdict.step == step:
            current[verdict.image] = verdict
    return {image: v for image, v in current.items() if v.judgement is not None}


def tally(verdicts: Iterable[Verdict], model: str, step: str = "assess") -> Tally:
    """Adds up the verdicts in force. `reviewed` holds those judged acceptable or wrong; the rest is listed apart."""
    found = [v.judgement for v in latest(verdicts, model, step).values() if v.counts_for_rate]
    both = found.count(Judgement.BOTH)
    counts, masks = found.count(Judgement.COUNT_ERROR) + both, found.count(Judgement.MASK_ERROR) + both
    acceptable = found.count(Judgement.ACCEPTABLE)
    return Tally(
        reviewed=acceptable + counts + masks - both,
        acceptable=acceptable,
        count_errors=counts,
        mask_errors=masks,
        unusable=found.count(Judgement.UNUSABLE),
        indistinguishable=found.count(Judgement.INDISTINGUISHABLE),
        skipped=found.count(Judgement.SKIPPED),
    )
