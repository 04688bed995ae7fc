"""The command palette: type a part of a name, Enter runs it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from tui_cytpix.ui.commands.bindings import key_text
from tui_cytpix.ui.commands.command import Command
from tui_cytpix.ui.widgets.panels.choice_panel import Choice, ChoicePanel


class PalettePanel(ChoicePanel):
    """Lists commands; the value of `Chosen` is one."""

    def __init__(self) -> None:
        super().__init__("command (q or Esc: leave)", "Run")

    def show(self, commands: Sequence[Command], keys: dict[str, str]) -> None:
        self.offer([Choice(c, _row(c, keys), f"{c.id} {c.label} {c.help}") for c in commands])


def _row(command: Command, keys: dict[str, str]) -> Text:
    row = Text(no_wrap=True, overflow="ellipsis")
    row.append(f"{command.label:<18}", Style(bold=True))
    row.append(f"{key_text(keys.get(command.id, command.keys)):<12} ")
    row.append(f"{command.help}  {command.id}", Style(dim=True))
    return row
