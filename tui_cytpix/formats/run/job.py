"""A job's folder: what to do, what happened, what is wished, and a heartbeat."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from tui_cytpix.domain.field_ranges import after
from tui_cytpix.domain.jobs.events import EVENTS, Log
from tui_cytpix.domain.jobs.log_lines import LogLine, Unreadable, line_from, record_of
from tui_cytpix.domain.jobs.specs import JobSpec, spec_from, table_of
from tui_cytpix.domain.jobs.wishes import WISHES
from tui_cytpix.errors import JobError
from tui_cytpix.formats.bytes.atomic import scratch_folder, write_text
from tui_cytpix.formats.bytes.liveness import age_s
from tui_cytpix.formats.bytes.plain_file import open_plain, open_plain_to_write, read_plain, read_toml
from tui_cytpix.formats.run.json_log import LogTail, append_now, encode, read_log

JOB = ".job"  # in an output folder: its jobs, and what these need among them
NOTE_BYTES = 512
PRINTED_BYTES = 64 << 10
LOOKS = "looks"  # the folder of what a training job last saw in the preview, a prediction store
ANOTHER = "another"  # why a job left at once: another one is at work


def _readable(path: Path, read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    try:
        return read()
    except OSError as error:
        raise JobError("A job's log can't be read", f"{path}: {error.strerror}.", "Copy the run again.") from error


class LineTail:
    """Reads what was appended to a job's log since the last look."""

    def __init__(self, path: Path, known: Mapping[str, type[LogLine]]) -> None:
        self._path, self._tail, self._known = path, LogTail(path), known
        self._damage_told = False

    def new(self) -> list[LogLine]:
        """The whole lines since the last call; behind the first damaged one a Log says so.

        Raises:
            JobError: the log can't be read.
        """
        lines: list[LogLine] = []
        for record in _readable(self._path, self._tail.new):
            lines.append(line := line_from(record, self._known))
            if isinstance(line, Unreadable) and not self._damage_told:
                lines.append(Log(line.in_words(), time=time.time()))
                self._damage_told = True
        return lines


class JobFolder:
    """`job.toml` (what to do), `events.jsonl` (written by the job only), `control.jsonl` (written by the app only),
    `heartbeat` (renewed by the job), `output.txt` (what the process printed).
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.events_path = self.path / "events.jsonl"
        self.control_path = self.path / "control.jsonl"
        self.output_path = self.path / "output.txt"
        self._heartbeat = self.path / "heartbeat"
        self._said: int | None = None

    @classmethod
    def create(cls, path: Path, spec: JobSpec) -> JobFolder:
        """Makes the folder and its `job.toml`; nobody ever sees the one without the other.

        Raises:
            FileExistsError: somebody else made it first.
        """
        with scratch_folder(path.parent) as aside:
            try:
                write_text(aside / "job.toml", tomli_w.dumps(table_of(spec)))
                cls(aside).beat()  # room for its last words, should the disk be full by then
            except OSError as error:
                error.filename = str(path)
                raise
            try:
                aside.rename(path)
            except OSError as error:
                if path.exists():
                    raise FileExistsError(str(path)) from error
                raise
        return cls(path)

    @property
    def spec(self) -> JobSpec:
        """The content of `job.toml`.

        Raises:
            JobError: it is missing, not TOML, or damaged.
        """
        path = self.path / "job.toml"
        try:
            data = read_toml(path)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise JobError("This is not a job", f"{path}: {why}.", "Start the job again.") from error
        try:
            return spec_from(data)
        except ValueError as error:
            raise JobError(
                "The job can't be read", f"{path}: {error}.", "Start it again, or update tui-cytpix."
            ) from error

    def emit(self, event: LogLine) -> int:
        """The job says something; returns the line's seq. It alone writes here, so it counts for itself: a long log
        need not be read for each line.
        """
        if self._said is None:
            self._said = self._last(self.events_path)
        self._said = self._append(self.events_path, after(self._said), event, EVENTS)
        return self._said

    def send(self, wish: LogLine) -> int:
        """The app, or a verb beside it, wishes something; returns the line's seq."""
        return self._append(self.control_path, after(self._last(self.control_path)), wish, WISHES)

    def new_events(self) -> LineTail:
        return LineTail(self.events_path, EVENTS)

    def new_wishes(self) -> LineTail:
        return LineTail(self.control_path, WISHES)

    def beat(self, note: str = "") -> None:
        """Tells that the job lives, and what it waits for, if anything. Always as many bytes, written in place: a disk
        that is too full for a line in the log still takes them.
        """
        handle = open_plain_to_write(self._heartbeat)
        try:
            os.pwrite(handle, note.encode()[:NOTE_BYTES].ljust(NOTE_BYTES), 0)
        finally:
            os.close(handle)

    @property
    def note(self) -> str:
        """What the job waits for; empty while it works."""
        try:
            return read_plain(self._heartbeat)[:NOTE_BYTES].decode("utf-8", "ignore").strip()
        except OSError:
            return ""

    def printed(self) -> str:
        """The last that its process printed, up to 64 KiB; empty where there is nothing to read."""
        with contextlib.suppress(OSError), open_plain(self.output_path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - PRINTED_BYTES))
            return file.read(PRINTED_BYTES).decode("utf-8", "replace")
        return ""

    def seconds_since_beat(self) -> float | None:
        """Age of the heartbeat, which begins when the job is made, by the file server's own clock."""
        return age_s(self._heartbeat)

    @staticmethod
    def _last(path: Path) -> int:
        return max((line_from(record, {}).seq for record in _readable(path, lambda: read_log(path)[0])), default=0)

    @staticmethod
    def _append(path: Path, seq: int, line: LogLine, known: Mapping[str, type[LogLine]]) -> int:
        append_now(path, encode(record_of(line, seq, known)))
        return seq
