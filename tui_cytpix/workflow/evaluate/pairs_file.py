"""Pairs that are judged elsewhere, as a table that doesn't tell which model is which: one line a pair."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import COMPARED, PairVerdict, Preference
from tui_cytpix.errors import CytpixError, InputError, refusal
from tui_cytpix.formats.tables import spreadsheet
from tui_cytpix.formats.tables.csv_table import csv_rows, csv_table
from tui_cytpix.formats.tables.spreadsheet import TableKind, read_rows
from tui_cytpix.workflow.assess.judgements_file import NO_LINE, count_of
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import pairs
from tui_cytpix.workflow.run.run import Run

Models = tuple[ModelEntry, ModelEntry]
COLUMNS = ("pair", "image", "better", "true_count", "left_count", "right_count")
SIDES = ("left", "right")
OTHERS = tuple(str(one) for one in Preference if one not in (Preference.NEW, Preference.BASE))
UNREADABLE = "The preferences can't be read"
WAY_OUT = (
    f"Fill in the column `better` of the table that was written: {', '.join((*SIDES, *OTHERS))}, or nothing; or "
    "`true_count`, which tells whose count is right."
)
KIND = TableKind(COLUMNS, ("pair", "better"), UNREADABLE, WAY_OUT)


@dataclass(frozen=True)
class Given:
    """One line, and `where` it stands. Without a `word` the `true_count` decides."""

    where: str
    mark: str
    word: str
    true_count: int | None


@dataclass(frozen=True)
class BlindPair:
    """Two answers to one image, as they stand side by side. `mark` tells this pair from that of other models, of
    another draw's sides, and of images that are seen in another way.
    """

    mark: str
    found: Difference
    new_first: bool

    @property
    def counts(self) -> tuple[int, int]:
        """Left and right."""
        base, new = self.found.counts
        return (new, base) if self.new_first else (base, new)

    def in_word(self, said: PairVerdict | None) -> str:
        """The word of the table for what was said."""
        if said is None or said.preference is None:
            return ""
        if said.preference in OTHERS:
            return said.preference
        return SIDES[0] if said.preference is pairs.on_side(True, self.new_first) else SIDES[1]

    def preference(self, word: str, true_count: int | None = None) -> Preference:
        """The inverse; without a word, or with none on masks, what follows from the true count.

        Raises:
            ValueError: it is none of the words, or the true count says otherwise.
        """
        if true_count is not None:
            base, new = self.found.counts
            follows = Preference.by_counts((new, base), true_count)
            said = self.preference(word) if word else follows
            if said is not follows and not (follows is Preference.COUNT_RIGHT and said in COMPARED):
                raise ValueError(f"{self.found.image}: {word}, but the true count {true_count} says otherwise")
            return said
        if word in SIDES:
            return pairs.on_side(word == SIDES[0], self.new_first)
        if word in OTHERS:
            return Preference(word)
        raise ValueError(f"{word!r} is none of {', '.join((*SIDES, *OTHERS))}")


def in_order(run: Run, models: Models, found: Sequence[Difference]) -> list[BlindPair]:
    """The pairs to review, in the order and with the sides of the blind review of step 5."""
    seed, by_image = pairs.seed_of(run, *models), {one.image: one for one in found}
    return [_pair(run, seed, by_image[image]) for image in pairs.review_order(found, seed)]


def _pair(run: Run, seed: str, found: Difference) -> BlindPair:
    way = run.ways(found.image.sample)[0]
    told = f"{seed}/{found.image}/{way}/{found.counts}/{found.score:.6f}"
    mark = "p" + hashlib.sha256(told.encode()).hexdigest()[:11]  # a spreadsheet would take `12e34567890` for a number
    return BlindPair(mark, found, pairs.new_comes_first(found.image, seed))


def write_pairs(path: Path, order: Sequence[BlindPair], said: Mapping[ImageKey, PairVerdict]) -> None:
    """The table to judge, with what was `said` already.

    Raises:
        CytpixError: it can't be written.
    """
    heads = [
        (one.mark, str(one.found.image), one.in_word(before), _stated(before))
        for one in order
        for before in (said.get(one.found.image),)
    ]
    counts = np.array([one.counts for one in order], np.float64).reshape(-1, 2)
    try:
        with csv_table(path, COLUMNS) as out:
            out.write(csv_rows(heads, counts))
    except OSError as error:
        raise CytpixError(*refusal(error, path, "The table can't be written")) from error


def _stated(said: PairVerdict | None) -> str:
    return "" if said is None or said.true_count is None else str(said.true_count)


def read_preferences(path: Path) -> list[Given]:
    """The lines of a judged table that say something; `true_count` may be missing from it.

    Raises:
        InputError: it can't be read, or it isn't such a table.
    """
    rows = read_rows(path, KIND)
    if not rows:
        raise KIND.refused(path, NO_LINE)
    given = []
    for where, row in rows:
        try:
            one = Given(where, row["pair"].casefold(), row["better"].casefold(), count_of(row.get("true_count", "")))
        except ValueError as error:
            raise KIND.refused(where, error) from error
        if one.word or one.true_count is not None:
            given.append(one)
    return given


def passed_over(path: Path) -> tuple[str, ...]:
    """A sentence about columns that are not known, or ()."""
    return spreadsheet.passed_over(path, KIND)


def take_preferences(run: Run, models: Models, found: Sequence[Difference], given: Iterable[Given]) -> int:
    """Records the lines of a judged table as preferences: all of them, or none; returns how many say something new.

    Raises:
        InputError: a line is of no pair that is reviewed now, says no word, contradicts its own true count, or says
            that two different counts are right.
    """
    by_mark = {one.mark: one for one in in_order(run, models, found)}
    taken: dict[ImageKey, tuple[Difference, Preference, int | None]] = {}
    for line in given:
        pair = by_mark.get(line.mark)
        if pair is None:
            raise InputError(
                "No such pair is reviewed now",
                f"{line.where}: {line.mark}.",
                "The models, their answers or the images changed since: write the table anew.",
            )
        try:
            said = pair.found, pair.preference(line.word, line.true_count), line.true_count
            if taken.setdefault(pair.found.image, said) != said:
                raise ValueError(f"{pair.found.image} is judged twice, differently")
        except ValueError as error:
            raise InputError(UNREADABLE, f"{line.where}: {error}.", WAY_OUT) from error
        if said[1] is Preference.EQUAL and pair.found.counts_differ:
            raise InputError(
                "The counts differ: at most one is right",
                f"{line.where}: {pair.found.image}.",
                "Say which, that both are wrong (neither), or that the cells can't be told apart (unclear).",
            )
    before = pairs.preferences(run, *models)
    new = [said for image, said in taken.items() if image not in before or _says_else(before[image], said[1], said[2])]
    for one, preference, true_count in new:
        if true_count is not None:
            pairs.prefer(run, models, one, true_count, blind=True)
        if true_count is None or (preference in COMPARED and not one.counts_differ):
            pairs.prefer(run, models, one, preference, blind=True)
    return len(new)


def _says_else(before: PairVerdict, preference: Preference, true_count: int | None) -> bool:
    return before.preference is not preference or (true_count is not None and before.true_count != true_count)
