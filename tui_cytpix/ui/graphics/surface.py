"""The surface that pictures are drawn on: text cells here, pixels in `pixel_surface`.

A widget that shows pictures asks the surface how many pixels a cell has, draws at that size, and hands Textual what
`line` gives for each row of cells. Surfaces with pixels ask the widget for those afterwards (`PictureSource`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual.geometry import Region

from tui_cytpix.ui.graphics import text_cells
from tui_cytpix.ui.graphics.text_cells import Drawing

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen


class PixelImage:
    """Something to show: `inks` uint8 (H, W) and what they are, `colours` uint8 (INKS, 3). It never changes: another
    picture is another object, and a terminal that keeps pictures forgets them with the object.
    """

    def __init__(self, inks: NDArray[np.uint8], colours: NDArray[np.uint8]) -> None:
        self.inks, self.colours = inks, colours


class Piece(NamedTuple):
    """`width` cells of an image, from its (row, column) of cells on; `at` counts cells from where it was asked for."""

    at: int
    image: PixelImage
    row: int
    column: int
    width: int


class Sprite(NamedTuple):
    """A small image on top of a picture: its middle at (row, column) of the picture's pixels."""

    image: PixelImage
    middle: tuple[int, int]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of the picture's pixels, also beyond its border."""
        (row, column), (height, width) = self.middle, self.image.inks.shape
        return row - height // 2, column - width // 2, row + height // 2 + 1, column + width // 2 + 1


class PictureSource(Protocol):
    @property
    def region(self) -> Region:
        """Where it is on the screen."""

    @property
    def is_attached(self) -> bool:
        """Whether it is still there."""

    @property
    def screen(self) -> Screen[Any]:
        """The screen that it is on."""

    def pieces(self, row: int, column: int, width: int) -> Iterable[Piece]:
        """What lies under some cells of one row; rows and columns count from the widget's upper left corner."""


class SpriteHost(Protocol):
    sprite: Sprite | None

    @property
    def inks(self) -> NDArray[np.uint8] | None:
        """The picture without its sprite, at the surface's pixels."""

    @property
    def corner(self) -> tuple[int, int]:
        """(row, column) on the screen of its upper left cell."""

    def uncovered(self, row: int, column: int) -> bool:
        """Whether nothing lies over one of its cells."""


class Surface:
    """Block characters, quadrants or halves, or shades where colours are few."""

    pixels = False  # whether sources are asked for pixels
    stamps = False  # whether a picture's pieces include its sprite

    def __init__(self, *, shades: bool = False, quadrants: bool = False) -> None:
        self.shades = shades
        self.cell = text_cells.QUADRANT_CELL if quadrants else text_cells.HALF_CELL  # pixels (rows, columns)

    def line(self, drawing: Drawing, row: int, start: int, stop: int) -> list[Segment]:
        """The cells `start` to `stop` of one row, as Textual shall know them."""
        return text_cells.line(drawing, row, start, stop, shades=self.shades)

    def dress(self, update: Any, screen: Screen[Any]) -> Any:  # noqa: ARG002
        """An update of a screen, together with the pictures in it."""
        return update

    def add(self, source: PictureSource) -> None:
        """A widget with pictures came; it goes by itself."""

    def host(self, host: SpriteHost) -> None:
        """A picture came that may have a sprite."""

    def move_sprite(self, app: App[Any], host: SpriteHost, old: Sprite | None) -> None:
        """The host's sprite, and nothing else, is elsewhere."""

    def resized(self) -> bool:
        return False

    def forget(self) -> None:
        """The terminal may have lost its pictures."""

    def farewell(self) -> str:
        return ""
