"""The verdict as a picture: the word, the bars, the course of the test."""

from __future__ import annotations

import re

import pytest

from tui_cytpix.domain.run_settings import AssessSettings, Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Verdict
from tui_cytpix.ui.widgets.plots.verdict_plot import LABEL, NUMBERS, at, drawn
from tui_cytpix.workflow.assess.verdict import Assessment, assess_verdicts

COLOURS = {"success": "green", "error": "red", "warning": "yellow", "background": "black", "foreground": "white"}
WIDTH = 60
SETTINGS = AssessSettings(p0=0.05, p1=0.15, required=(Kind.COUNT, Kind.MASK))


def assessed(wrong: int, right: int) -> Assessment:
    """After so many wrong counts, then so many right ones."""
    keys = [ImageKey("a", str(n)) for n in range(wrong + right)]
    said = [Judgement.COUNT_ERROR] * wrong + [Judgement.ACCEPTABLE] * right
    lines = [
        Verdict(n, 1.0, "me", key, "m", one, counted=1) for n, (key, one) in enumerate(zip(keys, said, strict=True))
    ]
    return assess_verdicts(keys, {line.image: line for line in lines}, SETTINGS)


def rows(wrong: int, right: int, *, tall: bool = False, width: int = WIDTH) -> list[str]:
    return [row.plain for row in drawn(assessed(wrong, right), width, COLOURS, tall=tall)]


@pytest.mark.parametrize(
    ("wrong", "right", "word"),
    [(0, 80, "KEEP"), (20, 10, "RETRAIN"), (1, 10, "NOT YET KNOWN"), (0, 0, "NOT YET KNOWN")],
)
def test_the_word_comes_first_and_large(wrong: int, right: int, word: str) -> None:
    assert rows(wrong, right)[0].startswith(f" {word} ")
    assert rows(wrong, right, tall=True)[1].strip() == " ".join(word)


def test_a_bar_spans_the_interval_between_the_limits() -> None:
    found = assessed(10, 20)
    bar = next(row.plain for row in drawn(found, WIDTH, COLOURS, tall=False) if row.plain[2:].startswith("count"))
    columns = WIDTH - LABEL - NUMBERS
    shown, one = bar[LABEL : LABEL + columns], found.all.count
    span = re.search("[━●┿]+", shown)
    assert span is not None
    assert span.start() == at(one.low, columns)
    assert span.end() == at(one.high, columns) + 1
    assert shown.index("●") == at(1 / 3, columns)
    assert shown[at(0.05, columns)] in "│┿"
    assert shown[at(0.15, columns)] in "│┿"
    assert bar.endswith("10/30")


def test_kinds_without_a_judgement_have_no_rate() -> None:
    (bar,) = [row for row in rows(0, 0) if "count" in row and "–" in row]
    assert "●" not in bar
    assert "┄" in bar


def test_the_course_crosses_the_line_at_which_it_was_decided() -> None:
    shown = rows(20, 10, tall=True)
    assert any("count: wrong of the images judged" in row for row in shown)
    assert any("retrain above" in row for row in shown)
    assert not any("keep below" in row for row in rows(20, 10))


@pytest.mark.parametrize("width", [20, 30, 42, 78, 120])
def test_no_row_is_wider_than_the_panel(width: int) -> None:
    for shown in (rows(3, 12, tall=True, width=width), rows(0, 0, width=width)):
        assert all(len(row) <= width for row in shown)
