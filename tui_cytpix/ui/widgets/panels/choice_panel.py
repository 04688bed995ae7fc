"""A docked list to choose from by typing a part of a name: of commands (the palette), of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_cytpix.ui.widgets.boxes import Vertical
from tui_cytpix.ui.widgets.panels.typed_line import TypedLine


@dataclass(frozen=True)
class Choice:
    """One row: what it stands for, how it looks, and the words that find it."""

    value: Any
    row: Text
    words: str


class ChoicePanel(Vertical):
    """Posts `Chosen` or `Left`; docked, so that it covers no picture."""

    DEFAULT_CSS = """
    ChoicePanel { dock: bottom; margin-bottom: 1; height: auto; display: none; background: $panel; padding: 0 1; }
    ChoicePanel.-open { display: block; }
    ChoicePanel Input, ChoicePanel Input:focus { height: 1; border: none; padding: 0; background: $surface; }
    ChoicePanel OptionList { height: auto; max-height: 8; border: none; padding: 0; background: $panel;
                             text-wrap: nowrap; text-overflow: ellipsis; }
    """

    @dataclass
    class Chosen(Message):
        """The value of a row; `panel` is the sender."""

        panel: ChoicePanel
        value: Any

        @property
        def control(self) -> ChoicePanel:
            return self.panel

    class Left(Message):
        """Closed without a choice."""

    def __init__(self, placeholder: str, verb: str, *, id: str | None = None) -> None:  # noqa: A002
        """`placeholder` says what to type, `verb` what Enter does."""
        super().__init__(id=id)
        self._placeholder, self._verb = placeholder, verb
        self._choices: list[Choice] = []
        self._found: list[Choice] = []

    def compose(self) -> ComposeResult:
        yield OptionList(markup=False)
        yield TypedLine(self, placeholder=self._placeholder)

    @property
    def open(self) -> bool:
        return self.has_class("-open")

    @property
    def keys(self) -> list[tuple[str, str]]:
        """What the footer shows while it is open."""
        return [("⏎", self._verb), ("↑ ↓", "Choose"), ("Esc", "Leave")] if self.open else []

    def offer(self, choices: Sequence[Choice], current: Any = None) -> None:
        """Opens on these, the cursor on the one whose value is `current`."""
        self._choices = list(choices)
        self.query_one(OptionList).can_focus = False
        self.add_class("-open")
        line = self.query_one(TypedLine)
        line.value = ""
        self._search("")
        values = [choice.value for choice in self._choices]
        if current in values:
            self.query_one(OptionList).highlighted = values.index(current)
        self.screen.set_focus(line)

    def hide(self) -> None:
        self.remove_class("-open")

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
            self.hide()
            chosen = self._found[place] if place is not None and place < len(self._found) else None
            self.post_message(self.Left() if chosen is None else self.Chosen(self, chosen.value))
        elif key == "escape" or (key == "q" and not value):
            self.hide()
            self.post_message(self.Left())
        else:
            return False
        return True


def matches(words: str, text: str) -> bool:
    """Every word of the text is in the words."""
    whole = words.lower()
    return all(word in whole for word in text.lower().split())
