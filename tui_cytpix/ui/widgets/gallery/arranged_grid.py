"""A grid of thumbnails whose items are sorted and filtered."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.widgets.gallery.gallery_items import Filter, GalleryItem
from tui_cytpix.ui.widgets.gallery.thumbnail_grid import ThumbnailGrid


class ArrangedGrid(ThumbnailGrid, inherit_bindings=False):
    """Keeps the cursor on its image, and marks on theirs, whatever the arrangement. Until someone has chosen an image
    the cursor stays at the first place, whatever image comes to stand there.
    """

    _anchor: int | None = None  # where a range of marks begins
    _chosen = False  # whether the image under the cursor is someone's choice

    def _post_moved(self) -> None:
        """The cursor may be on another image."""

    def set_items(self, items: Iterable[GalleryItem]) -> None:
        """Shows these; a cursor on a chosen image stays on it where that is still there, and marks on theirs."""
        self._rearrange(lambda: self.order.take(items))

    def start_over(self) -> None:
        """The cursor is at the first place, until it is moved."""
        self._chosen = False
        self._arranged(None)

    def update_item(self, item: GalleryItem) -> None:
        """Replaces one item where it stands; sorting and filters act at the next key."""
        if item.key in self.order.all:
            self.order.all[item.key] = item
            self.picture_came(item.key)

    @property
    def items(self) -> list[GalleryItem]:
        """What is shown now, sorted and filtered."""
        return [self.order.all[key] for key in self.order.shown]

    @property
    def current(self) -> GalleryItem | None:
        key = self.current_key
        return None if key is None else self.order.all[key]

    @property
    def current_key(self) -> ImageKey | None:
        return self.order.shown[self._cursor] if 0 <= self._cursor < len(self.order.shown) else None

    @property
    def key_in_question(self) -> ImageKey | None:
        return self.current_key

    def go_to(self, key: ImageKey) -> None:
        if key in self.order.places:
            self._move_to(self.order.places[key])

    def _move_to(self, place: int) -> None:
        self._chosen = True
        place = max(0, min(place, len(self.order.shown) - 1))
        if place == self._cursor or not self.order.shown:
            return
        before, self._cursor = self.current_key, place
        if before is not None:
            self._refresh_caption(before)
        key = self.current_key
        if key is not None:
            self._refresh_caption(key)
        self._show_cursor()
        self._refresh_status()
        self._post_moved()

    def _arranged(self, current: ImageKey | None) -> None:
        """After sorting or filtering: keeps the cursor on `current`, where that was chosen and is there."""
        last = max(0, len(self.order.shown) - 1)
        here = min(self._cursor, last) if self._chosen else 0
        self._cursor = self.order.places.get(current, here) if self._chosen and current is not None else here
        self._anchor = None
        self._asked_for = (-1, -1)
        self._resize_grid()
        self._refresh_status()
        self._post_moved()

    def _rearrange(self, change: Callable[[], object]) -> None:
        current = self.current_key
        change()
        self._arranged(current)

    def action_sort(self) -> None:
        self.order.sort = (self.order.sort + 1) % len(self.order.sorts)
        self._rearrange(self.order.arrange)

    def sort_by(self, name: str) -> None:
        """By a parameter of `workflow.run.measures`, once it is measured."""
        self.run_worker(self._sort_by(name), group="sort", exclusive=True)

    async def _sort_by(self, name: str) -> None:
        images = [(item.key, item.segmentation) for item in self.order.all.values()]
        self.say(f"measuring {len(images)} images …")
        values = await asyncio.to_thread(self.session.measures.values, name, images)
        if all(math.isnan(value) for value in values.values()):
            self.say(f"{name}: no model has answered on these images yet")
            return
        self.say("")
        self._rearrange(lambda: self.order.sort_by(name, values))

    def action_reverse(self) -> None:
        self.order.reversed = not self.order.reversed
        self._rearrange(self.order.arrange)

    def action_filter(self) -> None:
        self._rearrange(self.order.next_filter)

    def action_clear_filter(self) -> None:
        self.order.filter, self.order.gate = 0, ""
        self._rearrange(self.order.arrange)

    def show_only(self, choice: Filter) -> None:
        self._rearrange(lambda: self.order.show_only(choice))

    def show_gate(self, name: str, images: Iterable[ImageKey]) -> None:
        """Shows only these, the images of a gate; all with no name."""
        self.order.gate, self.order.inside = name, frozenset(images)
        self._rearrange(self.order.arrange)
