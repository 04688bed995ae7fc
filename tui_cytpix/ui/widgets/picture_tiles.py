"""A picture divided among narrow tiles side by side.

Textual sends every changed row from its widget's left edge on: with tiles a small change stays a small write.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from tui_cytpix.ui.widgets.picture import Frame, Look, Palette, cells

TILES = 8
Cell = tuple[int, int]


class Tile(Widget):
    """A vertical strip of the picture."""

    DEFAULT_CSS = """
    Tile { width: 1fr; height: 1fr; }
    """

    def __init__(self, view: TiledPicture) -> None:
        super().__init__()
        self._view = view

    def render_line(self, y: int) -> Strip:
        """One row of cells."""
        return Strip(self._view.cells_of(self, y), self.size.width)


class TiledPicture(Vertical):
    """Draws a frame and characters on top of it, and sends what differs from what is on the screen.

    Subclasses say what to draw: `draw_frame`, `glyphs`, `words`.
    """

    DEFAULT_CSS = """
    TiledPicture { background: $background; }
    TiledPicture > .image-title { height: 1; padding: 0 1; text-style: bold; display: none; }
    TiledPicture > .image-title.-shown { display: block; }
    TiledPicture:focus > .image-title { color: $accent; }
    """

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.tiles = [Tile(self) for _ in range(TILES)]
        self.look = Look()
        self._palette = Palette()
        self._frame: Frame | None = None
        self._glyphs: dict[Cell, tuple[str, Style]] = {}

    def compose(self) -> ComposeResult:
        """Title and tiles."""
        yield Static(classes="image-title", markup=False)
        with Horizontal():
            yield from self.tiles

    @property
    def cell_size(self) -> tuple[int, int]:
        """(rows, columns) of cells."""
        tiles = self.tiles
        return tiles[0].size.height, sum(t.size.width for t in tiles)

    def draw_frame(self) -> Frame | None:
        """What to show now; None where there is no picture."""
        raise NotImplementedError

    def words(self) -> str:
        """What stands in for a missing picture."""
        return ""

    def glyphs(self) -> dict[Cell, tuple[str, Style]]:
        """Characters on top of the picture, by cell; none here."""
        return {}

    def redraw(self) -> None:
        """Draws anew and sends what differs from what is on the screen."""
        if not self.is_attached:
            return
        before, old_glyphs = self._frame, self._glyphs
        self._frame = self.draw_frame()
        self._glyphs = self.glyphs() if self._frame is not None else {}
        if before is None or self._frame is None or before.pixels.shape != self._frame.pixels.shape:
            for tile in self.tiles:
                tile.refresh()
            return
        changed = (before.pixels != self._frame.pixels).any(2)
        dirty = changed[0::2] | changed[1::2]
        for row, column in before.marks ^ self._frame.marks:
            dirty[row, column] = True
        self._mark_glyphs(dirty, old_glyphs)
        self._refresh_cells(dirty)

    def redraw_glyphs(self) -> None:
        """As `redraw`, where only the characters on top changed."""
        if self._frame is None:
            self.redraw()
            return
        old, self._glyphs = self._glyphs, self.glyphs()
        rows, columns = self._frame.pixels.shape[0] // 2, self._frame.pixels.shape[1]
        dirty = np.zeros((rows, columns), bool)
        self._mark_glyphs(dirty, old)
        self._refresh_cells(dirty)

    def _mark_glyphs(self, dirty: NDArray[np.bool_], old: dict[Cell, tuple[str, Style]]) -> None:
        for cell in old.keys() | self._glyphs.keys():
            inside = 0 <= cell[0] < dirty.shape[0] and 0 <= cell[1] < dirty.shape[1]
            if inside and old.get(cell) != self._glyphs.get(cell):
                dirty[cell] = True

    def _refresh_cells(self, dirty: NDArray[np.bool_]) -> None:
        start = 0
        for tile in self.tiles:
            width = tile.size.width
            part = dirty[:, start : start + width]
            for row in np.flatnonzero(part.any(1)).tolist():
                columns = np.flatnonzero(part[row])
                tile.refresh(Region(int(columns[0]), row, int(columns[-1] - columns[0]) + 1, 1))
            start += width

    def cells_of(self, tile: Tile, row: int) -> list[Segment]:
        """One row of one tile."""
        start = 0
        for other in self.tiles:
            if other is tile:
                break
            start += other.size.width
        stop = start + tile.size.width
        drawn = self._frame
        if drawn is None or row * 2 >= drawn.pixels.shape[0] or stop > drawn.pixels.shape[1]:
            return self._words(row, start, stop)
        here = sorted(column for r, column in self._glyphs if r == row and start <= column < stop)
        segments: list[Segment] = []
        at = start
        for column in here:
            segments.extend(cells(drawn, row, at, column, self.look, self._palette))
            segments.append(Segment(*self._glyphs[row, column]))
            at = column + 1
        segments.extend(cells(drawn, row, at, stop, self.look, self._palette))
        return segments

    def _words(self, row: int, start: int, stop: int) -> list[Segment]:
        rows, columns = self.cell_size
        text = self.words()[:columns] if row == rows // 2 else ""
        return [Segment(text.center(columns)[start:stop], self.rich_style)]
