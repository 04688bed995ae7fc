"""Pairs that are judged elsewhere, blind first: counts on raw images, then the masks where both models count so."""

from __future__ import annotations

from collections.abc import Sequence

from tui_cytpix.domain.verdict import Preference, Showing
from tui_cytpix.workflow.assess.showings_file import Given, Row, mark_of, matched, refused, to_show
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import pairs
from tui_cytpix.workflow.evaluate.pairs import Models
from tui_cytpix.workflow.evaluate.pairs_file import SIDES, BlindPair
from tui_cytpix.workflow.run.run import Run

ON_RAW = (str(Preference.UNCLEAR), str(Preference.SKIPPED))
OF_MASKS = (*SIDES, str(Preference.EQUAL))
WAY_OUT = (
    f"Fill in the table that was written: true_count (or better: {', '.join(ON_RAW)}) where the picture is raw; better "
    f"({', '.join(OF_MASKS)}) where it shows two answers; or nothing."
)


def rows_of(run: Run, models: Models, found: Sequence[Difference]) -> list[tuple[Row, BlindPair]]:
    """What the review of pairs shows, in its order, each with its sides."""
    seed, standing = pairs.seed_of(run, *models), pairs.standing(run, *models)
    by_image = {one.image: one for one in found}
    rows = []
    for one in to_show(pairs.showings(run, models, found, repeats=True), standing, run.who):
        pair, said = by_image[one.image], standing.get(one)
        way = run.ways(one.image.sample)[0]
        mark = mark_of(seed, one.image, one.repeat, way, pair.counts, f"{pair.score:.6f}")
        sides = BlindPair(mark, pair, pairs.new_comes_first(one.image, seed, repeat=one.repeat))
        raw = said is None or not said.showed_answer
        word = sides.in_word(said) if said and (said.preference in ON_RAW or said.said_of_mask) else ""
        rows.append((Row(mark, one, raw, said.true_count if said else None, word), sides))
    return rows


def take_table(run: Run, models: Models, found: Sequence[Difference], given: Sequence[Given]) -> tuple[int, int]:
    """Records the lines of a table: all of them, or none; returns how many say something new, and how many of these
    are of repeats.

    Raises:
        InputError: a line is of no showing that is judged now, or says what can't be said of it yet, or any more.
    """
    rows = rows_of(run, models, found)
    sides = {row.mark: pair for row, pair in rows}
    said: list[tuple[Row, Preference | int]] = []
    for one, row in matched(given, [row for row, _ in rows]):
        words = ON_RAW if row.raw else OF_MASKS
        if one.word and one.word not in words:
            raise refused(one, row, words, WAY_OUT)
        if one.true_count is not None and one.true_count != row.true_count:
            said.append((row, one.true_count))
        if one.word and one.word != row.word:
            said.append((row, sides[one.mark].preference(one.word)))
    for row, what in said:
        pair = sides[row.mark].found
        pairs.prefer(run, models, pair, what, blind=True, hidden=row.raw, repeat=row.showing.repeat)
    told: set[Showing] = {row.showing for row, _ in said}
    return len(told), sum(one.repeat for one in told)
