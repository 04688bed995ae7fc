"""Commands of a screen that its panes carry out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Handed:
    """An action that is a pane's method: `action_day = Handed("labels", "ask_day")`.

    The key stays bound to the screen, so that it works wherever the focus is and stands where it stood in the footer;
    Textual finds the action there, and a pane needs no place among the widgets to have one.
    """

    def __init__(self, pane: str, method: str) -> None:
        self.pane, self.method = pane, method

    def __get__(self, screen: Any, _owner: type) -> Handed | Callable[[], Any]:
        if screen is None:
            return self
        found: Callable[[], Any] = getattr(getattr(screen, self.pane), self.method)
        return found
