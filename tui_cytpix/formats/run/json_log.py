"""Append-only logs: one JSON object a line, read by anyone, written by one.

A line counts once its newline is on disk: a torn last line (killed, disk full) is skipped by readers and cut off by
the next writer.
"""

from __future__ import annotations

import errno
import itertools
import json
import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tui_cytpix.errors import refusal
from tui_cytpix.formats.bytes.atomic import encoded, sync_folder, write_bytes
from tui_cytpix.formats.bytes.plain_file import open_plain, open_plain_to_write, parse_json

RETRY_SECONDS = 2.0
MOST_LINE = 64 << 20
_log = logging.getLogger(__name__)


def read_log(path: Path) -> tuple[list[dict[str, Any]], int]:
    """All whole records, and how many whole lines could not be read (damaged by something other than us)."""
    decoded = [_decode(line) for line in _whole_lines(path)]
    records = [record for record in decoded if record is not None]
    return records, len(decoded) - len(records)


def _whole_lines(path: Path, start: int = 0) -> Iterator[bytes]:
    try:
        with open_plain(path) as file:
            file.seek(start)
            while line := file.readline(MOST_LINE + 1):
                if len(line) > MOST_LINE:
                    raise OSError(errno.EFBIG, f"a line has more than the {MOST_LINE:,} bytes that are read")
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return


def _decode(line: bytes) -> dict[str, Any] | None:
    try:
        record = parse_json(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


class LogTail:
    """Reads what was appended since the last look. Reopens the file each time, as NFS wants it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> list[dict[str, Any]]:
        """The whole records since the last call."""
        records = []
        for line in _whole_lines(self._path, self._offset):
            self._offset += len(line)
            if (record := _decode(line)) is not None:
                records.append(record)
        return records


def encode(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def append_now(path: Path, lines: bytes) -> None:
    """Appends whole lines and waits until they are on disk; a torn line before them is cut off, and one of ours
    too if the disk is full. A log that is a link is not followed: in a run from elsewhere it may lead to any file.

    Raises:
        OSError: nothing of `lines` was kept.
    """
    handle = open_plain_to_write(path, os.O_RDWR)
    try:
        end = _end_of_whole_lines(handle)
        if end != os.fstat(handle).st_size:
            os.ftruncate(handle, end)
        try:
            written = 0
            while written < len(lines):
                written += os.pwrite(handle, lines[written:], end + written)
            os.fsync(handle)
        except OSError as error:
            os.ftruncate(handle, end)
            error.filename = str(path)
            raise
        if end == 0:
            sync_folder(Path(path).parent)
    finally:
        os.close(handle)


def _end_of_whole_lines(handle: int) -> int:
    end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(handle, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


class _Entry(NamedTuple):
    path: Path
    data: bytes
    whole: bool


class LogWriter:
    """One thread that appends to logs and replaces small files, in order, grouping syncs: no key waits for the disk.

    `append` returns at once; `pending` counts what is not on disk yet; `problem` is the sentence to show while the disk
    refuses (full, gone): the lines are kept and tried again every two seconds until they are saved.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._queue: deque[_Entry] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """Lines handed over and not on disk yet."""
        return len(self._queue)

    def append(self, path: Path, record: Mapping[str, Any]) -> None:
        self._put(_Entry(path, encode(record), False))

    def replace(self, path: Path, text: str) -> None:
        """Queues a small file that is written as a whole."""
        self._put(_Entry(path, encoded(text), True))

    def _put(self, entry: _Entry) -> None:
        with self._wake:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
                self._thread.start()
            self._queue.append(entry)
            self._wake.notify_all()

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits until everything queued is on disk; False where it isn't by then."""
        with self._wake:
            return self._wake.wait_for(lambda: not self._queue, timeout)

    def close(self) -> bool:
        """Flushes and ends the thread; False where something could not be saved."""
        done = self.flush(RETRY_SECONDS) if self.problem else self.flush()
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(1.0)
        return done

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                group = self._next_group()
            try:
                if group[0].whole:
                    write_bytes(group[0].path, group[0].data)
                else:
                    append_now(group[0].path, b"".join(entry.data for entry in group))
            except OSError as error:
                _log.warning("%d lines wait for the disk: %s", len(self._queue), error.strerror)
                title, detail, _ = refusal(error, group[0].path, "")
                self.problem = ": ".join(filter(None, ("not saved yet", title.lower(), detail)))
                with self._wake:
                    self._wake.wait_for(lambda: self._closing, RETRY_SECONDS)
                    if self._closing:
                        return
                continue
            self.problem = ""
            with self._wake:
                for _ in group:
                    self._queue.popleft()
                self._wake.notify_all()

    def _next_group(self) -> list[_Entry]:
        """The first entry and, where it appends, those behind it that append to the same log."""
        first = self._queue[0]
        if first.whole:
            return [first]
        return list(itertools.takewhile(lambda e: e.path == first.path and not e.whole, self._queue))
