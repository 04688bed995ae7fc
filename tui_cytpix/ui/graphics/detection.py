"""What the terminal can draw: asked once, before the app takes the screen.

All questions go out in one write, the last of them one that every terminal answers, in order. So nothing is guessed
from how long an answer takes, and none is left to come in later as if it were typed; what was typed meanwhile is kept.
"""

from __future__ import annotations

import os
import re
import select
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

PATIENCE = 4.0  # seconds; a terminal on another continent answers in half of one
SAY_SO = 1.0
WAITING = "Waiting for the terminal to say what it can draw (--graphics halfblock does not ask).\r\n"

_ON_PICTURES = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" + b"\x1b[>q" + b"\x1b[16t"
_ON_BACKGROUND = b"\x1b]11;?\x1b\\"
_LAST = b"\x1b[c"
_KITTY = re.compile(rb"\x1b_G[^\x1b]*;([^\x1b]*)\x1b\\")
_NAME = re.compile(rb"\x1bP>\|([^\x1b]*)\x1b\\")
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_BACKGROUND = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]+)/([0-9a-fA-F]+)/([0-9a-fA-F]+)[^\x07\x1b]*(?:\x07|\x1b\\)")
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")
_KITTY_VERSION = re.compile(r"kitty\((\d+)\.(\d+)")


@dataclass(frozen=True)
class TerminalFacts:
    """What a terminal said of itself.

    Attributes:
        sixel: it draws Sixel.
        kitty: it keeps images and shows them by placeholder characters.
        cell: pixels (rows, columns) in a cell, where it told.
        typed: what was typed while it was asked.
        light: its background is; None where it did not tell.
    """

    sixel: bool = False
    kitty: bool = False
    cell: tuple[int, int] | None = None
    typed: str = ""
    light: bool | None = None


def ask() -> TerminalFacts:
    """Asks the terminal on stdin and stdout; knows nothing where there is none, or one that is known not to answer.
    tmux answers for itself: it is asked for the background only.
    """
    tmux = "TMUX" in os.environ
    streams = (sys.__stdin__, sys.__stdout__)
    if any(stream is None or stream.closed or not stream.isatty() for stream in streams):
        return TerminalFacts()
    if os.environ.get("TERM", "dumb") in ("dumb", "linux") or (multiplexed() and not tmux):
        return TerminalFacts()
    import termios
    import tty

    source, target = (stream.fileno() for stream in streams if stream is not None)
    try:
        before = termios.tcgetattr(source)
        tty.setcbreak(source, termios.TCSANOW)
        try:
            os.write(target, (b"" if tmux else _ON_PICTURES) + _ON_BACKGROUND + _LAST)
            said = _listen(source, target)
        finally:
            termios.tcsetattr(source, termios.TCSANOW, before)
    except (OSError, termios.error):
        return TerminalFacts()
    found = understand(said)
    return TerminalFacts(typed=found.typed, light=found.light) if tmux else found


def multiplexed() -> bool:
    """Whether tmux or screen stands between."""
    return bool({"TMUX", "STY"} & set(os.environ)) or os.environ.get("TERM", "").startswith(("tmux", "screen"))


def _listen(source: int, target: int) -> bytes:
    said, begun, told = b"", time.monotonic(), False
    while not _ATTRIBUTES.search(said):
        waited = time.monotonic() - begun
        if waited > PATIENCE:
            break
        if waited > SAY_SO and not told:
            os.write(target, WAITING.encode())
            told = True
        if select.select([source], [], [], 0.05)[0]:
            data = os.read(source, 4096)
            if not data:
                break
            said += data
    return said


def understand(said: bytes) -> TerminalFacts:
    """Takes the answers apart; the rest was typed."""
    attributes, cell, name, kitty, background = (
        pattern.search(said) for pattern in (_ATTRIBUTES, _CELL, _NAME, _KITTY, _BACKGROUND)
    )
    size = (int(cell[1]), int(cell[2])) if cell else (0, 0)
    named = name[1].decode("ascii", "replace") if name else ""
    typed = said
    for pattern in (_KITTY, _NAME, _CELL, _BACKGROUND, _ATTRIBUTES):
        typed = pattern.sub(b"", typed)
    return TerminalFacts(
        sixel=attributes is not None and b"4" in attributes[1].split(b";")[1:],
        kitty=kitty is not None and kitty[1] == b"OK" and _has_placeholders(named),
        cell=size if min(size) > 1 else None,
        typed=typed.decode("utf-8", "ignore"),
        light=None if background is None else _is_light(background),
    )


def _is_light(background: re.Match[bytes]) -> bool:
    """By the luma (ITU-R BT.601) of what `rgb:` tells, one to four hexadecimal digits a colour."""
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in background.groups())
    return 0.299 * red + 0.587 * green + 0.114 * blue > 0.5


def _has_placeholders(name: str) -> bool:
    """Kitty has them since 0.28; others answer as it does, and draw boxes."""
    version = _KITTY_VERSION.match(name)
    if version:
        return (int(version[1]), int(version[2])) >= (0, 28)
    return name.lower().startswith("ghostty")


def cell_by_window() -> tuple[int, int] | None:
    """Pixels (rows, columns) in a cell as the window's size says now; many remote and old terminals don't."""
    import fcntl
    import termios

    with suppress(OSError, ValueError, AttributeError):
        told = fcntl.ioctl(sys.__stdout__, termios.TIOCGWINSZ, bytes(8))  # type: ignore[arg-type]
        rows, columns, width, height = struct.unpack("HHHH", told)
        if rows and columns and height // rows > 1 and width // columns > 1:
            return height // rows, width // columns
    return None


def cell_sizes(facts: TerminalFacts) -> Callable[[], tuple[int, int]] | None:
    """A function that gives the cell's pixels (rows, columns) now; None where nobody knows them.

    The terminal's own answer is the exact one: a window's size includes its margins. It holds until the window's says
    that the font changed. A window that says nothing any more, as one that is being closed, keeps the size it had.
    """
    first = cell_by_window()
    last = facts.cell or first
    if last is None:
        return None

    def now() -> tuple[int, int]:
        nonlocal last
        found = cell_by_window()
        last = (facts.cell if found == first else found) or last
        assert last is not None  # it never becomes None again; mypy can't see that
        return last

    return now
