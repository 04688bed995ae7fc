"""A docked list to choose from by typing a part of a name: of commands, of parameters, of pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_cytpix.ui.widgets.boxes import Vertical
from tui_cytpix.ui.widgets.panels.typed_line import TypedLine


@dataclass(frozen=True)
class Choice:
    """One row: what to choose it does, how it is written, and the words that find it."""

    act: Callable[[], object]
    row: Text
    words: str


class ChoicePanel(Vertical):
    """Posts `Closed`; docked, so that it covers no picture."""

    DEFAULT_CSS = """
    ChoicePanel { dock: bottom; margin-bottom: 1; height: auto; display: none; background: $panel; padding: 0 1; }
    ChoicePanel.-open { display: block; }
    ChoicePanel Input, ChoicePanel Input:focus { height: 1; border: none; padding: 0; background: $surface; }
    ChoicePanel OptionList { height: auto; max-height: 8; border: none; padding: 0; background: $panel;
                             text-wrap: nowrap; text-overflow: ellipsis; }
    """

    @dataclass
    class Closed(Message):
        """With what the chosen row does; None where none was chosen."""

        act: Callable[[], object] | None

    def __init__(self) -> None:
        super().__init__()
        self._verb = ""  # what Enter does
        self._choices: list[Choice] = []
        self._found: list[Choice] = []

    def compose(self) -> ComposeResult:
        yield OptionList(markup=False)
        yield TypedLine(self)

    @property
    def open(self) -> bool:
        return self.has_class("-open")

    @property
    def keys(self) -> list[tuple[str, str]]:
        return [("⏎", self._verb), ("↑ ↓", "Choose"), ("Esc", "Leave")] if self.open else []

    def offer(self, what: str, verb: str, choices: Sequence[Choice], current: int | None = None) -> None:
        """Opens on these, the cursor on the one at `current`; `what` says what to type, `verb` what Enter does."""
        self._verb, self._choices = verb, list(choices)
        self.query_one(OptionList).can_focus = False
        self.add_class("-open")
        line = self.query_one(TypedLine)
        line.value, line.placeholder = "", f"{what} (q or Esc: leave)"
        self._search("")
        if current is not None:
            self.query_one(OptionList).highlighted = current
        self.screen.set_focus(line)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value or len(self._found) < len(self._choices):
            self._search(event.value)

    def _search(self, text: str) -> None:
        self._found = [choice for choice in self._choices if matches(choice.words, text)]
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options(Option(choice.row) for choice in self._found)
        found.highlighted = 0 if self._found else None

    def takes_key(self, key: str, value: str) -> bool:
        """Whether the key steers the list rather than being a letter."""
        found = self.query_one(OptionList)
        if key == "down":
            found.action_cursor_down()
        elif key == "up":
            found.action_cursor_up()
        elif key == "enter":
            place = found.highlighted
            self._close(self._found[place].act if place is not None and place < len(self._found) else None)
        elif key == "escape" or (key == "q" and not value):
            self._close(None)
        else:
            return False
        return True

    def _close(self, act: Callable[[], object] | None) -> None:
        self.remove_class("-open")
        self.post_message(self.Closed(act))


def matches(words: str, text: str) -> bool:
    """Every word of the text is in the words."""
    whole = words.lower()
    return all(word in whole for word in text.lower().split())
