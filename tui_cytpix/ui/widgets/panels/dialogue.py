"""Several questions, one after the other: each says which it is of how many, and one goes back to those before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from tui_cytpix.errors import UsageError
from tui_cytpix.ui.widgets.panels.ask_panel import AskPanel, Place

T = TypeVar("T")
Parse = Callable[[str, Sequence[Any]], object]  # from the line, and the answers to the questions before it


@dataclass(frozen=True)
class Question:
    """`parse` makes the answer of the line; a CytpixError in it leaves the question open."""

    words: str
    default: str
    parse: Parse


def taken_as(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser that raises ValueError, with its refusals as a UsageError."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise UsageError("This can't be taken", f"{error}") from None

    return parsed


class Dialogue:
    """Calls `done` with the answers."""

    def __init__(self, panel: AskPanel, questions: Sequence[Question], done: Callable[..., object]) -> None:
        self._panel, self._questions, self._done = panel, questions, done
        self._texts = [question.default for question in questions]
        self._answers: list[object] = []

    def begin(self) -> None:
        self._ask(0)

    def _ask(self, at: int) -> None:
        del self._answers[at:]
        question = self._questions[at]
        place = Place(at + 1, len(self._questions), partial(self._back, at) if at else None)
        self._panel.ask(question.words, self._texts[at], partial(self._answered, at), place=place)

    def _back(self, at: int, text: str) -> None:
        self._texts[at] = text
        self._ask(at - 1)

    def _answered(self, at: int, text: str) -> object:
        self._answers[at:] = [self._questions[at].parse(text, tuple(self._answers))]
        self._texts[at] = text
        if at + 1 == len(self._questions):
            return self._done(*self._answers)
        self._ask(at + 1)
        return None
