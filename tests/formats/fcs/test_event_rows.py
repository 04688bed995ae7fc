"""Names, rows and pixel sizes: the small rules."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.domain.sample import Loss
from tui_cytpix.domain.words import printable
from tui_cytpix.formats.bytes.names import natural_key
from tui_cytpix.formats.fcs.event_rows import link_events
from tui_cytpix.formats.sample.linked_fcs import scale_from_areas


class Fcs:
    """As much of an FcsFile as the link needs."""

    def __init__(self, dtype=np.float64, **columns):
        self.columns = {name: np.asarray(values, dtype) for name, values in columns.items()}
        self.names = tuple(columns)

    def raw_column(self, name):
        return self.columns[name]

    def column(self, name):
        return self.columns[name].astype(np.float64)


@given(st.lists(st.integers(1, 500), unique=True), st.lists(st.integers(1, 500), unique=True))
def test_rows_are_found_whatever_the_order(in_fcs, imaged):
    linked = link_events(Fcs(Event=in_fcs), tuple(map(str, imaged)))
    assert linked.rows == {str(event): in_fcs.index(event) for event in imaged if event in in_fcs}
    assert bool(linked.problems) == (not set(imaged) <= set(in_fcs))


def test_repeats_odd_values_and_spellings():
    linked = link_events(Fcs(event=[5, 5, np.nan, 2.5, np.inf, 7]), ("5", "007", "2", "٣", "9" * 40))
    assert linked.rows == {"5": 0, "007": 5}
    assert "1 rows of the FCS repeat" in " ".join(linked.problems)
    assert "3 images have no row" in " ".join(linked.problems)


def test_ids_that_float32_cannot_tell_apart_are_not_guessed():
    edge = 1 << 24
    in_fcs = [edge - 1, edge, edge + 1, edge + 4, edge + 8, edge + 9]
    whole = link_events(Fcs(Event=in_fcs), tuple(map(str, in_fcs)))
    assert list(whole.rows.values()) == list(range(6))
    assert whole.problems == ()
    linked = link_events(Fcs(np.float32, Event=in_fcs), tuple(map(str, in_fcs)))
    assert linked.rows == {str(edge - 1): 0, str(edge + 4): 3}
    assert len(linked.problems) == 1
    assert isinstance(linked.problems[0], Loss)
    assert linked.problems[0].startswith("4 images have no certain row")
    alone = link_events(Fcs(np.float32, Event=in_fcs), (str(edge + 1), str(edge + 4)))
    assert alone.rows == {str(edge + 4): 3}  # two rows have the other's value


def test_an_fcs_without_event():
    linked = link_events(Fcs(Time=[1, 2]), ("1",))
    assert linked.rows == {}
    assert "no parameter Event" in linked.problems[0]


def test_natural_order():
    names = ["1", "2", "10", "10a", "a2", "a10", "b"]
    mixed = random.Random(0).sample(names, len(names))
    assert sorted(mixed, key=natural_key) == names


@given(st.lists(st.text()))
def test_any_text_can_be_ordered_and_shown(texts):
    ordered = sorted(texts, key=natural_key)
    again = ordered[::-1]
    again.sort(key=natural_key)
    assert again == ordered
    assert all(printable(text).isprintable() and len(printable(text)) == len(text) for text in texts)


def test_the_scale_is_the_median_and_needs_agreement():
    pixels = np.array([0, 100, 200, 300, 400, 500])
    areas = pixels * 0.3**2
    assert scale_from_areas(areas, pixels) == (pytest.approx(0.3), "")
    assert scale_from_areas(np.rint(areas), pixels)[0] == pytest.approx(0.3, rel=0.01)
    assert "don't agree" in scale_from_areas(areas * [1, 1, 2, 3, 1, 1], pixels)[1]
    assert "too few" in scale_from_areas(areas[:2], pixels[:2])[1]
    assert "not believable" in scale_from_areas(areas * 1e8, pixels)[1]
    assert scale_from_areas(areas * 0, pixels) == (None, "")
