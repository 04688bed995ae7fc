"""A program in a pseudo-terminal that answers as xterm or kitty would, and what it writes for each key."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CELL = (20, 10)  # pixels (rows, columns)
ATTRIBUTES = {"": b"\x1b[?62;22c", "sixel": b"\x1b[?63;4;22c", "kitty": b"\x1b[?62;52c"}
NAMES = {"": b"VTE(7600)", "sixel": b"XTerm(379)", "kitty": b"kitty(0.35.2)"}
QUIET = 0.5  # seconds without a byte: the answer is over
ANSWERS_WITHIN = 3.0  # the machine may be busy
PATIENCE = 60.0
CELL_ASKED = rb"\x1b\[16t"
FRAME_END = rb"\x1b\[\?2026l"


def terminal_size(text: str) -> tuple[int, int]:
    """(columns, rows) of COLUMNSxROWS, for argparse."""
    columns, rows = map(int, text.split("x"))
    return columns, rows


@dataclass(frozen=True)
class Cost:
    """What an answer cost: bytes, ms until the last of them, ms of the program's processors; `shown_ms` leaves frames
    of less than a tenth of the bytes aside, as that in which the header says that all is on disk.
    """

    bytes: int
    ms: float
    cpu_ms: float
    ours: int = 0  # how many of the bytes belong to images
    shown_ms: float = 0.0


class Program:
    """A command in a pseudo-terminal of `size` (columns, rows); `graphics` is what the terminal has: a key of NAMES.

    `round_trip` seconds pass between a question and its answer; without `tells_cell` it doesn't say how many pixels a
    cell has, as xterm where window operations are off: its window's size does. With a `background`, such as
    ffff/ffff/ffff, it tells that. A `silent` one answers nothing.
    """

    def __init__(
        self,
        command: Sequence[str],
        variables: dict[str, str],
        *,
        size: tuple[int, int] = (160, 50),
        graphics: str = "",
        round_trip: float = 0.0,
        tells_cell: bool = True,
        background: bytes = b"",
        silent: bool = False,
    ) -> None:
        columns, rows = size
        self.output = bytearray()
        self.reading = threading.Event()  # cleared: the link has stopped
        self.reading.set()
        self.times: list[tuple[float, int]] = []
        self._answers = [a for a in _answers(graphics, columns, rows) if tells_cell or a[0] != CELL_ASKED]
        if silent:
            self._answers.clear()
        if background:
            self._answers.append((rb"\x1b\]11;\?\x1b\\", lambda _m: b"\x1b]11;rgb:" + background + b"\x1b\\"))
        self._round_trip, self._scanned, self._answered = round_trip, 0, 0
        self.begun = time.monotonic()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            _set_size(0, size)
            os.execvpe(command[0], list(command), variables)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while self.reading.wait():
            try:
                if not select.select([self._terminal], [], [], 0.05)[0]:
                    continue
                data = os.read(self._terminal, 1 << 16)
            except OSError:
                return
            if not data:
                return
            self.output += data
            self.times.append((time.monotonic(), len(data)))
            self._answer()

    def _answer(self) -> None:
        start = max(0, self._scanned - 64)  # a question may come in two parts
        self._scanned = len(self.output)
        recent = bytes(self.output[start:])
        found = []
        for pattern, answer in self._answers:
            for match in re.finditer(pattern, recent):
                found.append((start + match.end(), answer(match)))  # noqa: PERF401
        new = [(end, answer) for end, answer in sorted(found) if end > self._answered]
        if not new:
            return
        self._answered = new[-1][0]
        answers = b"".join(answer for _, answer in new)  # in one write: timers of their own may end in another order
        threading.Timer(self._round_trip, self.type, [answers]).start() if self._round_trip else self.type(answers)

    def type(self, keys: bytes) -> None:
        """Types, and doesn't wait."""
        with contextlib.suppress(OSError):
            os.write(self._terminal, keys)

    def wait(self, pattern: bytes) -> None:
        """Until it has written that."""
        give_up, seen = time.monotonic() + PATIENCE, 0
        while not re.search(pattern, bytes(self.output[max(0, seen - 4096) :])):
            seen = len(self.output)
            if time.monotonic() > give_up:
                raise SystemExit(f"never written: {pattern!r}\n{bytes(self.output[-3000:])!r}")
            time.sleep(0.02)

    def settle(self, since: float = 0.0, quiet: float = QUIET) -> None:
        """Until it has been quiet for a while."""
        while True:
            last = max(self.times[-1][0] if self.times else 0.0, since)
            if time.monotonic() - last > quiet:
                return
            time.sleep(0.02)

    def press(self, keys: bytes, quiet: float = QUIET) -> Cost:
        """Types and waits until it has been quiet for a while; what came of it."""
        before, reads, cpu, since = len(self.output), len(self.times), self.cpu_ms(), time.monotonic()
        self.type(keys)
        while len(self.output) == before and time.monotonic() - since < ANSWERS_WITHIN:
            time.sleep(0.005)
        self.settle(since, quiet)
        answer = bytes(self.output[before:])
        last = self.times[-1][0] if len(self.output) > before else since
        shown = _shown(answer, self.times[reads:]) or last
        return Cost(len(answer), (last - since) * 1e3, self.cpu_ms() - cpu, _of_images(answer), (shown - since) * 1e3)

    def cpu_ms(self) -> float:
        """Processor time of all its threads so far."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(task.read_text().split()[0])
        return total / 1e6

    def first_frame_ms(self, least: int = 500) -> float:
        """From the start until the first write of more than `least` bytes, questions left aside."""
        return next((at - self.begun) * 1e3 for at, size in self.times if size > least)

    def resize(self, size: tuple[int, int], cell: tuple[int, int] = CELL) -> None:
        """The window has (columns, rows) from now on; a `cell` of (0, 0) pixels: it doesn't say how large they are."""
        _set_size(self._terminal, size, cell)

    def hang_up(self) -> int:
        """Closes the window; the program's exit status."""
        os.close(self._terminal)
        give_up = time.monotonic() + PATIENCE
        while not (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() > give_up:
                raise SystemExit("it outlives its window")
            time.sleep(0.05)
        return os.waitstatus_to_exitcode(ended[1])

    def close(self) -> None:
        """Ends it by a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
            give_up = time.monotonic() + 8
            while time.monotonic() < give_up and not os.waitpid(self.pid, os.WNOHANG)[0]:
                time.sleep(0.05)
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def _set_size(terminal: int, size: tuple[int, int], cell: tuple[int, int] = CELL) -> None:
    columns, rows = size
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, columns * cell[1], rows * cell[0]))


def _shown(answer: bytes, reads: Sequence[tuple[float, int]]) -> float | None:
    """When the last frame of at least a tenth of the answer had come; None where there is no such frame."""
    ends = [match.end() for match in re.finditer(FRAME_END, answer)]
    large = [end for start, end in itertools.pairwise([0, *ends]) if end - start >= len(answer) / 10]
    if not large:
        return None
    come = 0
    for at, size in reads:
        come += size
        if come >= large[-1]:
            return at
    return None


def _of_images(output: bytes) -> int:
    return sum(len(found) for found in re.findall(rb"\x1bP[\d;]*q.*?\x1b\\|\x1b_G.*?\x1b\\", output, re.S))


def _answers(graphics: str, columns: int, rows: int) -> list[tuple[bytes, Callable[[Any], bytes]]]:
    answers: list[tuple[bytes, Callable[[Any], bytes]]] = [
        (rb"\x1b\[0?c", lambda _m: ATTRIBUTES[graphics]),
        (rb"\x1b\[>0?q", lambda _m: b"\x1bP>|" + NAMES[graphics] + b"\x1b\\"),
        (CELL_ASKED, lambda _m: b"\x1b[6;%d;%dt" % CELL),
        (rb"\x1b\[14t", lambda _m: b"\x1b[4;%d;%dt" % (rows * CELL[0], columns * CELL[1])),
        (rb"\x1b\[\?2026\$p", lambda _m: b"\x1b[?2026;2$y"),
    ]
    if graphics == "kitty":
        answers.append((rb"\x1b_Gi=(\d+)[^\x1b]*a=q[^\x1b]*\x1b\\", lambda m: b"\x1b_Gi=%s;OK\x1b\\" % m[1]))
    return answers
