"""The plots' geometry, without and with a running app."""

from __future__ import annotations

import math

import numpy as np
import pytest
from textual.app import App, ComposeResult

from tui_cytpix.domain.jobs.training import Epoch
from tui_cytpix.domain.run_settings import SelectionSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.widgets.plots import braille
from tui_cytpix.ui.widgets.plots.coverage_plot import CoveragePlot, cells
from tui_cytpix.ui.widgets.plots.curve_plot import BLOCKS, CurvePlot, additions, draw, scale_of, sparkline


def curve(count: int, ta: float = 0.9, va: float = 0.8, more_at: int = 0) -> list[Epoch]:
    return [Epoch(n, 0.1, ta, va, 1.0, 8 + (3 if more_at and n >= more_at else 0), 2) for n in range(1, count + 1)]


def text(rows: list[list[tuple[str, str]]]) -> list[str]:
    return ["".join(c for c, _ in row) for row in rows]


def test_a_braille_dot_is_where_unicode_puts_it() -> None:
    dots = braille.layer(1, 1)
    dots[0, 0] = dots[3, 1] = True
    assert braille.characters(dots) == [chr(0x2800 + 0x01 + 0x80)]


@pytest.mark.parametrize(("columns", "rows"), [(30, 7), (36, 9), (80, 14), (160, 40)])
def test_every_row_fills_the_width(columns: int, rows: int) -> None:
    plot = draw(curve(100, more_at=60), 150, columns, rows, best=95)
    assert len(plot) == rows
    assert {len(row) for row in plot} == {columns}


def test_values_sit_on_their_ticks() -> None:
    plot = draw(curve(50, ta=1.0, va=0.8), 50, 60, 14)
    labelled = {line[:4].strip(): y for y, line in enumerate(text(plot)) if "┤" in line}
    kinds = [[kind for _, kind in row] for row in plot]
    assert "ta" in kinds[labelled["1.00"]]
    assert "va" not in kinds[labelled["1.00"]]
    assert "va" in kinds[labelled["0.80"]]


def test_a_dip_is_not_averaged_away() -> None:
    epochs = curve(400, ta=1.0, va=0.9)
    epochs[200] = Epoch(201, 0.1, 0.5, 0.5, 1.0, 8, 2)
    plot = draw(epochs, 400, 40, 14)
    lowest = [kind for _, kind in plot[10]]
    assert "ta" in lowest or "both" in lowest


def test_the_two_series_differ_without_colour() -> None:
    """VA is two dots high, TA one."""
    plot = draw(curve(50, ta=0.95, va=0.6), 50, 60, 20)
    per_column = {}
    for kind in ("ta", "va"):
        dots = sum(bin(ord(c) - 0x2800).count("1") for row in plot[1:-2] for c, k in row if k == kind)
        per_column[kind] = dots / (2 * (60 - 5))
    assert per_column["ta"] == pytest.approx(1.0, abs=0.1)
    assert per_column["va"] == pytest.approx(2.0, abs=0.1)


def test_added_annotations_and_the_best_epoch_are_on_the_axis() -> None:
    epochs = curve(150, more_at=101)
    assert additions(epochs) == [(101, 3)]
    axis = text(draw(epochs, 150, 80, 12, best=50))[-2]
    assert "+3" in axis
    assert "★" in axis


def test_no_epoch_says_so_and_a_tiny_plot_draws_nothing() -> None:
    assert any("No epoch yet" in line for line in text(draw([], 0, 60, 10)))
    assert all(not line.strip() for line in text(draw(curve(3), 3, 8, 3)))


def test_a_single_epoch_and_missing_accuracies_are_drawn() -> None:
    assert len(draw(curve(1), 1, 40, 8)) == 8
    assert len(draw(curve(5, va=math.nan), 5, 40, 8)) == 8


@pytest.mark.parametrize("low", [0.0, 0.31, 0.55, 0.97, 1.0])
def test_the_axis_holds_all_values(low: float) -> None:
    for rows in (2, 5, 9, 30):
        scale = scale_of(curve(10, ta=1.0, va=low), 10, rows)
        assert scale.low <= low + 1e-9
        assert scale.low >= 0.0


def test_sparkline() -> None:
    assert sparkline([0, 1], 10, 0.0) == BLOCKS[0] + BLOCKS[-1]
    assert len(sparkline(list(range(1000)), 12, 0.0)) == 12
    assert sparkline([], 10, 0.0) == ""
    assert sparkline([0.5, math.nan, 0.5], 5, 0.5) == BLOCKS[0] * 2
    assert sparkline([1.0, math.nan, 1.0], 5, 1.0) == BLOCKS[-1] * 2
    assert sparkline([2.0, -1.0], 5, 0.0) == BLOCKS[-1] + BLOCKS[0]


def test_a_cell_shows_the_most_telling_image() -> None:
    positions = np.array([[0, 0], [0, 0], [1, 1], [1, 1], [0, 1]], np.float32)
    plot = cells(positions, ["population", "random", "random", "variable", "population"], 10, 5)
    found = {kind for row in plot for _, kind in row}
    assert found == {"", "random", "both", "population"}
    assert plot[-1][0][1] == "random"  # y grows upwards


class Plots(App[None]):
    def compose(self) -> ComposeResult:
        yield CurvePlot()
        yield CoveragePlot()


async def test_the_widgets_draw_what_they_are_given() -> None:
    app = Plots()
    async with app.run_test(size=(60, 24)) as pilot:
        plot, coverage = app.query_one(CurvePlot), app.query_one(CoveragePlot)
        assert "No epoch yet" in "".join(plot.render_line(y).text for y in range(plot.size.height))
        plot.show(curve(20), 100, 12)
        keys = [ImageKey("s", str(i)) for i in range(50)]
        points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
        coverage.show(keys, points, ("area", "rim"), SelectionSettings(50, tuple(keys[:10]), tuple(keys[10:13])))
        await pilot.pause()
        assert "TA 0.90" in plot.render_line(0).text
        drawn = "".join(coverage.render_line(y).text for y in range(coverage.size.height - 1))
        assert "o" in drawn
        assert "▲" in drawn
        assert "at random" in coverage.render_line(coverage.size.height - 1).text
