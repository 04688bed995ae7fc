"""The Image View Gallery: thumbnails with outline and marks, sorted, filtered, marked and paged by keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from textual import events
from textual.binding import BindingType
from textual.message import Message

from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.widgets.gallery.arranged_grid import ArrangedGrid
from tui_cytpix.ui.widgets.gallery.gallery_items import GalleryItem, Tone

__all__ = ["Gallery", "GalleryItem", "Tone"]


class Gallery(ArrangedGrid, inherit_bindings=False):
    """State comes down through `set_items` and `update_item`; messages go up.

    `without` names commands (ids) that this gallery leaves to its screen, e.g. where their key means something else
    there.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("gallery")
    can_focus = True

    @dataclass
    class Moved(Message):
        item: GalleryItem

    class Opened(Moved):
        """Enter, or a click on the item under the cursor."""

    @dataclass
    class ChoiceWished(Message):
        """Someone wants to choose what to sort (`sort`) or to filter (`filter`) by."""

        gallery: Gallery
        kind: Literal["sort", "filter"]

    @dataclass
    class JumpWished(Message):
        """Someone wants to go to an image by its number or id."""

        gallery: Gallery

    class GateWished(JumpWished):
        """Someone wants to see the images of the next gate only."""

    def __init__(self, *, without: Iterable[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self._without = frozenset(without)

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Commands in `without` go to the screen."""
        return f"gallery.{action.replace('_', '-')}" not in self._without

    def _post_moved(self) -> None:
        item = self.current
        if item is not None and self.is_attached:
            self.post_message(self.Moved(item))

    def action_step(self, by: int) -> None:
        self._move_to(self._cursor + by)

    def action_up(self) -> None:
        if self._cursor >= self.columns:
            self._move_to(self._cursor - self.columns)

    def action_down(self) -> None:
        if self._cursor // self.columns < (len(self.order.shown) - 1) // self.columns:
            self._move_to(self._cursor + self.columns)

    def action_page(self, by: int) -> None:
        self._move_to(self._cursor + by * max(1, self.page_height // self._cell_height) * self.columns)

    def action_first(self) -> None:
        self._move_to(0)

    def action_last(self) -> None:
        self._move_to(len(self.order.shown) - 1)

    def action_jump(self) -> None:
        if self.order.shown:
            self.post_message(self.JumpWished(self))

    def jump(self, where: str) -> bool:
        """To the image with that event id, else to that number (from 1) in the gallery's order; False where
        there is neither.
        """
        place = next((p for p, key in enumerate(self.order.shown) if key.event == where), None)
        if place is None and where.isdecimal() and 1 <= int(where) <= len(self.order.shown):
            place = int(where) - 1
        if place is None:
            return False
        self._move_to(place)
        return True

    def action_open(self) -> None:
        if self.current is not None:
            self._chosen = True
            self.post_message(self.Opened(self.current))

    def action_mark(self) -> None:
        key = self.current_key
        if key is None:
            return
        self.order.marked ^= {key}
        self._chosen = True
        self._anchor = self._cursor
        self._refresh_caption(key)
        self._refresh_status()

    def action_range(self) -> None:
        if not self.order.shown:
            return
        first, last = sorted((self._cursor if self._anchor is None else self._anchor, self._cursor))
        self.order.marked |= set(self.order.shown[first : last + 1])
        self._anchor = self._cursor
        self.refresh()

    def action_sort_by(self) -> None:
        """By any parameter: the screen asks which."""
        self.post_message(self.ChoiceWished(self, "sort"))

    def action_show_only(self) -> None:
        """By count, verdict, or what the images are sorted by: the screen asks which."""
        self.post_message(self.ChoiceWished(self, "filter"))

    def action_gate(self) -> None:
        self.post_message(self.GateWished(self))

    def action_flagged(self, by: int) -> None:
        """The next with a badge or a warning tone, or with -1 the one before."""
        place = self.order.next_flagged(self._cursor, by)
        if place is not None:
            self._move_to(place)

    def action_zoom(self, by: int) -> None:
        """So many thumbnails fewer in a row."""
        self._chosen_columns = max(1, self.columns - by)
        self._asked_for = (-1, -1)
        self._resize_grid()

    def action_frames(self) -> None:
        """Whole frames, or what is in them."""
        self.whole_frames = not self.whole_frames
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Moves the cursor; a click on the item under it opens it."""
        x, y = event.x, event.y + self.scroll_offset.y
        column = x // (self.thumb + 1)
        place = y // self._cell_height * self.columns + column
        if column < self.columns and event.y < self.page_height and place < len(self.order.shown):
            self.screen.set_focus(self)
            if place == self._cursor:
                self.action_open()
            else:
                self._move_to(place)

    def on_focus(self, event: events.Focus) -> None:
        self._take_focus(event, has=True)

    def on_blur(self, event: events.Blur) -> None:
        self._take_focus(event, has=False)

    def _take_focus(self, event: events.Event, *, has: bool) -> None:
        event.prevent_default()  # Textual would send all thumbnails anew
        self.has_focus = has
        key = self.current_key
        if key is not None:
            self._refresh_caption(key)
