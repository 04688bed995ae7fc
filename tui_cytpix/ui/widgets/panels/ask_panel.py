"""A docked one-line question, instead of a dialog over the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_cytpix.domain.words import printable
from tui_cytpix.ui.widgets.boxes import Vertical
from tui_cytpix.ui.widgets.panels.typed_line import TypedLine

Answer = Callable[[str], object]
About = Callable[[str], Sequence[str]]  # lines that there are to say of what is typed
Choices = dict[str, tuple[str, Callable[[], object]]]  # label and what to do, by key


def _nothing(_typed: str) -> Sequence[str]:
    return ()


class AskPanel(Vertical):
    """Asks for a line of text, for y or n, or for one of some keys. One question at a time: a new one replaces the
    old.
    """

    DEFAULT_CSS = """
    AskPanel { dock: bottom; margin-bottom: 1; height: auto; display: none; background: $panel; padding: 0 1; }
    AskPanel.-asking { display: block; }
    AskPanel Static { height: auto; }
    AskPanel Input, AskPanel Input:focus { height: 1; border: none; padding: 0; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answer: Answer = lambda _text: None
        self._choices: Choices = {}
        self._question = ""
        self._about: About = _nothing
        self._other = ""
        self._came_from: Widget | None = None

    def compose(self) -> ComposeResult:
        """The question above its line; the footer below says how to answer."""
        yield Static(markup=False)
        yield TypedLine(self)

    @property
    def open(self) -> bool:
        return self.has_class("-asking")

    def ask(self, question: str, default: str, callback: Answer, about: About | None = None) -> None:
        """Calls back with the line on Enter; Esc, or `q` on an empty line, leaves things as they are. `about` is said
        above the question, anew with each letter.
        """
        self._open(question, default, callback, {})
        self._about = about or _nothing
        self.say_about()

    def say_about(self) -> None:
        """Says anew what there is to say of what is typed."""
        said = self._about(self.query_one(TypedLine).value)
        self.query_one(Static).update("\n".join([*map(printable, said), self._question]))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.say_about()

    def confirm(self, question: str, callback: Callable[[], object]) -> None:
        """Calls back on `y`; any other key leaves things as they are."""
        self.choose(question, {"y": ("Yes", callback)}, "No")

    def choose(self, question: str, choices: Choices, other: str) -> None:
        """Calls back on one of the keys, each with its label; any other key leaves things as they are."""
        self._other = other
        self._open(question, "", lambda key: choices[key][1](), choices)

    @property
    def keys(self) -> list[tuple[str, str]]:
        if self._choices:
            return [*((key, label) for key, (label, _) in self._choices.items()), ("any other key", self._other)]
        return [("⏎", "Take it"), ("Esc", "Leave it"), ("q", "on an empty line: leave it"), ("F1", "Help")]

    def _open(self, question: str, default: str, callback: Answer, choices: Choices) -> None:
        if not self.open:
            self._came_from = self.screen.focused
        self._answer, self._choices, self._about, self._question = callback, choices, _nothing, printable(question)
        self.query_one(Static).update(self._question)
        line = self.query_one(TypedLine)
        line.value = default
        line.select_all()  # what is typed stands in place of the default; an arrow key keeps it to be changed
        self.add_class("-asking")
        self.screen.set_focus(line)
        self.screen.refresh_bindings()  # the footer shows how to answer

    def takes_key(self, key: str, value: str) -> bool:
        """Whether the key is a choice, takes or leaves, rather than a letter of the answer."""
        if self._choices:
            chosen = key if key in self._choices else key.lower()
            self._close(chosen in self._choices, chosen)
            return True
        if key == "enter":
            self._close(True, value.strip())
        elif key == "escape" or (key == "q" and not value):
            self._close(False, "")
        else:
            return False
        return True

    def _close(self, answered: bool, value: str) -> None:
        self.remove_class("-asking")
        came_from, self._came_from = self._came_from, None
        if came_from is not None and came_from.is_attached:
            self.screen.set_focus(came_from)
        if answered:
            self._answer(value)
