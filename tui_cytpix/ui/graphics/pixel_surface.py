"""Surfaces with pixels: Textual knows their cells as a private character, the pixels follow in the same write."""

from __future__ import annotations

import weakref
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.segment import Segment

from tui_cytpix.ui.graphics.surface import PictureSource, Piece, Sprite, Surface
from tui_cytpix.ui.graphics.text_cells import Drawing
from tui_cytpix.ui.graphics.updates import PLACE, runs
from tui_cytpix.ui.textual_private import CompositorUpdate, LayoutUpdate

if TYPE_CHECKING:
    from textual.screen import Screen

WIPE = "\x1b[2J"
CellSize = Callable[[], tuple[int, int]]


class Placed(NamedTuple):
    """A piece and the (row, column) of the screen where it begins."""

    y: int
    x: int
    piece: Piece


class Dressed(CompositorUpdate):
    """An update of the screen, and the pixels of the pictures in it; with `wipe`, after all that was there before."""

    def __init__(
        self, update: CompositorUpdate, surface: PixelSurface, screen: Screen[Any], *, wipe: bool = False
    ) -> None:
        self._update, self._surface, self._screen, self._wipe = update, surface, screen, wipe

    def render_segments(self, console: Console) -> str:
        """All that goes to the terminal, in one string."""
        text = self._update.render_segments(console).replace(PLACE, " ")
        return (WIPE if self._wipe else "") + text + self._surface.after(self._update, self._screen)


class PixelSurface(Surface):
    """`cell_size` gives the (rows, columns) of pixels in a cell, which may change while the app runs."""

    pixels = True

    def __init__(self, cell_size: CellSize) -> None:
        super().__init__()
        self._cell_size = cell_size
        self.cell = cell_size()
        self._sources: weakref.WeakSet[Any] = weakref.WeakSet()
        self._to_wipe = False

    def line(self, drawing: Drawing, row: int, start: int, stop: int) -> list[Segment]:  # noqa: ARG002
        """Cells that the pixels will cover."""
        return [Segment(PLACE * (stop - start))] if stop > start else []

    def dress(self, update: Any, screen: Screen[Any]) -> Any:
        """The first update of the whole screen after a resize wipes it: what was drawn for another size may lie where
        nothing is written any more.
        """
        if not isinstance(update, CompositorUpdate):
            return update
        wipe = self._to_wipe and isinstance(update, LayoutUpdate) and update.region.size == screen.size
        if wipe:
            self._to_wipe = False
        return Dressed(update, self, screen, wipe=wipe)

    def add(self, source: PictureSource) -> None:
        """Kept as long as the widget lives."""
        self._sources.add(source)

    def resized(self) -> bool:
        self._to_wipe = True
        before, self.cell = self.cell, self._cell_size()
        return before != self.cell

    def after(self, update: CompositorUpdate, screen: Screen[Any]) -> str:
        """The pixels of all picture cells that the update writes."""
        sources = [
            (source, source.region) for source in self._sources if source.is_attached and source.screen is screen
        ]
        found: list[Placed] = []
        for y, x, width in runs(update):
            for source, region in sources:
                start, stop = max(x, region.x), min(x + width, region.right)
                if region.y <= y < region.bottom and start < stop:
                    asked = source.pieces(y - region.y, start - region.x, stop - start)
                    found.extend(Placed(y, start + piece.at, piece) for piece in asked)
        return self.draw(found)

    @abstractmethod
    def draw(self, placed: Iterable[Placed]) -> str:
        """The pixels of these pieces."""


def box_of(sprites: Iterable[Sprite], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of pixels, within the picture."""
    tops, lefts, bottoms, rights = zip(*(sprite.box for sprite in sprites), strict=True)
    return max(min(tops), 0), max(min(lefts), 0), min(max(bottoms), shape[0]), min(max(rights), shape[1])
