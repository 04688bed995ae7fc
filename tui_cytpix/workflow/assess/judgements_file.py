"""Judgements made elsewhere, as a table: `image,judgement[,true_count]`, one line an image; and how tables are read."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.errors import InputError
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.run.run import Run

MOST_BYTES = 16 << 20
MOST_COUNTED = 999
UNREADABLE = "The judgements can't be read"


@dataclass(frozen=True)
class Given:
    """One line, and `where` it stands. Without a judgement, `true_count` decides it."""

    where: str
    image: ImageKey
    judgement: Judgement | None
    true_count: int | None


def read_rows(path: Path, unreadable: str, way_out: str) -> list[tuple[str, dict[str, str]]]:
    """The lines of a CSV table: where each stands, and its cells by column.

    Raises:
        InputError: `unreadable`.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(unreadable, f"{path}: larger than 16 MiB.", way_out)
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(unreadable, f"{path}: {error}.", way_out) from error
    rows = csv.DictReader(text.splitlines(), restkey="")
    return [
        (f"{path}, line {number}", {name: (cell or "").strip() for name, cell in row.items() if name})
        for number, row in enumerate(rows, 2)
    ]


def read_judgements(path: Path) -> list[Given]:
    """Reads a CSV file with the columns `image` (SAMPLE:EVENT), `judgement` and, where stated, `true_count`.

    Raises:
        InputError: it can't be read, or a line says nothing that can be taken.
    """
    words = ", ".join(Judgement)
    way_out = f"Columns: image (SAMPLE:EVENT), judgement ({words}), true_count; one of the last two may be empty."
    found = []
    for where, row in read_rows(path, UNREADABLE, way_out):
        try:
            judgement, count = row.get("judgement", ""), row.get("true_count", "")
            one = Given(
                where,
                ImageKey.parse(row.get("image", "")),
                Judgement(judgement) if judgement else None,
                int(count) if count else None,
            )
            if one.judgement is None and one.true_count is None:
                raise ValueError("neither a judgement nor a true count")
            if one.true_count is not None and not 0 <= one.true_count <= MOST_COUNTED:
                raise ValueError(f"{one.true_count} is no count")
        except ValueError as error:
            raise InputError(UNREADABLE, f"{where}: {error}.", way_out) from error
        found.append(one)
    return found


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
