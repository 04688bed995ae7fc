"""The line in a docked panel that takes what is typed, in the order of the keys."""

from __future__ import annotations

from typing import Protocol

from textual import events
from textual.widgets import Input


class TypedPanel(Protocol):
    def takes_key(self, key: str, value: str) -> bool:
        """Whether the panel did something with the key; else it is a letter of the line."""


class TypedLine(Input):
    """Every key goes to the panel first."""

    def __init__(self, panel: TypedPanel, placeholder: str = "") -> None:
        super().__init__(placeholder=placeholder, select_on_focus=False)
        self._panel = panel

    def on_key(self, event: events.Key) -> None:
        """Comes before Textual's own."""
        if self._panel.takes_key(event.key, self.value):
            event.stop()
            event.prevent_default()
