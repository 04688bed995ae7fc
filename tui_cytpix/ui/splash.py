"""What the terminal shows while the app is loaded: from a busy file server that takes seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap

from tui_cytpix.domain.words import printable

ABOUT = (
    "Train and judge the models that annotate brightfield images from imaging flow cytometers. "
    "A run is one pass through five steps: assess a model, choose a base, select images, train, evaluate."
)
_TAKE, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # the alternate screen, without a cursor
_BAR = "\x1b[7m{}\x1b[0m"


@contextmanager
def splash(paths: Sequence[str]) -> Iterator[None]:
    """Takes the terminal's screen, as Textual will, and names what is opened; gives it back where that fails."""
    terminal = sys.__stderr__  # Textual's
    if terminal is None or not terminal.isatty():
        yield
        return
    terminal.write(_TAKE + picture(paths, *os.get_terminal_size(terminal.fileno())))
    terminal.flush()
    try:
        yield
    except BaseException:
        terminal.write(_LEAVE)
        terminal.flush()
        raise


def picture(paths: Sequence[str], columns: int, rows: int) -> str:
    """The frame of the screens that follow, as wide as they: terminal codes."""
    names = ", ".join(printable(Path(path).name) for path in paths)
    title = f" {names or 'tui-cytpix'} "[:columns]
    words = [*wrap(ABOUT, max(1, columns - 2)), "", f"Opening {names} …" if names else ""]
    lines = {row: f" {line}"[:columns] for row, line in enumerate(words, 3)}
    lines |= {1: _BAR.format(title.ljust(columns)), rows: _BAR.format(" " * columns)}
    return "\x1b[2J" + "".join(f"\x1b[{row};1H{line}" for row, line in lines.items() if 0 < row <= rows)
