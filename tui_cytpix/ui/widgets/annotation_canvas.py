"""The editor's canvas: an enlarged image with a crosshair that keys move."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message

from tui_cytpix.core import render
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.commands import bindings
from tui_cytpix.ui.widgets.event_image import EventImageView
from tui_cytpix.ui.widgets.picture import HALF, MARK
from tui_cytpix.ui.widgets.picture_tiles import Cell

FAR_PX = 8
EDGE_SHARE = 0.08  # of the view: a crosshair closer to the border moves the view
ARMS = ((0, -2), (0, -1), (0, 1), (0, 2), (-1, 0), (1, 0))  # (rows, columns) of cells


class AnnotationCanvas(EventImageView, inherit_bindings=False):
    """The crosshair is a position (y, x) in whole image pixels; it posts `CursorMoved`, and decides nothing."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("cursor", "image")

    class CursorMoved(Message):
        """The crosshair is elsewhere."""

        def __init__(self, point: tuple[float, float]) -> None:
            super().__init__()
            self.point = point

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.cursor: tuple[float, float] = (0.0, 0.0)
        self.grabbed = False

    # State

    def edit(
        self, key: ImageKey, segmentation: Segmentation | None, particles: NDArray[np.uint16] | None, title: str
    ) -> None:
        """Shows an image, with the line between touching particles where `particles` says."""
        self.particles = particles
        self.show(key, segmentation, title)

    def put_cursor(self, point: tuple[float, float]) -> None:
        """Moves the crosshair, kept on the image; the view follows where it must."""
        shape = self.shape
        y = float(min(max(round(point[0]), 0), shape[0] - 1))
        x = float(min(max(round(point[1]), 0), shape[1] - 1))
        if (y, x) != self.cursor:
            self.cursor = (y, x)
            self.post_message(self.CursorMoved(self.cursor))
        if self._leaves_view():
            self.centre = self.cursor
            self.redraw()
        else:
            self.redraw_glyphs()

    def grab(self, *, on: bool) -> None:
        """Shows that the crosshair carries a centroid."""
        self.grabbed = on
        self.redraw_glyphs()

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the image, px."""
        if self.segmentation is not None:
            height, width = self.segmentation.mask.shape
            return int(height), int(width)
        picture = self.picture
        return (1, 1) if picture is None else (int(picture.shape[0]), int(picture.shape[1]))

    def _leaves_view(self) -> bool:
        view = self.view
        if view is None or self.zoom == 0:
            return False
        down = (self.cursor[0] + 0.5 - view.top) / view.height
        right = (self.cursor[1] + 0.5 - view.left) / view.width
        hidden = not (0 <= down < 1 and 0 <= right < 1)
        near = not (EDGE_SHARE <= down <= 1 - EDGE_SHARE and EDGE_SHARE <= right <= 1 - EDGE_SHARE)
        return hidden or (near and self._can_follow(view))

    def _can_follow(self, view: render.View) -> bool:
        """Whether the view can move towards the crosshair at all, being at the image's border otherwise."""
        y, x = self.cursor[0] + 0.5, self.cursor[1] + 0.5
        height, width = self.shape
        return (
            (y < view.top + EDGE_SHARE * view.height and view.top > 0)
            or (y > view.top + (1 - EDGE_SHARE) * view.height and view.top + view.height < height)
            or (x < view.left + EDGE_SHARE * view.width and view.left > 0)
            or (x > view.left + (1 - EDGE_SHARE) * view.width and view.left + view.width < width)
        )

    # Drawing

    def glyphs(self) -> dict[Cell, tuple[str, Style]]:
        """The crosshair: the half-cell of its pixel, and short arms; they leave centroid marks visible."""
        view, drawn = self.view, self._frame
        if view is None or drawn is None:
            return {}
        rows, columns = drawn.pixels.shape[:2]
        y, x = render.to_screen(self.cursor, view, rows, columns)
        row, column = int(y) // 2, int(x)
        found: dict[Cell, tuple[str, Style]] = {}
        colour = Color.from_rgb(*self._palette.crosshair)
        for down, right in ARMS:
            cell = (row + down, column + right)
            if 0 <= cell[0] < rows // 2 and 0 <= cell[1] < columns and cell not in drawn.marks:
                behind = drawn.pixels[2 * cell[0] : 2 * cell[0] + 2, cell[1]].mean(axis=0) * 0.6
                plain, double = ("─", "═") if down == 0 else ("│", "║")
                style = Style(color=colour, bgcolor=_colour(behind), bold=True)
                found[cell] = (double if self.grabbed else plain, style)
        if 0 <= row < rows // 2 and 0 <= column < columns:
            found[row, column] = self._middle(int(y), column, colour)
        return found

    def _middle(self, half_row: int, column: int, colour: Color) -> tuple[str, Style]:
        assert self._frame is not None
        if (half_row // 2, column) in self._frame.marks:
            return MARK, Style(color=colour, bgcolor=Color.from_rgb(0, 0, 0), bold=True)
        if self.look.shades:
            return "X", Style(color=colour, bold=True)
        other = self._frame.pixels[half_row ^ 1, column]
        return (HALF if half_row % 2 == 0 else "▄"), Style(color=colour, bgcolor=_colour(other))

    # Commands

    def _by(self, down: int, right: int) -> None:
        self.put_cursor((self.cursor[0] + down, self.cursor[1] + right))

    def action_left(self) -> None:
        """1 px."""
        self._by(0, -1)

    def action_right(self) -> None:
        """1 px."""
        self._by(0, 1)

    def action_up(self) -> None:
        """1 px."""
        self._by(-1, 0)

    def action_down(self) -> None:
        """1 px."""
        self._by(1, 0)

    def action_far_left(self) -> None:
        """8 px."""
        self._by(0, -FAR_PX)

    def action_far_right(self) -> None:
        """8 px."""
        self._by(0, FAR_PX)

    def action_far_up(self) -> None:
        """8 px."""
        self._by(-FAR_PX, 0)

    def action_far_down(self) -> None:
        """8 px."""
        self._by(FAR_PX, 0)

    def _zoom_by(self, by: int) -> None:
        """Around the crosshair."""
        self.centre = self.cursor
        super()._zoom_by(by)
        self.post_message(self.CursorMoved(self.cursor))

    def step_through(self, points: Iterable[tuple[float, float]], by: int) -> None:
        """To the next (or, with -1, the previous) of some points, from the one nearest to the crosshair on."""
        found = list(points)
        if not found:
            return
        away = [(p[0] - self.cursor[0]) ** 2 + (p[1] - self.cursor[1]) ** 2 for p in found]
        nearest = int(np.argmin(away))
        here = away[nearest] <= 2.0
        self.put_cursor(found[(nearest + by) % len(found)] if here else found[nearest])

    def on_click(self, event: events.Click) -> None:
        """Puts the crosshair where the mouse is."""
        view = self.view
        tiles = self.tiles
        rows, columns = self.cell_size
        if view is None or not rows or not columns:
            return
        row, column = event.screen_y - tiles[0].region.y, event.screen_x - tiles[0].region.x
        if 0 <= row < rows and 0 <= column < columns:
            self.screen.set_focus(self)
            self.put_cursor(render.to_image((2 * row + 1.0, column + 0.5), view, rows * 2, columns))


def _colour(values: NDArray[np.floating] | NDArray[np.uint8]) -> Color:
    red, green, blue = (int(v) for v in values)
    return Color.from_rgb(red, green, blue)
