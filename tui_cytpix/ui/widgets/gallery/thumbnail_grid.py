"""Thumbnails in a grid, drawn line by line: only what is on the screen is ever read or drawn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from textwrap import wrap
from typing import Any, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui_cytpix.core.images.render import GRAY_LEVELS, Window
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable, shortened
from tui_cytpix.ui.graphics.surface import Piece, PixelImage
from tui_cytpix.ui.graphics.text_cells import HALF_CELL, Drawing, style
from tui_cytpix.ui.textual_private import PaintedWithLayout, fit_scrollbars
from tui_cytpix.ui.widgets.gallery.gallery_items import Arrangement, GalleryItem
from tui_cytpix.ui.widgets.pictures.picture import around, box_of, drawing, line_width, pixels, whole
from tui_cytpix.ui.widgets.pictures.picture_widget import PictureWidget

USUAL_ROWS, SMALL_ROWS = 13, 8  # of cells in a thumbnail; small where few fit
HALF_ROWS = 16  # in place of small ones, of two pixels a cell: fewer and larger, or nothing is told apart in them
LEAST_THUMB = 8  # columns of cells
TALL = 32
KEPT_THUMBNAILS = 600
KEPT_PIXELS = 16 << 20  # kitty keeps four bytes for each
_TONES = {"good": "success", "bad": "error", "warn": "warning"}
FEW_LEVELS = 16  # of gray: in pixels nobody tells more apart at this size, and they cost bytes
OUTLINED_FROM = 8  # pixels across of a thumbnail's particle
SKETCH = ("╭───────╮ ╭───────╮ ╭───────╮", "│   ●   │ │  ●●   │ │   ?   │", "╰───────╯ ╰───────╯ ╰───────╯")
HERE = "▸"  # before the caption under the cursor: seen without colours, too
LEAST_SHARE = 0.24  # of an image's longer side: thumbnails of small things keep one scale


class Thumbnail:
    """One image, drawn for the grid; `image` for surfaces with pixels."""

    def __init__(self, segmentation: Segmentation | None, drawn: Drawing) -> None:
        self.segmentation, self.drawing = segmentation, drawn
        self.image = PixelImage(drawn.inks, drawn.colours)
        self.lines: dict[int, list[Segment]] = {}


class Geometry(NamedTuple):
    """Of a grid, in thumbnails and cells."""

    columns: int
    thumb: int
    page_height: int
    cell_height: int  # a thumbnail's rows and its caption


class ThumbnailGrid(PaintedWithLayout, ScrollView, PictureWidget, inherit_bindings=False):
    """Shows an arrangement of items and a cursor on one of them; while there are none, and `invitation` says which key
    brings them, that, below a sketch.
    """

    shows_cursor = True

    DEFAULT_CSS = """
    ThumbnailGrid { background: $background; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
                    scrollbar-background: $background; scrollbar-color: $panel; }
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.order = Arrangement()
        self._cursor = 0
        self._said = ""
        self._invitation = ""
        self._chosen_columns = 0
        self.whole_frames = False
        self._drawn: OrderedDict[tuple[object, ...], Thumbnail] = OrderedDict()
        self._asked_for: tuple[int, int] = (-1, -1)
        self._geometry_of: tuple[object, ...] = ()
        self._geometry_kept = Geometry(1, LEAST_THUMB, 1, 2)

    # Geometry

    @property
    def _geometry(self) -> Geometry:
        """For the size as it is. Every cell of every line asks, and Textual looks a size up in its styles each time."""
        of = (self.outer_size, self.show_vertical_scrollbar, self._chosen_columns, self.surface.cell)
        if of != self._geometry_of:
            self._geometry_of, self._geometry_kept = of, self._fitting(*self.size)
        return self._geometry_kept

    def _fitting(self, width: int, height: int) -> Geometry:
        """Whole rows of thumbnails on a page, as square as that leaves them; where their number is chosen, square."""
        page, most = max(1, height - 1), max(1, width // (LEAST_THUMB + 1))
        if self._chosen_columns:
            columns = min(self._chosen_columns, most)
            thumb = max(4, min(width // columns - 1, 2 * max(1, page - 1)))
            return Geometry(columns, thumb, page, (thumb + 1) // 2 + 1)
        small = HALF_ROWS if self.surface.cell == HALF_CELL else SMALL_ROWS
        usual = USUAL_ROWS if height >= TALL else small
        tall = page // max(1, round(page / (usual + 1)))
        columns = max(1, min(round(width / (2 * tall - 1)), most))
        return Geometry(columns, max(4, width // columns - 1), page, max(2, tall))

    @property
    def columns(self) -> int:
        """Thumbnails side by side: as chosen, else what suits the width."""
        return self._geometry.columns

    @property
    def thumb(self) -> int:
        """Cells across a thumbnail: they share the width."""
        return self._geometry.thumb

    @property
    def page_height(self) -> int:
        """Rows for thumbnails: the last one is the status line."""
        return self._geometry.page_height

    @property
    def _cell_height(self) -> int:
        return self._geometry.cell_height

    @property
    def _rows(self) -> int:
        return -(-len(self.order.shown) // self.columns)

    def resized(self) -> None:
        """Scrolls over as many rows as there are, before they are painted: told of them later, it would paint twice.
        Nothing else on the screen moves for it, so none is laid out.
        """
        if self.size.width:  # else hidden: it is told its size when it shows
            self.set_reactive(Widget.virtual_size, Size(self.size.width, self._rows * self._cell_height + 1))
            fit_scrollbars(self)
            self._show_cursor()

    def _resize_grid(self) -> None:
        self.resized()
        self.refresh()

    def on_mount(self) -> None:
        self.surface.add(self)

    def take_theme(self) -> None:
        """What was drawn has the old colours."""
        self._drawn.clear()
        super().take_theme()

    def redraw(self) -> None:
        self.refresh()

    def _region(self, place: int) -> Region:
        """Where an item is, in the virtual plane."""
        row, column = divmod(place, self.columns)
        return Region(column * (self.thumb + 1), row * self._cell_height, self.thumb + 1, self._cell_height)

    def picture_came(self, key: ImageKey) -> None:
        place = self.order.places.get(key)
        if place is not None:
            self.refresh(self._region(place).translate(-self.scroll_offset))

    def _refresh_caption(self, key: ImageKey) -> None:
        region = self._region(self.order.places[key])
        self.refresh(Region(region.x, region.bottom - 1, region.width, 1).translate(-self.scroll_offset))

    def on_show(self) -> None:
        """Back in its pane, of the size that it had: the cursor may have moved while nothing could scroll."""
        self._show_cursor()

    def _show_cursor(self) -> None:
        if not self.order.shown or not self.size.height:
            return
        region = self._region(self._cursor)
        top, height = self.scroll_offset.y, self.page_height
        if region.y < top:
            self.scroll_to(y=region.y, animate=False, immediate=True)
        elif region.bottom > top + height:
            self.scroll_to(y=max(0, region.bottom - height), animate=False, immediate=True)

    def _want(self) -> None:
        """Asks for the pictures on screen, then those of the next page."""
        first = self.scroll_offset.y // self._cell_height * self.columns
        page = (self.size.height // self._cell_height + 2) * self.columns
        if (first, page) == self._asked_for:
            return
        self._asked_for = (first, page)
        cache = self.session.cache
        cache.drop_requests(self._ready)
        cache.request(self.order.shown[first : first + 2 * page], self._ready)

    # Drawing

    def render_line(self, y: int) -> Strip:
        self._want()
        width = self.size.width
        if y >= self.page_height:
            return Strip([self._status()]).adjust_cell_length(width, self.rich_style)
        if not self.order.all and self._invitation:
            return self._sketch(y)
        row, line = divmod(y + self.scroll_offset.y, self._cell_height)
        segments: list[Segment] = []
        for place in range(row * self.columns, min((row + 1) * self.columns, len(self.order.shown))):
            segments.extend(self._item_line(place, line))
            segments.append(Segment(" ", self.rich_style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _item_line(self, place: int, line: int) -> list[Segment]:
        item = self.order.all[self.order.shown[place]]
        if line == self._cell_height - 1:
            return [self._caption(item, here=self.shows_cursor and place == self._cursor)]
        found = self._thumbnail(item)
        if found is None:
            return [self._words(item, line)]
        kept = found.lines.get(line)
        if kept is None:
            kept = found.lines[line] = self.surface.line(found.drawing, line, 0, self.thumb)
        return kept

    def invite(self, words: str) -> None:
        """What to do where there is nothing to show; "" where that is not known yet."""
        if words != self._invitation:
            self._invitation = words
            self.refresh()

    def _sketch(self, y: int) -> Strip:
        width = self.size.width
        lines = [*SKETCH, "", *wrap(self._invitation, max(10, width - 4))]
        at = y - (self.page_height - len(lines)) // 2
        text = lines[at] if 0 <= at < len(lines) else ""
        look = Style(bold=True) if at > len(SKETCH) else Style(dim=True)
        return Strip([Segment(text.center(width), self.rich_style + look)]).adjust_cell_length(width, self.rich_style)

    def _words(self, item: GalleryItem, line: int) -> Segment:
        """Waiting, or why there is no picture."""
        error = self.session.cache.error(item.key)
        words = "…" if error is None else printable(error.title)
        text = words[: self.thumb] if line == (self._cell_height - 1) // 2 else ""
        return Segment(text.center(self.thumb), style(self._palette.text, self._palette.waiting))

    def _thumbnail(self, item: GalleryItem) -> Thumbnail | None:
        """As it was drawn, if it still is what is wanted."""
        picture = self.session.cache.get(item.key)
        if picture is None:
            return None
        size, cell = (self._cell_height - 1, self.thumb), self.surface.cell
        wanted = (item.key, size, cell, self.display_settings.overlay, self.whole_frames)
        found = self._drawn.get(wanted)
        if found is None or found.segmentation is not item.segmentation:
            settings = replace(
                self.display_settings,
                levels=FEW_LEVELS if self.surface.pixels else GRAY_LEVELS,
                outlined_from=OUTLINED_FROM * line_width(cell),
            )
            window = self._window(item, picture.shape, pixels(size, cell))
            drawn = drawing(picture, item.segmentation, window, (size, cell), settings, self._palette)
            found = self._drawn[wanted] = Thumbnail(item.segmentation, drawn)
        self._drawn.move_to_end(wanted)
        kept = max(1, min(KEPT_THUMBNAILS, KEPT_PIXELS // found.drawing.inks.size))
        while len(self._drawn) > kept:
            self._drawn.popitem(last=False)
        return found

    def _window(self, item: GalleryItem, shape: tuple[int, ...], size: tuple[int, int]) -> Window:
        """Cropped to what is in it, whether or not a model saw it, and to the mask; or all of it, on request."""
        if self.whole_frames:
            return whole(shape, *size)
        content = self.session.cache.content(item.key)
        boxes = ([] if content is None else [content]) + box_of(item.segmentation)
        return around(shape, boxes, *size, LEAST_SHARE * max(shape))

    def pieces(self, row: int, column: int, width: int) -> Iterator[Piece]:
        if row >= self.page_height:
            return
        grid_row, line = divmod(row + self.scroll_offset.y, self._cell_height)
        step = self.thumb + 1
        for across in range(column // step, min((column + width - 1) // step + 1, self.columns)):
            place = grid_row * self.columns + across
            start, stop = max(column, across * step), min(column + width, across * step + self.thumb)
            if place < len(self.order.shown) and line < self._cell_height - 1 and start < stop:
                found = self._thumbnail(self.order.all[self.order.shown[place]])
                if found is not None:
                    yield Piece(start - column, found.image, line, start - across * step, stop - start)

    def say(self, words: str) -> None:
        """Words on the status line, in place of position, sort and filter; empty: those again."""
        self._said = words
        self._refresh_status()

    def _refresh_status(self) -> None:
        self.refresh(Region(0, self.page_height, self.size.width, 1))

    def _status(self) -> Segment:
        words = self._said or self.order.describe(self._cursor)
        return Segment(f" {shortened(words, max(0, self.size.width - 2))}", self.rich_style + Style(dim=True))

    def _caption(self, item: GalleryItem, *, here: bool) -> Segment:
        mark = (HERE if here else "") + ("■" if item.key in self.order.marked else "")
        count = "" if item.segmentation is None else str(item.segmentation.particle_count)
        shown = (mark, printable(item.badges), item.caption or count)
        text = " ".join(part for part in shown if part)
        name = shortened(item.key.event, max(0, self.thumb - len(text) - (1 if text else 0)))
        line = f"{shortened(text, self.thumb)}{name:>{max(0, self.thumb - len(text))}}"[: self.thumb]
        colour = Color.parse(self.app.theme_variables.get(_TONES.get(item.tone, "foreground"), "white")).hex6.lower()
        focused = here and self.has_focus
        style = Style(
            color=colour, bold=here, dim=item.tone == "muted", reverse=focused, underline=here and not focused
        )
        return Segment(line.ljust(self.thumb), self.rich_style + style)
