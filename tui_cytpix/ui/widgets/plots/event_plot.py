"""A plot of events with axes, gates and a crosshair."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.color import Color
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui_cytpix.domain.words import printable
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.widgets.plots.event_plot_cells import (
    ABOVE,
    BELOW,
    LEVELS,
    MARGIN,
    Cell,
    Ink,
    Picture,
    Point,
    behind,
    density_cells,
    draw_marks,
    histogram_cells,
    put,
    x_labels,
    y_labels,
)

INKS = ("axis", "gate", "other", "drawn", "cursor", "event")


class EventPlot(Widget):
    """Shows what `show` was given last; the crosshair is at `at`, shares of the area, y upwards.

    `moved` is called when the crosshair is elsewhere. A message would arrive after the crosshair is painted, and what
    is said about it would come a frame later.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"event-plot--{name}" for name in (*INKS, "few", "many")}
    DEFAULT_CSS = """
    EventPlot { height: 1fr; min-height: 8; }
    EventPlot > .event-plot--axis { color: $text-muted; }
    EventPlot > .event-plot--few { color: $primary; }
    EventPlot > .event-plot--many { color: $foreground; }
    EventPlot > .event-plot--gate { color: $success; text-style: bold; }
    EventPlot > .event-plot--other { color: $secondary; }
    EventPlot > .event-plot--drawn { color: $warning; text-style: bold; }
    EventPlot > .event-plot--cursor { color: $accent; text-style: bold; }
    EventPlot > .event-plot--event { color: $error; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("plot")
    can_focus = True

    class Resized(Message):
        """The area has another size."""

    def __init__(
        self,
        moved: Callable[[], object] = lambda: None,
        *,
        shades: bool = False,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._moved = moved
        self._shades = shades
        self._picture = Picture()
        self._readout = ""
        self._cursor = (0, 0)  # column and row of the area
        self._placed = False
        self._cells: list[list[Cell]] = []
        self._frame: tuple[str, str, list[str]] = ("", "", [])
        self._styles: dict[tuple[Ink, int], Style] = {}

    # State

    @property
    def area(self) -> tuple[int, int]:
        """Columns and rows of the plotting area."""
        return max(0, self.size.width - MARGIN), max(0, self.size.height - ABOVE - BELOW)

    @property
    def at(self) -> Point:
        """Where the crosshair is: the middle of its cell."""
        columns, rows = self.area
        x, y = self._cursor
        return (x + 0.5) / max(1, columns), 1 - (y + 0.5) / max(1, rows)

    @property
    def count_here(self) -> int:
        """Events in the crosshair's cell, or column."""
        counts, (x, y) = self._picture.counts, self._cursor
        if x >= counts.shape[1]:
            return 0
        part = counts[2 * y : 2 * y + 2, x] if len(counts) > 1 else counts[:, x]
        return int(part.sum())

    def go_to(self, point: Point) -> None:
        columns, rows = self.area
        x, y = (min(max(share, 0.0), 1.0) for share in point)
        self._move_to(int(x * columns), int((1 - y) * rows))

    def show(self, picture: Picture) -> None:
        """Draws it; rows that stay as they are aren't sent again."""
        cells, frame, names = self._cells, self._frame, (self._picture.x_name, self._picture.y_name)
        self._picture = picture
        self._arrange_cells()
        if len(cells) != len(self._cells) or frame != self._frame or names != (picture.x_name, picture.y_name):
            self.refresh()
            return
        for row, (old, new) in enumerate(zip(cells, self._cells, strict=True)):
            if old != new:
                self.refresh(Region(0, ABOVE + row, self.size.width, 1))

    def say(self, readout: str) -> None:
        if readout != self._readout:
            self._readout = readout
            self.refresh(Region(0, 0, self.size.width, ABOVE))

    # Drawing

    def _arrange_cells(self) -> None:
        columns, rows = self.area
        picture = self._picture
        counts = picture.counts
        if counts.shape == (2 * rows, columns) and rows:
            self._cells = density_cells(counts, shades=self._shades)
        elif counts.shape == (1, columns):
            self._cells = histogram_cells(counts[0], rows)
        else:  # made for another size: the right one is on its way
            self._cells = [[(" ", 0, 0)] * columns for _ in range(rows)]
        draw_marks(self._cells, picture.marks)
        if picture.event is not None:
            put(self._cells, picture.event, "◉", "event")
        self._frame = (*x_labels(picture.x_ticks, columns), y_labels(picture.y_ticks, rows))

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._forget_styles())

    def _forget_styles(self) -> None:
        self._styles.clear()
        self.refresh()

    def on_resize(self) -> None:
        columns, rows = self.area
        if not self._placed and columns and rows:
            self._placed, self._cursor = True, (columns // 2, rows // 2)
        self._cursor = (min(self._cursor[0], max(0, columns - 1)), min(self._cursor[1], max(0, rows - 1)))
        self._arrange_cells()
        self.refresh()
        self.post_message(self.Resized())

    def _style(self, ink: Ink, back: int) -> Style:
        if (ink, back) not in self._styles:
            named = self.get_component_rich_style(f"event-plot--{ink}") if isinstance(ink, str) else Style()
            front = named.color if isinstance(ink, str) else self._ramp(ink)
            behind_it = self._ramp(back)
            if ink == "cursor":  # dark on its own colour: it stands out from any density, also without colours
                front, behind_it = self._ramp(0), front
            self._styles[ink, back] = Style(color=front, bgcolor=behind_it, bold=named.bold)
        return self._styles[ink, back]

    def _ramp(self, level: int) -> RichColor | None:
        """From the background by way of `few` to `many`."""
        background = self.background_colors[1]
        if level == 0:
            return background.rich_color
        few, many = (Color.from_rich_color(self._colour(name)) for name in ("few", "many"))
        share = level / LEVELS
        between = background.blend(few, 2 * share) if share <= 0.5 else few.blend(many, 2 * share - 1)
        return between.rich_color

    def _colour(self, name: str) -> RichColor:
        colour = self.get_component_rich_style(f"event-plot--{name}").color
        return colour if colour is not None else RichColor.default()

    def render_line(self, y: int) -> Strip:
        """One row: names and read-out, the area, the axis, its labels, the parameter."""
        width, rows = self.size.width, len(self._cells)
        axis, muted = self._frame, self.get_component_rich_style("event-plot--axis")
        row = y - ABOVE
        if row < 0:
            return self._head(width)
        if 0 <= row < rows:
            pieces = [Segment(axis[2][row], muted), *self._area_row(row)]
        elif row == rows:
            line = axis[0]
            x = self._cursor[0]
            marked = f"{line[:x]}┴{line[x + 1 :]}" if line and self.has_focus else line
            pieces = [Segment(" " * (MARGIN - 1) + "└" + marked, muted)]
        elif row == rows + 1:
            pieces = [Segment(" " * MARGIN + axis[1], muted)]
        else:
            pieces = [Segment(printable(self._picture.x_name).rjust(width)[-width:], muted)]
        return Strip(pieces).adjust_cell_length(width, self.rich_style)

    def _head(self, width: int) -> Strip:
        muted = self.get_component_rich_style("event-plot--axis")
        name = printable(self._picture.y_name)
        room = max(0, width - len(self._readout) - 1)
        return Strip([Segment(name[:room].ljust(room + 1), muted), Segment(self._readout, self.rich_style)])

    def _area_row(self, row: int) -> list[Segment]:
        cells = self._cells[row]
        x, y = self._cursor
        if row == y and x < len(cells):
            cells = list(cells)
            for step, character in ((-1, "━"), (0, "╋"), (1, "━")):
                if 0 <= x + step < len(cells):
                    cells[x + step] = (character, "cursor", behind(cells[x + step]))
        return [
            Segment("".join(cell[0] for cell in run), self._style(*colours))
            for colours, run in groupby(cells, itemgetter(1, 2))
        ]

    def on_focus(self) -> None:
        """The axis shows where the crosshair is, while keys move it."""
        self.refresh(Region(0, ABOVE + self.area[1], self.size.width, 1))

    on_blur = on_focus

    # Commands

    def _move_to(self, column: int, row: int) -> None:
        columns, rows = self.area
        new = (max(0, min(column, columns - 1)), max(0, min(row, rows - 1)))
        if new == self._cursor:
            return
        old, self._cursor = self._cursor, new
        # One row, and only up to the crosshair: updates are sent from the widget's left edge.
        for x, y in (old, new):
            self.refresh(Region(0, ABOVE + y, MARGIN + x + 2, 1))
        self.refresh(Region(0, ABOVE + rows, MARGIN + max(old[0], new[0]) + 1, 1))
        self._moved()

    def action_move(self, right: int, down: int) -> None:
        self._move_to(self._cursor[0] + right, self._cursor[1] + down)

    def on_click(self, event: events.Click) -> None:
        self.screen.set_focus(self)
        self._move_to(event.x - MARGIN, event.y - ABOVE)
