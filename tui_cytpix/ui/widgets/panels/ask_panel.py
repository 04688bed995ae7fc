"""A docked one-line question, instead of a dialog over the pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Protocol

from textual.app import ComposeResult
from textual.keys import format_key
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from tui_cytpix.domain.words import printable, shortened
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.widgets.boxes import Vertical
from tui_cytpix.ui.widgets.panels.typed_line import TypedLine
from tui_cytpix.ui.widgets.panels.typed_paths import complete

Answer = Callable[[str], object]  # takes the line; what it returns is waited for, where that can be
About = Callable[[str], Sequence[str]]  # lines that there are to say of what is typed
Choices = dict[str, tuple[str, Callable[[], object]]]  # label and what to do, by key
NAMES_SHOWN = 200  # characters of what a path may go on with


class Start(Protocol):
    """Runs a coroutine for the screen; keys wait for its end with `first`."""

    def __call__(self, work: Awaitable[object], name: str = "", *, first: bool = False) -> None: ...


def _nothing(_typed: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Place:
    """Where a question stands in a dialogue of several: the `number`th of `of`; `back` asks the one before again, and
    takes what is typed.
    """

    number: int
    of: int
    back: Callable[[str], object] | None = None


@dataclass(frozen=True)
class Asked:
    """A question for a line, or for one of some keys (`choices`, else `other`).

    Attributes:
        path: Tab completes a path.
    """

    question: str
    answer: Answer
    about: About = _nothing
    path: bool = False
    place: Place | None = None
    choices: Choices | None = None
    other: str = ""


class AskPanel(Vertical):
    """Asks for a line of text, for y or n, or for one of some keys. One question at a time: a new one replaces the
    old. What an answer sets going keeps the question open until it has ended; one that is refused (a CytpixError, or an
    OSError) leaves question, text and focus as they are. `start` and `report` are the screen's.
    """

    DEFAULT_CSS = """
    AskPanel { dock: bottom; margin-bottom: 1; height: auto; display: none; background: $panel; padding: 0 1; }
    AskPanel.-asking { display: block; }
    AskPanel Static { height: auto; }
    AskPanel Input, AskPanel Input:focus { height: 1; border: none; padding: 0; background: $surface; }
    """

    def __init__(self, start: Start, report: Callable[[CytpixError | OSError | str], None]) -> None:
        super().__init__()
        self._start, self._report = start, report
        self._asked = Asked("", lambda _text: None)
        self._busy = False  # what the answer set going has not ended
        self._names: Sequence[str] = ()  # what a path may go on with
        self._came_from: Widget | None = None

    def compose(self) -> ComposeResult:
        """The question above its line; the footer below says how to answer."""
        yield Static(markup=False)
        yield TypedLine(self)

    @property
    def open(self) -> bool:
        return self.has_class("-asking")

    @property
    def line(self) -> TypedLine:
        return self.query_one(TypedLine)

    def ask(
        self,
        question: str,
        default: str,
        callback: Answer,
        about: About | None = None,
        *,
        path: bool = False,
        place: Place | None = None,
    ) -> None:
        """Calls back with the line on Enter; Esc, or `q` on an empty line, leaves things as they are. `about` is said
        above the question, anew with each letter.
        """
        self._open(Asked(question, callback, about or _nothing, path, place), default)

    def say_about(self) -> None:
        """Says anew what there is to say of what is typed."""
        asked, line = self._asked, self.line.value
        names = shortened("   ".join(self._names), NAMES_SHOWN)
        place = "" if asked.place is None else f"{asked.place.number} of {asked.place.of} · "
        question = f"{place}{asked.question}{' …' if self._busy else ''}"
        lines = [*asked.about(line), *([names] if names else []), question]
        self.query_one(Static).update("\n".join(map(printable, lines)))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._names = ()
        self.say_about()

    def confirm(self, question: str, callback: Callable[[], object]) -> None:
        """Calls back on `y`; any other key leaves things as they are."""
        self.choose(question, {"y": ("Yes", callback)}, "No")

    def choose(self, question: str, choices: Choices, other: str) -> None:
        """Calls back on one of the keys, each with its label; any other key leaves things as they are."""
        self._open(Asked(question, lambda key: choices[key][1](), choices=choices, other=other), "")

    @property
    def keys(self) -> list[tuple[str, str]]:
        asked = self._asked
        if asked.choices:
            listed = [(format_key(key), label) for key, (label, _) in asked.choices.items()]
            return [*listed, ("any other key", asked.other)]
        if self._busy:
            return [("Esc", "Leave it at work")]
        path = [("Tab", "Complete")] if asked.path else []
        back = [("↑", "The question before")] if asked.place is not None and asked.place.back else []
        leave = [("Esc", "Leave it"), ("q", "on an empty line: leave it"), ("F1", "Help")]
        return [("⏎", "Take it"), *path, *back, *leave]

    def _open(self, asked: Asked, text: str) -> None:
        if not self.open:
            self._came_from = self.screen.focused
        self._asked, self._busy, self._names = asked, False, ()
        line = self.line
        line.value = text
        # What is typed stands in place of the default; an arrow key keeps it to be changed. Of a path the end shows.
        line.selection = Selection(0, len(text)) if asked.path else Selection(len(text), 0)
        self.say_about()
        self.add_class("-asking")
        self.screen.set_focus(line)
        self.screen.refresh_bindings()  # the footer shows how to answer

    def takes_key(self, key: str, value: str) -> bool:
        """Whether the key is a choice, takes or leaves, rather than a letter of the answer."""
        asked = self._asked
        if asked.choices:
            chosen = key if key in asked.choices else key.lower()
            self._close()
            if chosen in asked.choices:
                self._answer(asked, chosen)
        elif key == "escape" or (key == "q" and not value and not self._busy):
            self._close()
        elif self._busy:
            pass
        elif key == "enter":
            self._close()
            self._answer(asked, value.strip())
        elif key == "tab" and asked.path:
            self._start(self._complete(asked, value), "complete", first=True)
        elif key == "up" and asked.place is not None and asked.place.back:
            asked.place.back(value)
        else:
            return key in ("tab", "shift+tab", "up", "down")
        return True

    async def _complete(self, asked: Asked, value: str) -> None:
        """The path as far as only one name goes on with it; else the names that do."""
        text, names = await asyncio.to_thread(complete, value)
        if self._asked is asked and self.open and self.line.value == value:
            with self.prevent(Input.Changed):
                self.line.value = text
            self.line.cursor_position = len(text)
            self._names = names or (("nothing begins so",) if text == value else ())
            self.say_about()

    def _close(self) -> None:
        """The focus goes back to where it was, unless someone has it by now."""
        had_focus = self.screen.focused is self.line
        self.remove_class("-asking")
        self._busy = False
        came_from, self._came_from = self._came_from, None
        if came_from is not None and came_from.is_attached and had_focus:
            self.screen.set_focus(came_from)
        self.screen.refresh_bindings()

    def _answer(self, asked: Asked, value: str) -> None:
        try:
            work = asked.answer(value)
        except (CytpixError, OSError) as error:
            self._refuse(asked, value, error)
            return
        if isawaitable(work):
            if not asked.choices:
                self._stay(asked, value, busy=True)
            self._start(self._wait_for(work, asked, value), "answer", first=True)

    async def _wait_for(self, work: Awaitable[Any], asked: Asked, value: str) -> None:
        try:
            await work
        except (CytpixError, OSError) as error:
            self._refuse(asked, value, error)
        else:
            if self._asked is asked and self._busy:
                self._close()

    def _refuse(self, asked: Asked, value: str, error: CytpixError | OSError) -> None:
        self._report(error)
        if not asked.choices and (not self.open or (self._asked is asked and self._busy)) and self.is_attached:
            self._stay(asked, value, busy=False)

    def _stay(self, asked: Asked, value: str, *, busy: bool) -> None:
        """The same question with the same text; a path is changed at its end, all else is typed anew."""
        self._open(asked, value)
        self._busy = busy
        if asked.path:
            self.line.cursor_position = len(value)  # which also takes the selection away
        self.say_about()
        self.screen.refresh_bindings()
