"""Commands of a screen that its panes carry out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any


class Handed:
    """An action that is a pane's method: `action_zoom_in = Handed("plotting", "zoom", CLOSER)`.

    The key stays bound to the screen, so that it works wherever the focus is and stands where it stood in the footer;
    Textual finds the action there, and a pane needs no place among the widgets to have one.
    """

    def __init__(self, pane: str, method: str, *arguments: object) -> None:
        self.pane, self.method, self._arguments = pane, method, arguments

    def __get__(self, screen: Any, _owner: type) -> Handed | Callable[..., Any]:
        if screen is None:
            return self
        return partial(getattr(getattr(screen, self.pane), self.method), *self._arguments)
