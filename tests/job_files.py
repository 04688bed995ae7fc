"""Job folders as the files that they are, for tests that look at them past the code which app and engine share."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from msgspec import structs

from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.formats.run.json_log import append_now, encode, read_log


def create(path: Path, table: Mapping[str, Any]) -> JobFolder:
    """A job of which `job.toml` holds just that."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "job.toml").write_text(tomli_w.dumps(dict(table)), "utf-8")
    return JobFolder(path)


def events(job: JobFolder) -> list[dict[str, Any]]:
    """The records of `events.jsonl`."""
    return read_log(job.events_path)[0]


def wishes(job: JobFolder) -> list[dict[str, Any]]:
    """The records of `control.jsonl`."""
    return read_log(job.control_path)[0]


def bare(lines: Iterable[LogLine]) -> list[LogLine]:
    """The lines without their numbers and times."""
    return [structs.replace(line, seq=0, time=0.0) for line in lines]


def wish(job: JobFolder, kind: str, **fields: Any) -> int:
    """Writes a record of any type into `control.jsonl`; returns its seq."""
    return _append(job.control_path, kind, fields)


def say(job: JobFolder, kind: str, **fields: Any) -> int:
    """Writes a record of any type into `events.jsonl`; returns its seq."""
    return _append(job.events_path, kind, fields)


def _append(path: Path, kind: str, fields: Mapping[str, Any]) -> int:
    seq = len(read_log(path)[0]) + 1
    append_now(path, encode({"v": 1, "seq": seq, "time": time.time(), "type": kind, **fields}))
    return seq
