"""The Image View Gallery: thumbnails with outline and marks, drawn line by line, however many there are."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.commands import bindings
from tui_cytpix.ui.session import Session
from tui_cytpix.ui.text import plain, shortened
from tui_cytpix.ui.widgets.picture import OVERLAYS, Look, Palette, draw

Tone = Literal["", "good", "bad", "warn", "muted"]
USUAL_THUMB, SMALL_THUMB, LEAST_THUMB = 26, 20, 8  # columns of cells; small where few rows fit
TALL = 32
KEPT_THUMBNAILS = 600


@dataclass(frozen=True, eq=False)
class GalleryItem:
    """One thumbnail: the image, what is drawn on it, a badge in its corner, a tone, a caption."""

    key: ImageKey
    segmentation: Segmentation | None = None
    badges: str = ""
    tone: Tone = ""
    caption: str = ""


def _count(item: GalleryItem) -> float:
    return -1.0 if item.segmentation is None else float(item.segmentation.particle_count)


def _area(item: GalleryItem) -> float:
    return -1.0 if item.segmentation is None else float(item.segmentation.mask.sum())


def _unsure(item: GalleryItem) -> float:
    sure = float("nan") if item.segmentation is None else item.segmentation.confidence
    return 2.0 if math.isnan(sure) else sure


SORTS: tuple[tuple[str, Callable[[GalleryItem], float] | None], ...] = (
    ("order", None),
    ("count", _count),
    ("area", _area),
    ("confidence", _unsure),
)
FILTERS = ("all", "count not 1", "flagged", "marked", "confidence < 0.8")


class Gallery(ScrollView, inherit_bindings=False):
    """Thumbnails in a grid. State comes down through `set_items` and `update_item`; messages go up.

    `without` names commands (ids) that this gallery leaves to its screen, e.g. where their key means something else
    there.
    """

    DEFAULT_CSS = """
    Gallery { background: $background; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
              scrollbar-background: $background; scrollbar-color: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("gallery")
    can_focus = True

    class Moved(Message):
        """The cursor is on another item."""

        def __init__(self, gallery: Gallery, item: GalleryItem) -> None:
            super().__init__()
            self.gallery, self.item = gallery, item

        @property
        def control(self) -> Gallery:
            """The sender."""
            return self.gallery

    class Opened(Moved):
        """Enter, or a click on the item under the cursor."""

    class Marked(Message):
        """Other items are marked."""

        def __init__(self, gallery: Gallery, marked: frozenset[ImageKey]) -> None:
            super().__init__()
            self.gallery, self.marked = gallery, marked

        @property
        def control(self) -> Gallery:
            """The sender."""
            return self.gallery

    class Ready(Message):
        """An image was decoded (or can't be)."""

        def __init__(self, key: ImageKey) -> None:
            super().__init__()
            self.key = key

    def __init__(
        self,
        session: Session | None = None,
        *,
        without: Iterable[str] = (),
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._session = session
        self._all: dict[ImageKey, GalleryItem] = {}
        self._shown: list[ImageKey] = []
        self._places: dict[ImageKey, int] = {}
        self._cursor = 0
        self._anchor: int | None = None
        self.marked: set[ImageKey] = set()
        self.overlay = "outline"
        self._last_overlay = "outline"
        self._chosen_columns = 0
        self._sort, self._reversed, self._filter = 0, False, 0
        self._without = frozenset(without)
        self._strips: OrderedDict[tuple[object, ...], list[list[Segment]]] = OrderedDict()
        self._asked_for: tuple[int, int] = (-1, -1)
        self._palette = Palette()

    # What it shows

    @property
    def session(self) -> Session:
        """Where pictures come from."""
        if self._session is None:
            self._session = self.app.session  # type: ignore[attr-defined]
        assert self._session is not None
        return self._session

    def set_items(self, items: Iterable[GalleryItem]) -> None:
        """Shows these; the cursor stays on its image where that is still there, and marks on theirs."""
        current = self.current_key
        self._all = {item.key: item for item in items}
        self.marked &= set(self._all)
        self._arrange(current)

    def update_item(self, item: GalleryItem) -> None:
        """Replaces one item where it stands; sorting and filters act at the next key."""
        if item.key in self._all:
            self._all[item.key] = item
            self._refresh_item(item.key)

    @property
    def items(self) -> list[GalleryItem]:
        """What is shown now, sorted and filtered."""
        return [self._all[key] for key in self._shown]

    @property
    def current(self) -> GalleryItem | None:
        """The item under the cursor."""
        key = self.current_key
        return None if key is None else self._all[key]

    @property
    def current_key(self) -> ImageKey | None:
        """Its image."""
        return self._shown[self._cursor] if 0 <= self._cursor < len(self._shown) else None

    def go_to(self, key: ImageKey) -> None:
        """Puts the cursor on an image."""
        if key in self._places:
            self._move_to(self._places[key])

    def describe(self) -> str:
        """Sort, filter and position in words, for a screen's status line."""
        place = f"{self._cursor + 1}/{len(self._shown)}" if self._shown else "no image"
        parts = [place]
        if len(self._shown) < len(self._all):
            parts.append(f"of {len(self._all)}: {FILTERS[self._filter]}")
        if self._sort or self._reversed:
            parts.append(f"by {SORTS[self._sort][0]}{' (reversed)' if self._reversed else ''}")
        if self.marked:
            parts.append(f"{len(self.marked)} marked")
        return " · ".join(parts)

    def _arrange(self, current: ImageKey | None) -> None:
        """Sorts and filters; keeps the cursor on `current` where it can."""
        items = [item for item in self._all.values() if self._passes(item)]
        measure = SORTS[self._sort][1]
        if measure is not None:
            items.sort(key=measure)
        if self._reversed:
            items.reverse()
        self._shown = [item.key for item in items]
        self._places = {key: place for place, key in enumerate(self._shown)}
        last = max(0, len(self._shown) - 1)
        self._cursor = self._places.get(current, min(self._cursor, last)) if current else min(self._cursor, last)
        self._anchor = None
        self._asked_for = (-1, -1)
        self._resize_grid()
        self._post_moved()

    def _passes(self, item: GalleryItem) -> bool:
        chosen = FILTERS[self._filter]
        if chosen == "count not 1":
            return item.segmentation is not None and item.segmentation.particle_count != 1
        if chosen == "flagged":
            return self._flagged(item)
        if chosen == "marked":
            return item.key in self.marked
        if chosen.startswith("confidence"):
            return _unsure(item) < 0.8
        return True

    @staticmethod
    def _flagged(item: GalleryItem) -> bool:
        return bool(item.badges) or item.tone in ("bad", "warn")

    # The grid

    @property
    def columns(self) -> int:
        """Thumbnails side by side: as chosen, else what suits the width."""
        width = max(1, self.size.width)
        most = max(1, width // (LEAST_THUMB + 1))
        usual = USUAL_THUMB if self.size.height >= TALL else SMALL_THUMB
        return min(self._chosen_columns or max(1, round(width / usual)), most)

    @property
    def thumb(self) -> int:
        """Cells across a thumbnail: they share the width, and one with its caption fits the height."""
        fits = 2 * max(1, self.size.height - 1) if self.size.height else USUAL_THUMB
        return max(4, min(self.size.width // self.columns - 1, fits))

    @property
    def _cell_height(self) -> int:
        return (self.thumb + 1) // 2 + 1

    @property
    def _rows(self) -> int:
        return -(-len(self._shown) // self.columns)

    def _resize_grid(self) -> None:
        self.virtual_size = Size(max(1, self.size.width), self._rows * self._cell_height)
        self._show_cursor()
        self.refresh()

    def on_mount(self) -> None:
        """Takes the theme's overlay colours."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._take_theme())
        self._take_theme()

    def _take_theme(self) -> None:
        self._palette = Palette.of(self.app)
        self._strips.clear()
        self.refresh()

    def on_resize(self) -> None:
        """Another number of columns."""
        self._resize_grid()

    def _region(self, place: int) -> Region:
        """Where an item is, in the virtual plane."""
        row, column = divmod(place, self.columns)
        return Region(column * (self.thumb + 1), row * self._cell_height, self.thumb + 1, self._cell_height)

    def _refresh_item(self, key: ImageKey) -> None:
        place = self._places.get(key)
        if place is not None:
            self.refresh(self._region(place).translate(-self.scroll_offset))

    def _show_cursor(self) -> None:
        if not self._shown or not self.size.height:
            return
        region = self._region(self._cursor)
        top, height = self.scroll_offset.y, self.size.height
        if region.y < top:
            self.scroll_to(y=region.y, animate=False, immediate=True)
        elif region.bottom > top + height:
            self.scroll_to(y=max(0, region.bottom - height), animate=False, immediate=True)

    def on_gallery_ready(self, event: Ready) -> None:
        """A picture came."""
        event.stop()
        self._refresh_item(event.key)

    def _want(self) -> None:
        """Asks for the pictures on screen, then those of the next page."""
        first = self.scroll_offset.y // self._cell_height * self.columns
        page = (self.size.height // self._cell_height + 2) * self.columns
        if (first, page) == self._asked_for:
            return
        self._asked_for = (first, page)
        cache = self.session.cache
        cache.drop_requests()
        cache.request(self._shown[first : first + 2 * page], lambda key: self.post_message(self.Ready(key)))

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of cells, over all thumbnails of its row."""
        self._want()
        width = self.size.width
        row, line = divmod(y + self.scroll_offset.y, self._cell_height)
        segments: list[Segment] = []
        for place in range(row * self.columns, min((row + 1) * self.columns, len(self._shown))):
            segments.extend(self._item_line(place, line))
            segments.append(Segment(" ", self.rich_style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _item_line(self, place: int, line: int) -> list[Segment]:
        item = self._all[self._shown[place]]
        if line == self._cell_height - 1:
            return [self._caption(item, here=place == self._cursor)]
        return self._thumbnail(item)[line]

    def _thumbnail(self, item: GalleryItem) -> list[list[Segment]]:
        picture = self.session.cache.get(item.key)
        error = self.session.cache.error(item.key) if picture is None else None
        found = (item.key, id(item.segmentation), picture is None, error is None, self.thumb, self.overlay)
        kept = self._strips.get(found)
        if kept is None:
            look = Look(self.overlay, shades=getattr(self.app, "shades", False))
            words = plain(error.title) if error is not None else ""
            content = self.session.cache.content(item.key)
            size = (self._cell_height - 1, self.thumb)
            kept = draw(picture, item.segmentation, size, look, self._palette, content=content, words=words)
            self._strips[found] = kept
            while len(self._strips) > KEPT_THUMBNAILS:
                self._strips.popitem(last=False)
        return kept

    def _caption(self, item: GalleryItem, *, here: bool) -> Segment:
        mark = "■" if item.key in self.marked else ""
        count = "" if item.segmentation is None else str(item.segmentation.particle_count)
        text = " ".join(part for part in (mark, plain(item.badges), item.caption or count) if part)
        name = shortened(item.key.event, max(0, self.thumb - len(text) - (1 if text else 0)))
        line = f"{shortened(text, self.thumb)}{name:>{max(0, self.thumb - len(text))}}"[: self.thumb]
        colours = {"good": "success", "bad": "error", "warn": "warning"}
        variables = self.app.theme_variables
        colour = variables.get(colours.get(item.tone, "foreground"), "white")
        focused = here and self.has_focus
        style = Style(
            color=_hex(colour), bold=here, dim=item.tone == "muted", reverse=focused, underline=here and not focused
        )
        return Segment(line.ljust(self.thumb), self.rich_style + style)

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Commands in `without` go to the screen."""
        return f"gallery.{action.replace('_', '-')}" not in self._without

    def _post_moved(self) -> None:
        item = self.current
        if item is not None and self.is_attached:
            self.post_message(self.Moved(self, item))

    def _move_to(self, place: int) -> None:
        place = max(0, min(place, len(self._shown) - 1))
        if place == self._cursor or not self._shown:
            return
        before, self._cursor = self.current_key, place
        if before is not None:
            self._refresh_caption(before)
        key = self.current_key
        if key is not None:
            self._refresh_caption(key)
        self._show_cursor()
        self._post_moved()

    def _refresh_caption(self, key: ImageKey) -> None:
        region = self._region(self._places[key])
        self.refresh(Region(region.x, region.bottom - 1, region.width, 1).translate(-self.scroll_offset))

    def action_left(self) -> None:
        """One image back."""
        self._move_to(self._cursor - 1)

    def action_right(self) -> None:
        """One image on."""
        self._move_to(self._cursor + 1)

    def action_up(self) -> None:
        """One row up."""
        if self._cursor >= self.columns:
            self._move_to(self._cursor - self.columns)

    def action_down(self) -> None:
        """One row down."""
        if self._cursor // self.columns < (len(self._shown) - 1) // self.columns:
            self._move_to(self._cursor + self.columns)

    def _page(self) -> int:
        return max(1, self.size.height // self._cell_height) * self.columns

    def action_page_down(self) -> None:
        """A page on."""
        self._move_to(self._cursor + self._page())

    def action_page_up(self) -> None:
        """A page back."""
        self._move_to(self._cursor - self._page())

    def action_first(self) -> None:
        """The first image."""
        self._move_to(0)

    def action_last(self) -> None:
        """The last image."""
        self._move_to(len(self._shown) - 1)

    def action_open(self) -> None:
        """Enlarge."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))

    def action_mark(self) -> None:
        """Marks or unmarks."""
        key = self.current_key
        if key is None:
            return
        self.marked ^= {key}
        self._anchor = self._cursor
        self._refresh_caption(key)
        self.post_message(self.Marked(self, frozenset(self.marked)))

    def action_range(self) -> None:
        """Marks from the last mark to here."""
        if not self._shown:
            return
        first, last = sorted((self._cursor if self._anchor is None else self._anchor, self._cursor))
        self.marked |= set(self._shown[first : last + 1])
        self._anchor = self._cursor
        self.refresh()
        self.post_message(self.Marked(self, frozenset(self.marked)))

    def action_sort(self) -> None:
        """The next property."""
        self._sort = (self._sort + 1) % len(SORTS)
        self._arrange(self.current_key)

    def action_reverse(self) -> None:
        """The other way round."""
        self._reversed = not self._reversed
        self._arrange(self.current_key)

    def action_filter(self) -> None:
        """The next filter that leaves something."""
        current = self.current_key
        for _ in FILTERS:
            self._filter = (self._filter + 1) % len(FILTERS)
            if any(self._passes(item) for item in self._all.values()):
                break
        self._arrange(current)

    def action_clear_filter(self) -> None:
        """All images."""
        self._filter = 0
        self._arrange(self.current_key)

    def _next_flag(self, by: int) -> None:
        places = range(self._cursor + by, len(self._shown) if by > 0 else -1, by)
        for place in places:
            if self._flagged(self._all[self._shown[place]]):
                self._move_to(place)
                return

    def action_next_flagged(self) -> None:
        """The next with a badge or a warning tone."""
        self._next_flag(1)

    def action_previous_flagged(self) -> None:
        """The one before."""
        self._next_flag(-1)

    def action_overlay(self) -> None:
        """Outline, filled, none."""
        self.overlay = OVERLAYS[(OVERLAYS.index(self.overlay) + 1) % len(OVERLAYS)]
        self.refresh()

    def action_overlay_off(self) -> None:
        """Off, and back."""
        if self.overlay == "off":
            self.overlay = self._last_overlay
        else:
            self._last_overlay, self.overlay = self.overlay, "off"
        self.refresh()

    def _zoom(self, by: int) -> None:
        self._chosen_columns = max(1, self.columns - by)
        self._asked_for = (-1, -1)
        self._resize_grid()

    def action_larger(self) -> None:
        """Larger thumbnails."""
        self._zoom(1)

    def action_smaller(self) -> None:
        """Smaller thumbnails."""
        self._zoom(-1)

    def on_click(self, event: events.Click) -> None:
        """Moves the cursor; a click on the item under it opens it."""
        x, y = event.x, event.y + self.scroll_offset.y
        column = x // (self.thumb + 1)
        place = y // self._cell_height * self.columns + column
        if column < self.columns and place < len(self._shown):
            self.focus()
            if place == self._cursor:
                self.action_open()
            else:
                self._move_to(place)

    def on_focus(self) -> None:
        """The caption shows where the keys go."""
        self._refresh_current()

    def on_blur(self) -> None:
        """The caption shows that they don't come here."""
        self._refresh_current()

    def _refresh_current(self) -> None:
        key = self.current_key
        if key is not None:
            self._refresh_caption(key)


def _hex(colour: str) -> str:
    from textual.color import Color

    return Color.parse(colour).hex6.lower()
