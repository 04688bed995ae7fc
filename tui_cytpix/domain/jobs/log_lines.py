"""Lines of the logs by which app and engine talk: what all have in common, and how they are read and written.

Fields that are None are not written. Lines of an unknown type, of a newer version, are read as no more than a line.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tui_cytpix.domain.field_ranges import Moment, Whole, in_range
from tui_cytpix.domain.plain_values import from_plain, to_plain

LINE_VERSION = 1


class LogLine(Struct, frozen=True, kw_only=True):
    """A line of either log; one that is no more than that is of a type that only a newer version knows.

    `seq` is its number in its log, from 1, and `time` when it was written, in seconds since 1970 by the writer's clock;
    both are 0 before that.
    """

    seq: Whole = 0
    time: Moment = 0.0


class Unreadable(LogLine, frozen=True):
    """In place of a damaged line: its type, what is wrong with it, and the request that it is about, 0 for none."""

    type: str
    problem: str
    id: int = 0

    def in_words(self) -> str:
        return f"A line of the job's log can't be read and is passed over: {self.type}: {self.problem}."


def line_from(record: Mapping[str, Any], known: Mapping[str, type[LogLine]]) -> LogLine:
    """The line that a record of a log is, of the types `known` (`events.EVENTS` or `wishes.WISHES`)."""
    name = str(record.get("type"))
    try:
        return from_plain(known.get(name, LogLine), record)
    except ValueError as error:
        seq, about = (n if isinstance(n := record.get(key), int) and in_range(Whole, n) else 0 for key in ("seq", "id"))
        return Unreadable(name, str(error), about, seq=seq)


def record_of(line: LogLine, seq: int, known: Mapping[str, type[LogLine]]) -> dict[str, Any]:
    """What is written of the line, now, as that number of its log: the inverse of `line_from`."""
    name = next(name for name, kind in known.items() if kind is type(line))
    head = {"v": LINE_VERSION, "seq": seq, "time": time.time(), "type": name}
    return {**head, **to_plain(line), **head}
