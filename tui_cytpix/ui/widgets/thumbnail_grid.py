"""Thumbnails in a grid, drawn line by line: only what is on the screen is ever read or drawn."""

from __future__ import annotations

from collections import OrderedDict

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.session import Session
from tui_cytpix.ui.text import plain, shortened
from tui_cytpix.ui.widgets.gallery_items import Arrangement, GalleryItem
from tui_cytpix.ui.widgets.picture import Look, Palette, draw

USUAL_THUMB, SMALL_THUMB, LEAST_THUMB = 26, 20, 8  # columns of cells; small where few rows fit
TALL = 32
KEPT_THUMBNAILS = 600
_TONES = {"good": "success", "bad": "error", "warn": "warning"}
Drawn = tuple[Segmentation | None, list[list[Segment]]]


class ThumbnailGrid(ScrollView, inherit_bindings=False):
    """Shows an arrangement of items and a cursor on one of them."""

    DEFAULT_CSS = """
    ThumbnailGrid { background: $background; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
                    scrollbar-background: $background; scrollbar-color: $panel; }
    """

    class Ready(Message):
        """An image was decoded (or can't be)."""

        def __init__(self, key: ImageKey) -> None:
            super().__init__()
            self.key = key

    def __init__(
        self,
        session: Session | None,
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._session = session
        self._order = Arrangement()
        self._cursor = 0
        self.overlay = "outline"
        self._chosen_columns = 0
        self._drawn: OrderedDict[tuple[object, ...], Drawn] = OrderedDict()
        self._asked_for: tuple[int, int] = (-1, -1)
        self._palette = Palette()

    @property
    def session(self) -> Session:
        """Where pictures come from."""
        if self._session is None:
            self._session = self.app.session  # type: ignore[attr-defined]
        assert self._session is not None
        return self._session

    # Geometry

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
        return -(-len(self._order.shown) // self.columns)

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
        self._drawn.clear()
        self.refresh()

    def on_resize(self) -> None:
        """Another number of columns."""
        self._resize_grid()

    def _region(self, place: int) -> Region:
        """Where an item is, in the virtual plane."""
        row, column = divmod(place, self.columns)
        return Region(column * (self.thumb + 1), row * self._cell_height, self.thumb + 1, self._cell_height)

    def _refresh_item(self, key: ImageKey) -> None:
        place = self._order.places.get(key)
        if place is not None:
            self.refresh(self._region(place).translate(-self.scroll_offset))

    def _refresh_caption(self, key: ImageKey) -> None:
        region = self._region(self._order.places[key])
        self.refresh(Region(region.x, region.bottom - 1, region.width, 1).translate(-self.scroll_offset))

    def _show_cursor(self) -> None:
        if not self._order.shown or not self.size.height:
            return
        region = self._region(self._cursor)
        top, height = self.scroll_offset.y, self.size.height
        if region.y < top:
            self.scroll_to(y=region.y, animate=False, immediate=True)
        elif region.bottom > top + height:
            self.scroll_to(y=max(0, region.bottom - height), animate=False, immediate=True)

    def on_thumbnail_grid_ready(self, event: Ready) -> None:
        """A picture came."""
        event.stop()
        self._refresh_item(event.key)

    def _ready(self, key: ImageKey) -> None:
        self.post_message(self.Ready(key))

    def _want(self) -> None:
        """Asks for the pictures on screen, then those of the next page."""
        first = self.scroll_offset.y // self._cell_height * self.columns
        page = (self.size.height // self._cell_height + 2) * self.columns
        if (first, page) == self._asked_for:
            return
        self._asked_for = (first, page)
        cache = self.session.cache
        cache.drop_requests(self._ready)
        cache.request(self._order.shown[first : first + 2 * page], self._ready)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of cells, over all thumbnails of its row."""
        self._want()
        width = self.size.width
        row, line = divmod(y + self.scroll_offset.y, self._cell_height)
        segments: list[Segment] = []
        for place in range(row * self.columns, min((row + 1) * self.columns, len(self._order.shown))):
            segments.extend(self._item_line(place, line))
            segments.append(Segment(" ", self.rich_style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _item_line(self, place: int, line: int) -> list[Segment]:
        item = self._order.all[self._order.shown[place]]
        if line == self._cell_height - 1:
            return [self._caption(item, here=place == self._cursor)]
        return self._thumbnail(item)[line]

    def _thumbnail(self, item: GalleryItem) -> list[list[Segment]]:
        picture = self.session.cache.get(item.key)
        error = self.session.cache.error(item.key) if picture is None else None
        found = (item.key, picture is None, error is None, self._cell_height, self.thumb, self.overlay)
        kept = self._drawn.get(found)
        if kept is not None and kept[0] is item.segmentation:
            self._drawn.move_to_end(found)
            return kept[1]
        look = Look(self.overlay, shades=getattr(self.app, "shades", False))
        words = plain(error.title) if error is not None else ""
        content = self.session.cache.content(item.key)
        size = (self._cell_height - 1, self.thumb)
        lines = draw(picture, item.segmentation, size, look, self._palette, content=content, words=words)
        self._drawn[found] = (item.segmentation, lines)
        while len(self._drawn) > KEPT_THUMBNAILS:
            self._drawn.popitem(last=False)
        return lines

    def _caption(self, item: GalleryItem, *, here: bool) -> Segment:
        mark = "■" if item.key in self._order.marked else ""
        count = "" if item.segmentation is None else str(item.segmentation.particle_count)
        text = " ".join(part for part in (mark, plain(item.badges), item.caption or count) if part)
        name = shortened(item.key.event, max(0, self.thumb - len(text) - (1 if text else 0)))
        line = f"{shortened(text, self.thumb)}{name:>{max(0, self.thumb - len(text))}}"[: self.thumb]
        colour = Color.parse(self.app.theme_variables.get(_TONES.get(item.tone, "foreground"), "white")).hex6.lower()
        focused = here and self.has_focus
        style = Style(
            color=colour, bold=here, dim=item.tone == "muted", reverse=focused, underline=here and not focused
        )
        return Segment(line.ljust(self.thumb), self.rich_style + style)
