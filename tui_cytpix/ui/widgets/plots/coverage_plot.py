"""The selection over its population, on the plane through the images' morphology."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.run_settings import SelectionSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import shortened
from tui_cytpix.ui.widgets.plots.curve_plot import CharacterPlot, Row

MARGIN = 0.02  # of the plane, on each side
LEGEND = {
    "o at random": "random",
    "▲ for variety": "variable",
    "◆ both": "both",
    "+ similar": "similar",
    "· others": "population",
}
NARROW_LEGEND = {text.replace("at ", "").replace("for ", ""): kind for text, kind in LEGEND.items()}
GLYPHS = {"": " ", "population": "·", "random": "o", "variable": "▲", "both": "◆", "similar": "+"}


def cells(positions: NDArray[np.float32], kinds: Sequence[str], columns: int, rows: int) -> list[Row]:
    """The plane as `rows` x `columns` characters; a cell shows the most telling of the images in it.

    `positions` is (N, 2); both axes are stretched to the plot, cut at the outer 0.5 % so that a lone image does not
    push all others into one corner. `kinds` names each row's group: population, random, variable or similar.
    """
    grid = np.full((rows, columns), "", dtype="<U10")
    if not len(positions) or columns < 4 or rows < 2:
        return [[(" ", "")] * columns for _ in range(rows)]
    low, high = np.percentile(positions, [0.5, 99.5], axis=0)
    span = np.where(high > low, high - low, 1.0)
    share = np.clip((positions - low) / span, 0, 1) * (1 - 2 * MARGIN) + MARGIN
    xs = np.minimum((share[:, 0] * columns).astype(int), columns - 1)
    ys = np.minimum(((1 - share[:, 1]) * rows).astype(int), rows - 1)
    for x, y, kind in zip(xs, ys, kinds, strict=True):
        old = str(grid[y, x])
        if {old, kind} == {"random", "variable"} or old == "both":
            grid[y, x] = "both"
        elif kind != "population" or not old:
            grid[y, x] = kind
    return [[(GLYPHS[str(kind)], str(kind)) for kind in row] for row in grid]


def legend(columns: int) -> Row:
    """What the characters mean, in fewer words where it is narrow; what does not fit whole is left out."""
    words, gap = LEGEND, 2
    if sum(len(text) + gap for text in words) - gap > columns:
        words, gap = NARROW_LEGEND, 1
    row: Row = []
    for text, kind in words.items():
        if len(row) + len(text) <= columns:
            row += [*((c, kind) for c in text), *[(" ", "")] * gap]
    return (row + [(" ", "")] * columns)[:columns]


class CoveragePlot(CharacterPlot):
    """Shows what `show` was given last."""

    KINDS = "coverage"
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"coverage--{kind}" for kind in GLYPHS if kind}
    DEFAULT_CSS = """
    CoveragePlot { height: 1fr; min-height: 4; }
    CoveragePlot > .coverage--population { color: $text-muted; }
    CoveragePlot > .coverage--random { color: $primary; text-style: bold; }
    CoveragePlot > .coverage--variable { color: $accent; text-style: bold; }
    CoveragePlot > .coverage--similar { color: $warning; text-style: bold; }
    CoveragePlot > .coverage--both { color: $success; text-style: bold; }
    """

    _positions: NDArray[np.float32] = np.zeros((0, 2), np.float32)
    _kinds: Sequence[str] = ()
    _axes = ("", "")

    def show(
        self,
        candidates: Sequence[ImageKey],
        positions: NDArray[np.float32],
        axes: tuple[str, str],
        chosen: SelectionSettings,
    ) -> None:
        """`positions` is (N, 2), one row a candidate; `axes` say what grows to the right, and upwards."""
        self._axes = axes
        groups = (("random", chosen.random), ("variable", chosen.variable), ("similar", chosen.similar))
        group_of = {key: name for name, keys in groups for key in keys}
        self._positions = positions
        self._kinds = [group_of.get(key, "population") for key in candidates]
        self.draw_anew()

    def rows(self, columns: int, rows: int) -> list[Row]:
        """The plane; the last rows say what its axes and its characters are."""
        below = [*self._axis_words(columns), legend(columns)] if len(self._positions) else []
        return [*cells(self._positions, self._kinds, columns, max(0, rows - len(below))), *below]

    def _axis_words(self, columns: int) -> list[Row]:
        """Both in a row, or a row each where that is too narrow."""
        told = [f"{arrow} {words}" for arrow, words in zip("→↑", self._axes, strict=True) if words]
        together = "   ".join(told)
        lines = told if len(together) > columns else [together]
        return [[(letter, "population") for letter in shortened(line, columns).ljust(columns)] for line in lines]
