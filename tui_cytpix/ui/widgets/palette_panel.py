"""The command palette: type a part of a name, Enter runs it. Docked, so that it covers no picture."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_cytpix.ui.commands import Command, key_text
from tui_cytpix.ui.widgets.typed_line import TypedLine

ROWS = 8


class PalettePanel(Vertical):
    """Lists commands; posts `Chosen` or `Left`."""

    DEFAULT_CSS = """
    PalettePanel { dock: bottom; margin-bottom: 1; height: auto; display: none; background: $panel; padding: 0 1; }
    PalettePanel.-open { display: block; }
    PalettePanel Input, PalettePanel Input:focus { height: 1; border: none; padding: 0; background: $surface; }
    PalettePanel OptionList { height: auto; max-height: 8; border: none; padding: 0; background: $panel;
                              text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class Chosen(Message):
        """A command to run."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    class Left(Message):
        """Closed without a choice."""

    def __init__(self) -> None:
        super().__init__()
        self._commands: list[Command] = []
        self._found: list[Command] = []
        self._keys: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """What is found, above the line."""
        yield OptionList(markup=False)
        yield TypedLine(self, placeholder="command (q or Esc: leave)")

    @property
    def open(self) -> bool:
        """True while it shows."""
        return self.has_class("-open")

    @property
    def keys(self) -> list[tuple[str, str]]:
        """What the footer shows while it is open."""
        return [("⏎", "Run"), ("↑ ↓", "Choose"), ("Esc", "Leave")] if self.open else []

    def show(self, commands: Sequence[Command], keys: dict[str, str]) -> None:
        """Opens on these commands, under the user's keys."""
        self._commands, self._keys = list(commands), keys
        self.query_one(OptionList).can_focus = False
        self.add_class("-open")
        line = self.query_one(TypedLine)
        line.value = ""
        self._search("")
        self.screen.set_focus(line)

    def hide(self) -> None:
        """Closes."""
        self.remove_class("-open")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Searches with every letter."""
        event.stop()
        self._search(event.value)

    def _search(self, text: str) -> None:
        self._found = [c for c in self._commands if matches(c, text)]
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options(Option(self._row(command)) for command in self._found)
        found.highlighted = 0 if self._found else None

    def _row(self, command: Command) -> Text:
        row = Text(no_wrap=True, overflow="ellipsis")
        row.append(f"{command.label:<18}", Style(bold=True))
        row.append(f"{key_text(self._keys.get(command.id, command.keys)):<12} ")
        row.append(f"{command.help}  {command.id}", Style(dim=True))
        return row

    def takes_key(self, key: str, value: str) -> bool:
        """Whether the key steers the list rather than being a letter."""
        found = self.query_one(OptionList)
        if key == "down":
            found.action_cursor_down()
        elif key == "up":
            found.action_cursor_up()
        elif key == "enter":
            place = found.highlighted
            self.hide()
            chosen = self._found[place] if place is not None and place < len(self._found) else None
            self.post_message(self.Left() if chosen is None else self.Chosen(chosen))
        elif key == "escape" or (key == "q" and not value):
            self.hide()
            self.post_message(self.Left())
        else:
            return False
        return True


def matches(command: Command, text: str) -> bool:
    """Every word of the text is in the command's name, label or help."""
    whole = f"{command.id} {command.label} {command.help}".lower()
    return all(word in whole for word in text.lower().split())
