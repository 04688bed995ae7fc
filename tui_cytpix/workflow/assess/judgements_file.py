"""Judgements made elsewhere, as a table: `image,judgement[,true_count]`, one line an image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.errors import InputError
from tui_cytpix.formats.tables import spreadsheet
from tui_cytpix.formats.tables.spreadsheet import TableKind, read_rows, whole_number
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.run.run import Run

MOST_COUNTED = 999
UNREADABLE = "The judgements can't be read"
NO_LINE = "it has no line below its headings, so nothing is taken"
KIND = TableKind(
    ("image", "judgement", "true_count"),
    ("image",),
    UNREADABLE,
    f"Columns: image (SAMPLE:EVENT), judgement ({', '.join(Judgement)}), true_count; one of the last two may be empty.",
)


@dataclass(frozen=True)
class Given:
    """One line, and `where` it stands. Without a judgement, `true_count` decides it."""

    where: str
    image: ImageKey
    judgement: Judgement | None
    true_count: int | None


def read_judgements(path: Path) -> list[Given]:
    """Reads a table with the columns `image` (SAMPLE:EVENT), `judgement` and, where stated, `true_count`.

    Raises:
        InputError: it can't be read or has no line, a line says nothing that can be taken, or two contradict.
    """
    found: list[Given] = []
    by_image: dict[ImageKey, list[Given]] = {}
    for where, row in read_rows(path, KIND):
        try:
            judgement, count = row.get("judgement", ""), row.get("true_count", "")
            one = Given(
                where,
                ImageKey.parse(row.get("image", "")),
                judgement_of(judgement) if judgement else None,
                count_of(count),
            )
            if one.judgement is None and one.true_count is None:
                raise ValueError("neither a judgement nor a true count")
            for other in by_image.setdefault(one.image, []):
                if _contradict(one, other):
                    first = other.where.rpartition(", ")[2]
                    raise ValueError(f"{one.image} is judged twice, differently, first in {first}; keep one of the two")
        except ValueError as error:
            raise KIND.refused(where, error) from error
        by_image[one.image].append(one)
        found.append(one)
    if not found:
        raise KIND.refused(path, NO_LINE)
    return found


def _contradict(one: Given, other: Given) -> bool:
    """Whether two lines about an image can't both be right."""
    counts, words = (one.true_count, other.true_count), (one.judgement, other.judgement)
    if None not in counts and counts[0] != counts[1]:
        return True
    if words[0] is None or words[1] is None or words[0] is words[1]:
        return False
    halves = [(word.count_wrong, word.mask_wrong) for word in words if word is not None]
    judged = all(half != (None, None) for half in halves)
    return not judged or any(a is not None and b is not None and a != b for a, b in zip(*halves, strict=True))


def passed_over(path: Path) -> tuple[str, ...]:
    """A sentence about columns that are not known, or ()."""
    return spreadsheet.passed_over(path, KIND)


def count_of(cell: str) -> int | None:
    """A stated count; None where the cell is empty.

    Raises:
        ValueError: it is none.
    """
    count = whole_number(cell) if cell else None
    if count is not None and count > MOST_COUNTED:
        raise ValueError(f"{count} is no count")
    return count


def judgement_of(word: str) -> Judgement:
    """In any case, with blanks for hyphens.

    Raises:
        ValueError: it is none.
    """
    try:
        return Judgement(word.casefold().replace(" ", "-").replace("_", "-"))
    except ValueError:
        raise ValueError(f"{word!r} is no judgement") from None


def take_judgements(run: Run, model: ModelEntry, given: Iterable[Given], step: str) -> None:
    """Records the lines of a table as judgements of a model's answers: all of them, or none.

    Raises:
        InputError: the model has no answer for an image, or a line's judgement and its true count contradict.
    """
    store = run.answers(model.hash)
    said = []
    for one in given:
        answer = store.get(one.image)
        if answer is None:
            raise InputError(
                "An image was not processed", f"{one.where}: {one.image}.", "Draw and process images with --images."
            )
        counted = answer.particle_count
        if one.judgement is not None and one.judgement.contradicts(counted, one.true_count):
            right = "wrong" if one.judgement.count_wrong else "right"
            raise InputError(
                "A judgement contradicts its own true count",
                f"{one.where}: {one.image}: {one.judgement} says that the count is {right}, but the true "
                f"count is {one.true_count} and the model counts {counted}.",
                "Correct one of the two; a true count without a judgement is enough to judge the count.",
            )
        said.append(review.Said(one.image, one.judgement, counted, one.true_count, answer))
    review.judge_all(run, model, said, step)
