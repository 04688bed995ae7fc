"""The editor's canvas: an enlarged image with a crosshair that keys move."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual import events
from textual.binding import BindingType

from tui_cytpix.core.images import render
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.graphics.surface import PixelImage, Sprite
from tui_cytpix.ui.graphics.text_cells import BLACK, DOT, HALF, Drawing, style
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView
from tui_cytpix.ui.widgets.pictures.picture import kept, line_width
from tui_cytpix.ui.widgets.pictures.picture_tiles import Cell

EDGE_SHARE = 0.08  # of the window: a crosshair closer to the border moves the window
BEHIND = 0.25  # of the window: what is kept of where the crosshair came from, as every such move draws the whole window
QUARTERS = ("▘▝", "▖▗")
ARMS = ((0, -2), (0, -1), (0, 1), (0, 2), (-1, 0), (1, 0))  # (rows, columns) of cells


class AnnotationCanvas(EventImageView, inherit_bindings=False):
    """The crosshair is a position (y, x) in whole image pixels; the canvas decides nothing.

    `moved` is called when the crosshair is elsewhere. A message would arrive after the crosshair is painted, and what
    is said about its place would come a frame later.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("cursor", "image")
    TILES = 8  # what changes is mostly the crosshair

    def __init__(self, moved: Callable[[], object] = lambda: None, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._moved = moved
        self.cursor: tuple[float, float] = (0.0, 0.0)
        self.grabbed = False
        self.steered = False  # the user has moved the crosshair on this image
        self.path: list[tuple[float, float]] | None = None  # where a pen has been
        self._sprite_kind: tuple[object, ...] = ()
        self._sprite_image: PixelImage | None = None

    # State

    def edit(
        self, key: ImageKey, segmentation: Segmentation | None, particles: NDArray[np.uint16] | None, title: str
    ) -> None:
        """Shows an image, with the line between touching particles where `particles` says."""
        self.particles = particles
        self.show(key, segmentation, title)

    def appears_as(self, key: ImageKey | None, answer: object = None) -> None:
        """A proposal that comes is to be seen, too; what the person does to it needs not."""
        super().appears_as(key, answer is not None)

    def put_cursor(self, point: tuple[float, float]) -> None:
        """Moves the crosshair, kept on the image; the window follows where it must."""
        shape = self.shape
        y = float(min(max(round(point[0]), 0), shape[0] - 1))
        x = float(min(max(round(point[1]), 0), shape[1] - 1))
        elsewhere = (y, x) != self.cursor
        if elsewhere:
            self.cursor = (y, x)
            if self.path is not None:
                self.path.append(self.cursor)
        window = self.window
        if window is not None and self.zoom and self._follows(window):
            self.redraw()
        else:
            self.redraw_on_top()
        if elsewhere:
            self._moved()

    def grab(self, *, on: bool) -> None:
        self.grabbed = on
        self.redraw_on_top()

    def put_down(self) -> None:
        """A pen begins at the crosshair; from here on the crosshair leaves a path."""
        self.path = [self.cursor]
        self.grab(on=True)

    def lift(self) -> list[tuple[float, float]]:
        path, self.path = self.path or [], None
        self.grab(on=False)
        return path

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the image, px."""
        if self.segmentation is not None:
            height, width = self.segmentation.mask.shape
            return int(height), int(width)
        picture = self.picture
        return (1, 1) if picture is None else (int(picture.shape[0]), int(picture.shape[1]))

    def _follows(self, window: render.Window) -> bool:
        """Moves the window to where the crosshair has most of it before it; False where it stays, also at the image's
        border.
        """
        y, x = self.cursor
        size = window.height, window.width
        moved = kept((_moved_along(y, window.top, size[0]), _moved_along(x, window.left, size[1])), size, self.shape)
        self.centre = moved.centre
        return not np.allclose(moved.centre, window.centre)

    # Drawing

    def glyphs(self, drawing: Drawing) -> dict[Cell, tuple[str, Style]]:
        """The crosshair: the half or quarter cell of its pixel, and short arms; they leave centroid marks visible."""
        window = self.window
        if window is None:
            return {}
        rows, columns = drawing.size
        y, x = render.to_screen(self.cursor, window, *drawing.inks.shape)
        tall, wide = drawing.cell
        row, column = int(y) // tall, int(x) // wide
        found: dict[Cell, tuple[str, Style]] = {}
        front = drawing.rgb[render.CROSSHAIR]
        for down, right in ARMS:
            cell = (row + down, column + right)
            if 0 <= cell[0] < rows and 0 <= cell[1] < columns and cell not in drawing.marks:
                behind = drawing.behind(*cell)
                plain, double = ("─", "═") if down == 0 else ("│", "║")
                red, green, blue = (value * 3 // 5 for value in behind)
                found[cell] = (double if self.grabbed else plain, style(front, (red, green, blue), bold=True))
        if 0 <= row < rows and 0 <= column < columns:
            found[row, column] = self._middle(drawing, int(y), int(x))
        return found

    def _middle(self, drawing: Drawing, y: int, x: int) -> tuple[str, Style]:
        front, (tall, wide) = drawing.rgb[render.CROSSHAIR], drawing.cell
        row, column = y // tall, x // wide
        if (row, column) in drawing.marks:
            return DOT, style(front, BLACK, bold=True)
        if self.surface.shades:
            return "X", style(front, BLACK, bold=True)
        lower, right = y % tall >= tall // 2, x % wide >= 1
        if wide > 1:
            return QUARTERS[lower][right], style(front, drawing.behind(row, column))
        other = drawing.rgb[drawing.inks[y ^ 1, x]]
        return ("▄" if lower else HALF), style(front, other)

    def make_sprite(self, drawing: Drawing) -> Sprite | None:
        """The crosshair in pixels, around the middle of its pixel of the image."""
        window = self.window
        if window is None:
            return None
        kind = (drawing.cell, self.grabbed, self._palette)
        if kind != self._sprite_kind:
            tall, wide = drawing.cell
            cross = render.cross(tall * 3 // 4, max(2, wide // 3), line_width(drawing.cell), double=self.grabbed)
            self._sprite_kind, self._sprite_image = kind, PixelImage(cross, drawing.colours)
        assert self._sprite_image is not None
        y, x = render.to_screen(self.cursor, window, *drawing.inks.shape)
        return Sprite(self._sprite_image, (int(y), int(x)))

    # Commands

    def action_step(self, down: int, right: int) -> None:
        self.steered = True
        self.put_cursor((self.cursor[0] + down, self.cursor[1] + right))

    def action_zoom(self, by: int) -> None:
        self.centre = self.cursor
        super().action_zoom(by)
        self._moved()

    def step_through(self, points: Iterable[tuple[float, float]], by: int, *, nearest_first: bool = True) -> None:
        """To the next (or, with -1, the previous) of some points, from the one under the crosshair on; elsewhere to the
        nearest, or to the first.
        """
        found = list(points)
        if not found:
            return
        self.steered = True
        away = [(p[0] - self.cursor[0]) ** 2 + (p[1] - self.cursor[1]) ** 2 for p in found]
        nearest = int(np.argmin(away))
        here = away[nearest] <= 2.0
        if here:
            self.put_cursor(found[(nearest + by) % len(found)])
        else:
            self.put_cursor(found[nearest if nearest_first else 0])

    def _point_at(self, event: events.MouseEvent) -> tuple[float, float] | None:
        window = self.window
        rows, columns = self.cell_size
        if window is None or not rows or not columns:
            return None
        row, column = event.screen_y - self.tiles[0].region.y, event.screen_x - self.tiles[0].region.x
        if not (0 <= row < rows and 0 <= column < columns):
            return None
        return render.to_image((row + 0.5, column + 0.5), window, rows, columns)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        point = self._point_at(event)
        if point is not None:
            self.screen.set_focus(self)
            self.steered = True
            self.put_cursor(point)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        point = self._point_at(event) if event.button == 1 else None
        if point is not None:
            self.put_cursor(point)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_zoom(1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_zoom(-1)


def _moved_along(at: float, start: float, length: float) -> float:
    """Along one axis: where the middle of a window is to be so that the crosshair has most of it before it. Far from
    the border the window stays, and it is centred on what lies half of it away or more.
    """
    share = (at + 0.5 - start) / length
    if not -0.5 < share < 1.5:
        return at
    if share < EDGE_SHARE:
        return at - (0.5 - BEHIND) * length
    if share > 1 - EDGE_SHARE:
        return at + (0.5 - BEHIND) * length
    return start + length / 2 - 0.5
