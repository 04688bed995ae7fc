"""When bytes were really written to the terminal: on a slow link that is long after they were handed to Textual."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, Self

from tui_cytpix.ui.textual_private import WrappingDriver


class Mark(str):
    """Nothing to write; once its turn has come, all before it has been written, and `tell` hears at what time."""

    tell: Callable[[float], object]

    def __new__(cls, tell: Callable[[float], object]) -> Self:
        """`tell` is called in the thread that writes."""
        mark = super().__new__(cls)
        mark.tell = tell
        return mark


class MarkedFile:
    """A terminal as Textual's writing thread uses it."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.flush, self.fileno = file.flush, file.fileno

    def write(self, text: str) -> None:
        self._file.write(text)
        if isinstance(text, Mark):
            self._file.flush()
            text.tell(time.monotonic())


class MarkingDriver(WrappingDriver):
    """Writes marks, too."""

    def wrapped(self, file: IO[str]) -> MarkedFile:
        return MarkedFile(file)
