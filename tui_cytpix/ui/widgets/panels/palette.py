"""The command palette: every command as a row to choose from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from rich.style import Style
from rich.text import Text

from tui_cytpix.ui.commands.bindings import key_text
from tui_cytpix.ui.commands.command import Command
from tui_cytpix.ui.widgets.panels.choice_panel import Choice


def palette(
    commands: Sequence[Command],
    keys: Mapping[str, str],
    run: Callable[[Command], Awaitable[None]],
    where: str = "",
) -> list[Choice]:
    """Rows under the user's keys; to choose one runs it. `where` stands before each."""
    return [Choice(partial(run, c), _row(c, keys, where), f"{c.id} {c.label} {c.help} {c.words}") for c in commands]


def _row(command: Command, keys: Mapping[str, str], where: str) -> Text:
    row = Text(no_wrap=True, overflow="ellipsis")
    row.append(f"{where + command.label:<18}", Style(bold=True))
    row.append(f"{key_text(keys.get(command.id, command.keys)):<12} ")
    row.append(f"{command.help}  {command.id}", Style(dim=True))
    return row
