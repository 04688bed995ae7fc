"""Undo and redo in what goes through images with one key a judgement."""

from __future__ import annotations

from textual.widget import Widget


class TakingBack(Widget):
    """Both are one method of the pane."""

    def take_back(self, *, again: bool) -> None:
        """Takes the last judgement back, or with `again` reinstates what was taken back; shows its image."""
        raise NotImplementedError

    def action_undo(self) -> None:
        self.take_back(again=False)

    def action_redo(self) -> None:
        self.take_back(again=True)
