"""A picture divided among narrow tiles side by side.

Textual sends every changed row from its widget's left edge on: with tiles a small change stays a small write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from textwrap import wrap
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.errors import NoWidget
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from tui_cytpix.core.images import render
from tui_cytpix.ui.graphics.surface import Piece, PixelImage, Sprite
from tui_cytpix.ui.graphics.text_cells import Drawing, style
from tui_cytpix.ui.textual_private import PaintedWithLayout
from tui_cytpix.ui.widgets.boxes import Horizontal, Vertical
from tui_cytpix.ui.widgets.pictures.picture_widget import PictureWidget

CHUNK_ROWS = 6  # cells: a change sends the chunks that it touches
Cell = tuple[int, int]


class Tile(PaintedWithLayout, Widget):
    """A vertical strip of the picture."""

    DEFAULT_CSS = """
    Tile { width: 1fr; height: 1fr; }
    """

    def __init__(self, view: TiledPicture, place: int) -> None:
        super().__init__()
        self._view, self.place = view, place

    def render_lines(self, crop: Region) -> list[Strip]:
        """Cells of full colour, without border or padding: what Textual does for these takes as long as the cells."""
        self._view.fit()
        strips = [Strip(self._view.cells_of(self, y), self.outer_size.width) for y in crop.line_range]
        self._view.unpainted.difference_update((self.place, y) for y in crop.line_range)
        for line_filter in self.get_line_filters():
            if not isinstance(line_filter, ANSIToTruecolor):
                strips = [strip.apply_filter(line_filter, self.background_colors[1]) for strip in strips]
        return [strip.crop(crop.x, crop.right) for strip in strips]

    def pieces(self, row: int, column: int, width: int) -> Iterator[Piece]:
        image = self._view.chunk(self.place, row // CHUNK_ROWS)
        if image is not None:
            for start, stop in self._view.free_of_text(self, row, column, width):
                yield Piece(start - column, image, row % CHUNK_ROWS, start, stop - start)


class TiledPicture(Vertical, PictureWidget):
    """Draws a picture and something small on top of it, and sends what differs from what is on the screen.

    `TILES` is a balance: many make small changes cheap, few a new picture. Subclasses say what to draw: `draw`,
    `words`, and on top `labels` (on every surface) and `glyphs` (of text cells) or `make_sprite` (of pixels).
    """

    DEFAULT_CSS = """
    TiledPicture { background: $background; }
    TiledPicture > .image-title { height: 1; padding: 0 1; text-style: bold; display: none; }
    TiledPicture > .image-title.-shown { display: block; }
    TiledPicture:focus > .image-title { color: $accent; }
    """
    TILES: ClassVar[int] = 8

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.tiles = [Tile(self, place) for place in range(self.TILES)]
        self.sprite: Sprite | None = None
        self._drawing: Drawing | None = None
        self._glyphs: dict[Cell, tuple[str, Style]] = {}
        self._chunks: dict[tuple[int, int], PixelImage] = {}
        self._places = [Region() for _ in self.tiles]  # of the tiles, when the picture was drawn
        self.unpainted: set[tuple[int, int]] = set()  # rows of tiles that are to be painted, by (place, row)

    def compose(self) -> ComposeResult:
        yield Static(classes="image-title", markup=False)
        with Horizontal():
            yield from self.tiles

    def on_mount(self) -> None:
        for tile in self.tiles:
            self.surface.add(tile)
        self.surface.host(self)

    @property
    def cell_size(self) -> tuple[int, int]:
        """(rows, columns) of cells."""
        tiles = self.tiles
        return tiles[0].size.height, sum(t.size.width for t in tiles)

    # What to draw

    def draw(self) -> Drawing | None:
        """What to show now; None where there is no picture."""
        raise NotImplementedError

    def words(self) -> str:
        return ""

    def labels(self, drawing: Drawing) -> dict[Cell, tuple[str, Style]]:  # noqa: ARG002
        """Characters in place of the picture, by cell; none here."""
        return {}

    def glyphs(self, drawing: Drawing) -> dict[Cell, tuple[str, Style]]:  # noqa: ARG002
        """Characters on top of the picture, by cell; none here."""
        return {}

    def make_sprite(self, drawing: Drawing) -> Sprite | None:  # noqa: ARG002
        """A small image on top of the picture; none here."""
        return None

    def _on_top(self) -> None:
        """Takes what lies on top from the subclass, in the surface's kind."""
        drawing = self._drawing
        if drawing is None:
            self._glyphs, self.sprite = {}, None
        elif self.surface.pixels:
            self._glyphs = self.labels(drawing)
            self.sprite = self.make_sprite(drawing)
        else:
            self._glyphs = {**self.labels(drawing), **self.glyphs(drawing)}

    # What differs

    def fit(self) -> None:
        """Draws anew where the tiles have another size than the picture; asked by whatever tile is painted first, as
        all have their sizes by then. Tiles that stayed where they were would not be painted by themselves.
        """
        if self._drawing is None or self._drawing.size != self.cell_size:
            before = self._places
            self._draw()
            self._chunks.clear()
            self.unpainted.clear()
            if self._drawing is not None:
                for tile, place in zip(self.tiles, before, strict=True):
                    if tile.region == place:
                        self._repaint(tile)

    def _repaint(self, tile: Tile) -> None:
        self.unpainted.update((tile.place, row) for row in range(tile.size.height))
        tile.refresh()

    def _draw(self) -> None:
        self._drawing = self.draw()
        self._places = [tile.region for tile in self.tiles]
        self._on_top()

    def redraw(self) -> None:
        """Draws anew and sends what differs from what is on the screen."""
        if not self.is_attached:
            return
        before, glyphs, sprite = self._drawing, self._glyphs, self.sprite
        self._draw()
        after = self._drawing
        if before is None or after is None or before.inks.shape != after.inks.shape or before.cell != after.cell:
            self._chunks.clear()
            for tile in self.tiles:
                self._repaint(tile)
            return
        (rows, columns), (tall, wide) = after.size, after.cell
        changed = (before.inks != after.inks) | (before.colours != after.colours).any()
        dirty = changed.reshape(rows, tall, columns, wide).any(axis=(1, 3))
        for cell in before.marks ^ after.marks:
            dirty[cell] = True
        self._mark_glyphs(dirty, glyphs)
        if self.surface.stamps and self.sprite != sprite:
            self._mark_sprites(dirty, after.cell, sprite)
        self._refresh_cells(dirty)
        if self.surface.pixels and not self.surface.stamps and self.sprite != sprite:
            self.surface.move_sprite(self.app, self, sprite)

    def redraw_on_top(self) -> None:
        """As `redraw`, where only what lies on top changed."""
        drawing = self._drawing
        if drawing is None:
            self.redraw()
            return
        glyphs, sprite = self._glyphs, self.sprite
        self._on_top()
        dirty = np.zeros(drawing.size, bool)
        if not self.surface.pixels:
            self._mark_glyphs(dirty, glyphs)
            self._refresh_cells(dirty)
        elif self.sprite != sprite:
            if self.surface.stamps:
                self._mark_sprites(dirty, drawing.cell, sprite)
                self._drop_chunks(dirty)
            self.surface.move_sprite(self.app, self, sprite)

    def _mark_glyphs(self, dirty: NDArray[np.bool_], old: dict[Cell, tuple[str, Style]]) -> None:
        for cell in old.keys() | self._glyphs.keys():
            inside = 0 <= cell[0] < dirty.shape[0] and 0 <= cell[1] < dirty.shape[1]
            if inside and old.get(cell) != self._glyphs.get(cell):
                dirty[cell] = True

    def _mark_sprites(self, dirty: NDArray[np.bool_], cell: Cell, old: Sprite | None) -> None:
        for sprite in (old, self.sprite):
            if sprite is not None:
                (tall, wide), (top, left, bottom, right) = cell, sprite.box
                rows = slice(max(top, 0) // tall, (bottom - 1) // tall + 1)
                dirty[rows, max(left, 0) // wide : (right - 1) // wide + 1] = True

    def _strips(self) -> Iterable[tuple[Tile, int]]:
        """Each tile with the columns before it."""
        return zip(self.tiles, accumulate((tile.outer_size.width for tile in self.tiles), initial=0), strict=False)

    def _refresh_cells(self, dirty: NDArray[np.bool_]) -> None:
        self._drop_chunks(dirty)
        for tile, start in self._strips():
            part = dirty[:, start : start + tile.size.width]
            for row in np.flatnonzero(part.any(1)).tolist():
                columns = np.flatnonzero(part[row])
                self.unpainted.add((tile.place, row))
                tile.refresh(Region(int(columns[0]), row, int(columns[-1] - columns[0]) + 1, 1))

    def _drop_chunks(self, dirty: NDArray[np.bool_]) -> None:
        for tile, start in self._strips():
            rows = np.flatnonzero(dirty[:, start : start + tile.size.width].any(1))
            for band in set((rows // CHUNK_ROWS).tolist()):
                if self._chunks.pop((tile.place, band), None) is not None and not self.surface.stamps:
                    # The terminal shows another image there: all cells of it must name that one.
                    tile.refresh(Region(0, band * CHUNK_ROWS, tile.size.width, CHUNK_ROWS))

    # Cells

    def cells_of(self, tile: Tile, row: int) -> list[Segment]:
        # Tiles have no border: `outer_size`, which is known, is `size`, which is looked up, and every line asks.
        start = sum(other.outer_size.width for other in self.tiles[: tile.place])
        stop = start + tile.outer_size.width
        drawing = self._drawing
        if drawing is None or row >= drawing.size[0] or stop > drawing.size[1]:
            return self._words(row, start, stop)
        segments: list[Segment] = []
        at = start
        for column in sorted(column for r, column in self._glyphs if r == row and start <= column < stop):
            segments.extend(self.surface.line(drawing, row, at, column))
            segments.append(Segment(*self._glyphs[row, column]))
            at = column + 1
        segments.extend(self.surface.line(drawing, row, at, stop))
        return segments

    def _words(self, row: int, start: int, stop: int) -> list[Segment]:
        columns = sum(tile.outer_size.width for tile in self.tiles)
        lines = wrap(self.words(), columns)
        at = row - self.tiles[0].outer_size.height // 2 + len(lines) // 2
        text = lines[at] if 0 <= at < len(lines) else ""
        return [Segment(text.center(columns)[start:stop], style(self._palette.text, self._palette.background))]

    # Pixels

    @property
    def inks(self) -> NDArray[np.uint8] | None:
        """The picture without what lies on top of it."""
        return None if self._drawing is None else self._drawing.inks

    @property
    def corner(self) -> tuple[int, int]:
        """(row, column) on the screen of the picture's first cell."""
        region = self.tiles[0].region
        return region.y, region.x

    def uncovered(self, row: int, column: int) -> bool:
        """Whether nothing lies over that cell of the picture."""
        y, x = self.corner
        if (row, column) in self._glyphs:
            return False
        try:
            return self.screen.is_current and self.screen.get_widget_at(x + column, y + row)[0] in self.tiles
        except NoWidget:
            return False

    def free_of_text(self, tile: Tile, row: int, column: int, width: int) -> Iterator[tuple[int, int]]:
        """(start, stop) of columns of a tile's row that no character takes the place of."""
        before = sum(other.outer_size.width for other in self.tiles[: tile.place])
        taken = sorted(c - before for r, c in self._glyphs if r == row and column <= c - before < column + width)
        start = column
        for at in [*taken, column + width]:
            if start < at:
                yield start, at
            start = at + 1

    def chunk(self, place: int, band: int) -> PixelImage | None:
        """A part of the picture as an image of its own: CHUNK_ROWS rows of cells of one tile."""
        drawing = self._drawing
        if drawing is None or drawing.cell != self.surface.cell:
            return None
        found = self._chunks.get((place, band))
        if found is None:
            tall, wide = drawing.cell
            start = sum(tile.size.width for tile in self.tiles[:place]) * wide
            rows = slice(band * CHUNK_ROWS * tall, (band + 1) * CHUNK_ROWS * tall)
            columns = slice(start, start + self.tiles[place].size.width * wide)
            inks = drawing.inks[rows, columns].copy()
            if not inks.size:
                return None
            if self.surface.stamps and self.sprite is not None:
                row, column = self.sprite.middle
                render.stamp(inks, self.sprite.image.inks, (row - rows.start, column - columns.start))
            found = self._chunks[place, band] = PixelImage(inks, drawing.colours)
        return found
