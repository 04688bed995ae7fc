"""Every key of the screen, in a docked panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui_cytpix.ui.commands.bindings import bindings, key_text, of_scope
from tui_cytpix.ui.commands.command import Command

Legend = tuple[tuple[str, str], ...]  # marks, and what they mean


class HelpPanel(VerticalScroll):
    """Lists the commands of some scopes; `m` opens the manual, `?` or `q` closes."""

    DEFAULT_CSS = """
    HelpPanel { dock: right; width: 46; max-width: 100%; display: none; background: $surface; padding: 0 1;
                border-left: solid $primary; }
    HelpPanel.-open { display: block; }
    HelpPanel Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    _listed: tuple[tuple[str, ...], Mapping[str, str], Legend] = ((), {}, ())

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    @property
    def open(self) -> bool:
        return self.has_class("-open")

    def show(self, scopes: tuple[str, ...], keys: Mapping[str, str], legend: Legend = ()) -> None:
        if (scopes, keys, legend) != self._listed:  # to lay the same list out again takes longer than to show it
            self._listed = (scopes, dict(keys), legend)
            self.query_one(Static).update(help_table([c for s in scopes for c in of_scope(s)], keys, legend))
        self.add_class("-open")
        self.scroll_home(animate=False)
        self.screen.set_focus(self)

    def hide(self) -> None:
        self.remove_class("-open")


def help_table(commands: list[Command], keys: Mapping[str, str], legend: Legend = ()) -> Table:
    """Keys beside what they do, below them the marks of pictures; commands without a help line share the one above."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=11)
    table.add_column(ratio=1)
    rows: list[tuple[str, str, str]] = []
    for command in commands:
        shown = key_text(keys.get(command.id, command.keys))
        if not command.help and rows and rows[-1][0] == command.scope:
            scope, before, text = rows[-1]
            rows[-1] = (scope, f"{before} {shown}", text)
        else:
            rows.append((command.scope, shown, command.help or command.label))
    rows += [("marks", mark, words) for mark, words in legend]
    scope_before = ""
    for scope, shown, text in rows:
        if scope != scope_before:
            if scope_before:
                table.add_row(Text(""), Text(""))
            table.add_row(Text(scope.replace("_", " ").upper(), Style(bold=True)), Text(""))
            scope_before = scope
        table.add_row(Text(shown, Style(bold=True)), Text(text))
    return table
