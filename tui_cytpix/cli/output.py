"""What a verb prints: results on stdout, progress and notes on stderr, nothing from a file raw on the terminal."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from tui_cytpix.domain.words import duration, printable, width_of

REDRAW_SECONDS = 0.1
PLAIN_STEP = 0.1  # off a terminal, a line for every tenth of the way
MEASURED_SECONDS = 2.0  # of work, before it is told how long the rest will take


def on_terminal() -> bool:
    """Whether the app can be opened here."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def say(*lines: object) -> None:
    for line in lines:
        print(printable(line))


def note(*lines: object) -> None:
    """Lines beside the result. Work goes on where nobody reads them."""
    with contextlib.suppress(BrokenPipeError):
        for line in lines:
            print(printable(line), file=sys.stderr, flush=True)


def say_json(value: Any) -> None:
    """The result as one JSON document; numbers that JSON lacks become null."""
    text = json.dumps(_plain(value), indent=2, ensure_ascii=True, allow_nan=False)
    print(text.replace("\x7f", "\\u007f"))


def tell(as_json: bool, result: Any, *lines: object) -> None:
    """The result: as JSON where that was asked for, else in lines."""
    if as_json:
        say_json(result)
    else:
        say(*lines)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Columns, aligned on the left; numbers come formatted."""
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(width_of(row[i]) for row in cells) for i in range(len(header))]
    return ["  ".join(c + " " * (w - width_of(c)) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]


def percent(value: float | None) -> str:
    """A share, `-` where there is none."""
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"


class Progress:
    """How far a long task is: one rewritten line on a terminal, a plain line now and then elsewhere.

    Call it with (done, total); use it as a context, so that the line ends. Where these are not yet of all, `share` is
    what is done of all, and `of` says of what. The time left follows from the speed since the first call: what came
    before, as loading a model, is no measure of it.
    """

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = sys.stderr if stream is None else stream
        self.terminal = self._stream is not None and self._stream.isatty()
        self._first: tuple[float, float] | None = None  # when the first was done, and what share
        self._drawn = -math.inf
        self._shown = ""
        self._share = -1.0

    def __call__(self, done: int, total: int, share: float | None = None, of: str = "") -> None:
        if total <= 0:
            return
        share, now = done / total if share is None else share, time.monotonic()
        if self._first is None and done > 0:
            self._first = now, share
        line = f"{self._what}: {done} of {total}{of} ({share:.0%}{' of all' if of else ''}){self._left(share, now)}"
        if self.terminal:
            if now - self._drawn >= REDRAW_SECONDS or done >= total:
                self._drawn = now
                self._rewrite(printable(line))
        elif share >= self._share + PLAIN_STEP or (done >= total and share > self._share):
            self._share = share
            self._write(printable(line) + "\n")

    def _left(self, share: float, now: float) -> str:
        began, at_first = self._first or (now, share)
        if now - began < MEASURED_SECONDS or not at_first < share < 1:
            return ""
        return f", about {duration((now - began) / (share - at_first) * (1 - share))} left"

    def _rewrite(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]
        self._write("\r" + line.ljust(len(self._shown)))
        self._shown = line

    def _write(self, text: str) -> None:
        if self._stream is not None:
            with contextlib.suppress(BrokenPipeError):
                self._stream.write(text)
                self._stream.flush()

    def show(self, text: str) -> None:
        """Puts this into the line that is rewritten; for a terminal."""
        self._rewrite(printable(text))

    def note(self, text: str) -> None:
        """A line of its own, above the one that is rewritten."""
        if self._shown:
            self._rewrite("")
            self._write("\r")
        self._write(printable(text) + "\n")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._shown:
            self._write("\n")
            self._shown = ""
