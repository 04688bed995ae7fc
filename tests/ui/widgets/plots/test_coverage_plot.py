"""What stands below the map of the selection fits its width."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.domain.run_settings import SelectionSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.widgets.plots.coverage_plot import CoveragePlot, Row, legend

AXES = ("bright rim, solid", "foreground, area")


def plain(row: Row) -> str:
    return "".join(letter for letter, _ in row)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (60, "o at random  ▲ for variety  ◆ both  + similar  · others"),
        (44, "o random ▲ variety ◆ both + similar · others"),
        (39, "o random ▲ variety ◆ both + similar"),
        (20, "o random ▲ variety"),
    ],
)
def test_the_legend_is_never_cut_in_a_word(columns: int, words: str) -> None:
    assert plain(legend(columns)) == words.ljust(columns)


def test_both_axes_are_named_in_a_row_or_where_it_is_narrow_in_two() -> None:
    plot = CoveragePlot()
    positions = np.array([[0, 0], [1, 1], [2, 0]], np.float32)
    plot.show([ImageKey("a", str(n)) for n in range(3)], positions, AXES, SelectionSettings())
    wide, narrow = ([plain(row) for row in plot.rows(columns, 12)] for columns in (60, 39))
    assert wide[-2].rstrip() == "→ bright rim, solid   ↑ foreground, area"
    assert [row.rstrip() for row in narrow[-3:-1]] == ["→ bright rim, solid", "↑ foreground, area"]
    assert len(wide) == len(narrow) == 12
