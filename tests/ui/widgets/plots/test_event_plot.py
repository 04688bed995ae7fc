"""The plot of events: what its cells show, and that a moved crosshair redraws little."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from tui_cytpix.ui.widgets.plots.event_plot import EventPlot
from tui_cytpix.ui.widgets.plots.event_plot_cells import (
    HALF,
    LEVELS,
    Mark,
    Picture,
    behind,
    density_cells,
    draw_marks,
    histogram_cells,
    levels,
    x_labels,
    y_labels,
)


def text_of(cells: list) -> list[str]:
    return ["".join(cell[0] for cell in row) for row in cells]


def test_levels_tell_one_event_from_none_and_the_fullest_from_the_rest() -> None:
    found = levels(np.array([[0, 1, 10, 1000]]))
    assert found[0, 0] == 0
    assert 0 < found[0, 1] < found[0, 2] < found[0, 3] == LEVELS
    assert levels(np.array([[0, 1]])).tolist() == [[0, LEVELS // 2]]


def test_density_has_two_rows_in_a_cell_or_shades() -> None:
    counts = np.array([[0, 5, 5], [0, 5, 0]])
    cells = density_cells(counts, shades=False)
    assert text_of(cells) == ["  ▀"]
    assert [cell[1:] for cell in cells[0]] == [(0, 0), (LEVELS, LEVELS), (LEVELS, 0)]
    shaded = text_of(density_cells(counts, shades=True))[0]
    assert shaded[0] == " "
    assert shaded[1] == "█"
    assert shaded[2] not in " █"


def test_bars_stand_on_the_axis() -> None:
    assert text_of(histogram_cells(np.array([0, 1, 8, 16]), 2)) == ["   █", " ▁██"]


def test_gates_are_drawn_within_the_area_only() -> None:
    def drawn(points: tuple, form: str) -> list[str]:
        cells = density_cells(np.zeros((8, 10), int), shades=False)
        draw_marks(cells, [Mark(points, form, "gate")])
        return text_of(cells)

    assert all(row[4] != " " and row[:4].strip() == "" for row in drawn(((0.45, 0.0),), "x"))
    assert sum(row.strip() != "" for row in drawn(((0.0, 0.5),), "y")) == 1
    assert "".join(drawn(((2.0, 0.0), (3.0, 1.0), (2.0, 1.0)), "polygon")).strip() == ""
    across = drawn(((-1e6, 0.5), (1e6, 0.5), (1e6, 9.0)), "polygon")
    assert sum(len(row.strip()) == 10 for row in across) == 1
    cells = density_cells(np.zeros((8, 10), int), shades=False)
    draw_marks(cells, [Mark(((0.05, 0.05), (0.95, 0.95)), "open", "drawn")])
    assert cells[3][0][0] == cells[0][9][0] == "◆"


def test_what_is_put_over_a_cell_keeps_what_is_behind() -> None:
    assert behind((HALF, 2, 6)) == 4
    assert behind((" ", 3, 3)) == 3
    assert behind(("█", 5, 0)) == 5
    assert behind((" ", 5, 0)) == behind(("▃", 5, 0)) == 0
    assert behind(("█", "many", 0)) == 0


def test_labels_do_not_touch() -> None:
    line, text = x_labels([(0.0, "0"), (0.1, "1000"), (0.5, "50k"), (0.999, "100k")], 20)
    assert len(line) == len(text) == 20
    assert text.split() == ["0", "50k", "100k"]
    assert line.count("┬") == 3
    assert [row for row in y_labels([(0.0, "0"), (1.0, "1M")], 4) if "┤" in row] == ["   1M ┤", "    0 ┤"]


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield EventPlot()


@pytest.mark.parametrize("size", [(80, 24), (30, 12)])
async def test_the_crosshair_moves_and_tells_what_is_under_it(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        plot = app.query_one(EventPlot)
        plot.focus()
        columns, rows = plot.area
        counts = np.zeros((2 * rows, columns), np.int64)
        counts[0, 0] = 7
        plot.show(Picture(counts, "x name", "y name", [(0.5, "10k")], [(0.5, "5")]))
        await pilot.press(*["H"] * 12, *["K"] * 5)
        assert plot.count_here == 7
        assert plot.at == pytest.approx((0.5 / columns, 1 - 0.5 / rows))
        lines = [plot.render_line(y).text for y in range(plot.size.height)]
        assert all(len(line) == size[0] for line in lines)
        assert lines[0].startswith("y name")
        assert lines[1][7] == "╋"
        assert "10k" in lines[-2]
        assert lines[-1].endswith("x name")
        plot.go_to((0.999, 0.001))
        assert plot.count_here == 0
        assert plot.render_line(rows).text[-1] == "╋"


async def test_a_moved_crosshair_redraws_few_rows() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        plot = app.query_one(EventPlot)
        plot.focus()
        await pilot.pause()
        drawn: list[int] = []
        render = plot.render_line

        def noted(y: int):
            drawn.append(y)
            return render(y)

        plot.render_line = noted  # type: ignore[method-assign]
        await pilot.press("l")
        await pilot.pause()
        assert 0 < len(set(drawn)) <= 2


async def test_another_height_leaves_no_old_rows_behind() -> None:
    app = Host()
    async with app.run_test(size=(40, 20)) as pilot:
        plot = app.query_one(EventPlot)
        plot.focus()
        for height in (20, 19, 21):
            await pilot.resize_terminal(40, height)
            await pilot.pause()
            columns, rows = plot.area
            plot.show(Picture(np.ones((2 * rows, columns), np.int64), "x", "y", [(0.5, "10k")], []))
            await pilot.press("l")
            await pilot.pause()
            shown = ["".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()]
            assert [row for row, line in enumerate(shown) if "└" in line] == [height - 3]
