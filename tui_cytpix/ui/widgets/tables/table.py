"""A table whose keys are declared with all others and whose cells are plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widgets import DataTable

from tui_cytpix.domain.words import printable
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.textual_private import forget_cells


class Table(DataTable[Text]):
    """Rows under the cursor; `RowSelected` comes on Enter, `RowHighlighted` as the cursor moves."""

    DEFAULT_CSS = """
    Table { height: 1fr; background: $background; }
    Table:focus { background-tint: transparent 0%; }
    Table > .datatable--header { background: $panel; color: $foreground; text-style: bold; }
    Table > .datatable--cursor { background: $primary 30%; color: $foreground; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("table")

    def __init__(self, columns: Sequence[str], *, choose: bool = True, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row", cell_padding=1)
        self._titles = tuple(columns)
        self._choose = choose

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Enter does something only where a row can be chosen."""
        return self._choose or action != "select_cursor"

    def on_mount(self) -> None:
        self._add_titles()

    def _add_titles(self) -> None:
        for title in self._titles:
            self.add_column(title, key=title)

    def fill(self, rows: Sequence[tuple[str, Sequence[str]]], columns: Sequence[str] = ()) -> None:
        """(key, cells) each, under other `columns` where these are given; the cursor stays on its row where that is
        still there.
        """
        before = self.cursor_key
        if columns and tuple(columns) != self._titles:
            self._titles = tuple(columns)
            self.clear(columns=True)
            self._add_titles()
        self.clear()
        for key, cells in rows:
            self.add_row(*(Text(printable(cell)) for cell in cells), key=key)
        if before in self.rows:
            self.move_cursor(row=self.get_row_index(before), animate=False)
        self.call_after_refresh(self._paint_anew)

    def _paint_anew(self) -> None:
        """Textual measures new cells once it is idle, and keeps lines that it painted before, too narrow."""
        forget_cells(self)
        self.refresh()

    @property
    def cursor_key(self) -> str:
        """The key of the row under the cursor; empty where there is none."""
        if not 0 <= self.cursor_row < self.row_count:
            return ""
        return str(self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value)
