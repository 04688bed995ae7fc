"""What the app told since it began, kept to be read again and copied; and what reaches the terminal's clipboard."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from textual.app import App

from tui_cytpix.domain.words import printable

MOST_KEPT = 500
MOST_COPIED = 70_000  # bytes: xterm and tmux take a little more at once


@dataclass(frozen=True)
class Message:
    """One notice; `told` in local time."""

    text: str
    title: str = ""
    is_error: bool = False
    told: datetime = field(default_factory=datetime.now)

    def __str__(self) -> str:
        words = f"{self.title}: {self.text}" if self.title and self.text else self.title or self.text
        return f"{self.told:%H:%M:%S}  {words}"


class Messages:
    """The newest first."""

    def __init__(self) -> None:
        self._kept: deque[Message] = deque(maxlen=MOST_KEPT)

    def add(self, message: Message) -> None:
        self._kept.appendleft(message)

    @property
    def newest_first(self) -> Sequence[Message]:
        return tuple(self._kept)

    def together(self) -> tuple[str, int]:
        """As many as the clipboard takes, oldest first, and how many these are."""
        taken: list[str] = []
        size = 0
        for message in self._kept:
            size += len(str(message).encode()) + 1
            if size > MOST_COPIED and taken:
                break
            taken.append(str(message))
        return "\n".join(reversed(taken)), len(taken)


def copy(app: App[None], text: str) -> str:
    """Hands the text to the terminal's clipboard (OSC 52), which never says whether it took it; what to tell of it."""
    app.copy_to_clipboard(text)
    shown = text if len(text) <= 60 and "\n" not in text else f"{len(text)} characters"
    tmux = " In tmux it needs `set -g set-clipboard on`." if os.environ.get("TMUX") else ""
    return f"Sent to the terminal's clipboard: {printable(shown)}.{tmux}"
