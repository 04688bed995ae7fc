"""The line in a docked panel that takes what is typed, in the order of the keys."""

from __future__ import annotations

from typing import Protocol

from textual import events
from textual.widgets import Input


class TypedPanel(Protocol):
    """What a line asks of the panel around it."""

    @property
    def open(self) -> bool:
        """Whether the line is in use."""

    def takes_key(self, key: str, value: str) -> bool:
        """Whether the panel did something with the key; else it is a letter of the line."""


class TypedLine(Input):
    """Every key goes to the panel first. `latest` is the last key that came while the panel was open: the app hands
    over keys that were on their way elsewhere when it opened, and tells by it which have been here.
    """

    def __init__(self, panel: TypedPanel, placeholder: str = "") -> None:
        super().__init__(placeholder=placeholder, select_on_focus=False)
        self._panel = panel
        self.latest: events.Key | None = None

    async def _on_key(self, event: events.Key) -> None:
        if not self._panel.open:  # closed by a key of the same burst: this one is for whatever has the focus now
            event.prevent_default()
            return
        self.latest = event
        if self._panel.takes_key(event.key, self.value):
            event.stop()
            event.prevent_default()
