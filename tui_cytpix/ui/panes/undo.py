"""Undo and redo in what goes through images with one key a judgement."""

from __future__ import annotations

from textual.message import Message
from textual.widget import Widget


class TakingBack(Widget):
    """Says what is wished; the screen does it and tells the pane what was done."""

    class Wished(Message):
        """The last judgement shall be taken back, or what was taken back shall stand again."""

        def __init__(self, pane: TakingBack, *, again: bool) -> None:
            super().__init__()
            self.pane, self.again = pane, again

    def action_undo(self) -> None:
        """Takes the last one back."""
        self.post_message(self.Wished(self, again=False))

    def action_redo(self) -> None:
        """Reinstates what undo took back."""
        self.post_message(self.Wished(self, again=True))
