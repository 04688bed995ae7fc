"""Pairs that are judged elsewhere, as a table that doesn't tell which model is which: one line a pair."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import PairVerdict, Preference
from tui_cytpix.errors import InputError, UsageError
from tui_cytpix.formats.tables.csv_table import csv_rows, csv_table
from tui_cytpix.workflow.assess.judgements_file import read_rows
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import pairs
from tui_cytpix.workflow.run.run import Run

Models = tuple[ModelEntry, ModelEntry]
COLUMNS = ("pair", "image", "better", "left_count", "right_count")
SIDES = ("left", "right")
OTHERS = tuple(str(one) for one in Preference if one not in (Preference.NEW, Preference.BASE))
UNREADABLE = "The preferences can't be read"
WAY_OUT = f"Fill in the column `better` of the table that was written: {', '.join((*SIDES, *OTHERS))}, or nothing."


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

    def preference(self, word: str) -> Preference:
        """The inverse.

        Raises:
            ValueError: it is none of the words.
        """
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
    mark = hashlib.sha256(told.encode()).hexdigest()[:12]
    return BlindPair(mark, found, pairs.new_comes_first(found.image, seed))


def write_pairs(path: Path, order: Sequence[BlindPair], said: Mapping[ImageKey, PairVerdict]) -> None:
    """The table to judge, with what was `said` already.

    Raises:
        UsageError: it can't be written.
    """
    heads = [(one.mark, str(one.found.image), one.in_word(said.get(one.found.image))) for one in order]
    counts = np.array([one.counts for one in order], np.float64).reshape(-1, 2)
    try:
        with csv_table(path, COLUMNS) as out:
            out.write(csv_rows(heads, counts))
    except OSError as error:
        raise UsageError("The table can't be written", f"{path}: {error.strerror or error}.") from error


def read_preferences(path: Path) -> list[tuple[str, str, str]]:
    """The lines of a judged table that say something: where each stands, the pair's mark, the word.

    Raises:
        InputError: it can't be read, or it isn't such a table.
    """
    rows = read_rows(path, UNREADABLE, WAY_OUT)
    if not rows or not {"pair", "better"} <= rows[0][1].keys():
        raise InputError(UNREADABLE, f"{path}: no lines with the columns pair and better.", WAY_OUT)
    return [(where, row["pair"], row["better"]) for where, row in rows if row["better"]]


def take_preferences(
    run: Run, models: Models, found: Sequence[Difference], given: Iterable[tuple[str, str, str]]
) -> int:
    """Records the lines of a judged table as preferences: all of them, or none; returns how many say something new.

    Raises:
        InputError: a line is of no pair that is reviewed now, says no word, or that two different counts are right.
    """
    by_mark = {one.mark: one for one in in_order(run, models, found)}
    taken: dict[ImageKey, tuple[Difference, Preference]] = {}
    for where, mark, word in given:
        pair = by_mark.get(mark)
        if pair is None:
            raise InputError(
                "No such pair is reviewed now",
                f"{where}: {mark}.",
                "The models, their answers or the images changed since: write the table anew.",
            )
        try:
            preference = pair.preference(word)
            if pair.found.image in taken and taken[pair.found.image][1] is not preference:
                raise ValueError(f"{pair.found.image} is judged twice, differently")
        except ValueError as error:
            raise InputError(UNREADABLE, f"{where}: {error}.", WAY_OUT) from error
        if preference is Preference.EQUAL and pair.found.counts_differ:
            raise InputError(
                "The counts differ: at most one is right",
                f"{where}: {pair.found.image}.",
                "Say which, that both are wrong (neither), or that the cells can't be told apart (unclear).",
            )
        taken[pair.found.image] = pair.found, preference
    before = pairs.preferences(run, *models)
    new = [
        (one, preference)
        for image, (one, preference) in taken.items()
        if image not in before or before[image].preference is not preference
    ]
    for one, preference in new:
        pairs.prefer(run, models, one, preference, blind=True)
    return len(new)
