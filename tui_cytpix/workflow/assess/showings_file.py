"""Blind first, judged elsewhere: a table that tells neither sample, model nor what it counts, one line a showing.

What is said in it goes by steps: counts first, on raw images; the table is taken and written anew, and then masks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement, LineT, Showing, Verdict
from tui_cytpix.errors import CytpixError, InputError, refusal
from tui_cytpix.formats.tables import spreadsheet
from tui_cytpix.formats.tables.csv_table import csv_rows, csv_table
from tui_cytpix.formats.tables.spreadsheet import TableKind, headings, read_rows
from tui_cytpix.workflow.assess import blind_first, review
from tui_cytpix.workflow.assess.findings import LEFT_OUT
from tui_cytpix.workflow.assess.judgements_file import NO_LINE, count_of
from tui_cytpix.workflow.run.run import Run

SHOWING, TRUE_COUNT = "showing", "true_count"
UNREADABLE = "The table can't be read"
ON_RAW = (*LEFT_OUT, Judgement.SKIPPED)
OF_MASK = (Judgement.ACCEPTABLE, Judgement.MASK_ERROR)
WAY_OUT = (
    f"Fill in the table that was written: {TRUE_COUNT} (or judgement: {', '.join(ON_RAW)}) where the picture is raw; "
    f"judgement ({', '.join(OF_MASK)}) where it shows an answer; or nothing."
)


@dataclass(frozen=True)
class Row:
    """A showing as it stands in the table, with what was said of it; `raw` where the answer is not shown yet. `mark`
    tells it from those of other models, answers and draws.
    """

    mark: str
    showing: Showing
    raw: bool
    true_count: int | None = None
    word: str = ""


@dataclass(frozen=True)
class Given:
    """A line that says something, and `where` it stands."""

    where: str
    mark: str
    true_count: int | None
    word: str


# The table, of one model or of two


def mark_of(*tells: object) -> str:
    """Begins with a letter: a spreadsheet would take digits, or `12e34567890`, for a number."""
    return "s" + hashlib.sha256("/".join(map(str, tells)).encode()).hexdigest()[:11]


def to_show(showings: Iterable[Showing], standing: Mapping[Showing, LineT], who: str) -> list[Showing]:
    """Without what was judged with its answer in sight, and without repeats of what was not judged blind first, by
    another, or skipped.
    """
    in_sight = {one for one, said in standing.items() if said.showed_answer and said.true_count is None}
    firsts = {showing.image: said for showing, said in standing.items() if not showing.repeat}
    return [
        one
        for one in showings
        if one not in in_sight
        and (not one.repeat or one.image not in firsts or blind_first.may_repeat(firsts[one.image], who))
    ]


def write_table(path: Path, rows: Sequence[Row], word: str) -> None:
    """`word` is the name of the last column.

    Raises:
        CytpixError: it can't be written.
    """
    counts = np.array([np.nan if row.true_count is None else row.true_count for row in rows], np.float64)
    heads = [(row.mark, row.word) for row in rows]
    try:
        with csv_table(path, (SHOWING, word, TRUE_COUNT)) as out:
            out.write(csv_rows(heads, counts.reshape(-1, 1)))
    except OSError as error:
        raise CytpixError(*refusal(error, path, "The table can't be written")) from error


def is_one(path: Path) -> bool:
    """Whether it is such a table; False also where it can't be read, which its reader tells."""
    return SHOWING in headings(path, TableKind((SHOWING, TRUE_COUNT), (), UNREADABLE, ""))


def read_table(path: Path, word: str, way_out: str) -> list[Given]:
    """The lines that say something.

    Raises:
        InputError: it can't be read or has no line, states what is no count, or tells of a showing twice.
    """
    rows = read_rows(path, _kind(word, way_out))
    if not rows:
        raise InputError(UNREADABLE, f"{path}: {NO_LINE}.", way_out)
    given: dict[str, Given] = {}
    for where, row in rows:
        mark, cell = row[SHOWING].casefold(), row.get(TRUE_COUNT, "")
        if mark in given:
            raise InputError(UNREADABLE, f"{where}: {mark} is there twice.", way_out)
        try:
            count = count_of(cell)
        except ValueError:
            raise InputError(UNREADABLE, f"{where}: {cell!r} is no count.", way_out) from None
        given[mark] = Given(where, mark, count, row.get(word, "").casefold().replace(" ", "-"))
    return [one for one in given.values() if one.true_count is not None or one.word]


def passed_over(path: Path, word: str) -> tuple[str, ...]:
    """A sentence about columns that are not known, or ()."""
    return spreadsheet.passed_over(path, _kind(word, ""))


def _kind(word: str, way_out: str) -> TableKind:
    return TableKind((SHOWING, word, TRUE_COUNT), (SHOWING,), UNREADABLE, way_out)


def matched(given: Iterable[Given], rows: Sequence[Row]) -> list[tuple[Given, Row]]:
    """Raises:
    InputError: a line is of no showing that is judged now.
    """
    by_mark = {row.mark: row for row in rows}
    unknown = next((one for one in given if one.mark not in by_mark), None)
    if unknown is not None:
        raise InputError(
            "No such showing is judged now",
            f"{unknown.where}: {unknown.mark}.",
            "The models, their answers or the images changed since: write the table anew.",
        )
    return [(one, by_mark[one.mark]) for one in given]


def refused(given: Given, row: Row, words: Iterable[str], way_out: str) -> InputError:
    """Why that word is not taken."""
    hidden = "its answer has not been shown" if row.raw else "its count was stated and its answer shown"
    return InputError(UNREADABLE, f"{given.where}: {given.word!r}: {hidden}, so it can be {', '.join(words)}.", way_out)


# Of one model


def rows_of(run: Run, model: ModelEntry, images: Sequence[ImageKey], step: str) -> list[Row]:
    """What a review that is blind first shows, in its order. `images` are those that the model has answered."""
    store, standing = run.answers(model.hash), review.standing_of(run, model, step)
    rows = []
    for one in to_show(review.showings(run, model, images, step), standing, run.who):
        answer, said = store.get(one.image), standing.get(one)
        counted = None if answer is None else answer.particle_count
        way = run.ways(one.image.sample)[0]
        mark = mark_of(run.settings.seed, step, model.hash, one.image, one.repeat, way, counted)
        raw = said is None or not said.showed_answer
        rows.append(Row(mark, one, raw, said.true_count if said else None, _word(said)))
    return rows


def _word(said: Verdict | None) -> str:
    """Nothing on the count: it would tell what the model counts."""
    if said is None or said.judgement is None:
        return ""
    if said.mask_wrong is None:
        return said.judgement if said.judgement in ON_RAW else ""
    return Judgement.MASK_ERROR if said.mask_wrong else Judgement.ACCEPTABLE


def take_table(
    run: Run, model: ModelEntry, images: Sequence[ImageKey], given: Sequence[Given], step: str
) -> tuple[int, int]:
    """Records the lines of a table: all of them, or none; returns how many say something new, and how many of these
    are of repeats.

    Raises:
        InputError: a line is of no showing that is judged now, or says what can't be said of it yet, or any more.
    """
    store, said = run.answers(model.hash), []
    for one, row in matched(given, rows_of(run, model, images, step)):
        words = ON_RAW if row.raw else OF_MASK
        if one.word and one.word not in words:
            raise refused(one, row, words, WAY_OUT)
        answer = store.get(row.showing.image)
        assert answer is not None  # `images` have one
        if one.true_count is not None and one.true_count != row.true_count:
            said.append(_said(row, answer, None, one.true_count))
        if one.word and one.word != row.word:
            said.append(_said(row, answer, Judgement(one.word), None))
    review.judge_all(run, model, said, step)
    return len({one.showing for one in said}), len({one.showing for one in said if one.repeat})


def _said(row: Row, answer: Segmentation, judgement: Judgement | None, count: int | None) -> review.Said:
    image, repeat, counted = row.showing.image, row.showing.repeat, answer.particle_count
    return review.Said(image, judgement, counted, count, answer, blind_first=row.raw, repeat=repeat)
