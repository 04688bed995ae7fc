"""The keywords of an FCS file that we write: those of the source, with what has to change."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tui_cytpix
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import FcsError
from tui_cytpix.formats.fcs.read import FcsFile

NO_GUID = "00000000-0000-0000-0000-000000000000"  # until all that is written is known
SOURCE_PREFIX = "CYTPIX_SOURCE_"
_NAME = re.compile(r"[!-+\--.0-~]([ -+\--.0-~]*[!-+\--.0-~])?")  # printable ASCII without comma, slash, outer blanks
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, eq=False)
class ExtraParameter:
    """A parameter of ours, appended to the instrument's.

    Attributes:
        name: `$PnN`, printable ASCII without comma and slash.
        unit: `$PnS`, "" for none.
        values: float32, (N,), one per event of the source; what isn't finite is written as 0.
        range: `$PnR`: how far an axis should go that shows the values; floats are written as they are, also beyond.
    """

    name: str
    unit: str
    values: NDArray[np.float32]
    range: int


def range_above(largest: float) -> int:
    """The smallest power of two above `largest`, at least 2: a `$PnR` for values up to it."""
    return 1 << max(1, int(max(largest, 0.0)).bit_length())


def check_name(name: str) -> None:
    """Refuses a parameter name that readers stumble over.

    Raises:
        FcsError: the name is empty, not printable ASCII, or has a comma or a slash.
    """
    if _NAME.fullmatch(name) is None:
        raise FcsError(
            "This FCS parameter name can't be used",
            f"{name!r} must be printable ASCII without comma and slash.",
            "Choose another name or prefix.",
        )


def parameter_keywords(number: int, name: str, label: str, bits: int, largest: int) -> dict[str, str]:
    """`$PnB`, `E`, `R`, `N` and, unless empty, `S` of a linear parameter."""
    key = f"$P{number}"
    found = {f"{key}B": str(bits), f"{key}E": "0,0", f"{key}R": str(largest), f"{key}N": name}
    return found | ({f"{key}S": label} if label else {})


def layout_keywords(parameters: int, events: int, kind: str, little_endian: bool) -> dict[str, str]:
    """What TEXT must say about DATA, offsets apart; `kind` F or D."""
    return {
        "$MODE": "L",
        "$DATATYPE": kind,
        "$BYTEORD": "1,2,3,4" if little_endian else "4,3,2,1",
        "$NEXTDATA": "0",
        "$PAR": str(parameters),
        "$TOT": str(events),
    }


def output_kind(source: FcsFile) -> str:
    """The float type that holds every value of the source: F, or D where float32 is too narrow."""
    kinds = set(source.layout.types)
    linear = [m for p, m in zip(source.parameters, source.layout.masks, strict=True) if not p.is_logarithmic]
    return "D" if "D" in kinds or max(linear, default=0) >= 1 << 24 else "F"


def carried_keywords(
    source: FcsFile, out: Path, kind: str, extra: Sequence[ExtraParameter], events: int
) -> dict[str, str]:
    """The source's keywords, in their order, made to fit the file that is written.

    What is overwritten and tells something is kept under `CYTPIX_SOURCE_...`, once: the value of the first source in a
    chain of copies stays.

    Args:
        source: the file that is copied.
        out: the file that is written.
        kind: its `$DATATYPE`.
        extra: the parameters appended.
        events: those written.
    """
    count = len(source.parameters)
    beyond = re.compile(r"\$P([0-9]{1,9})[A-Z]+")
    old = {
        key: value
        for key, value in source.text.items()
        if not ((found := beyond.fullmatch(key)) and not 1 <= int(found[1]) <= count)
    }
    new = layout_keywords(count + len(extra), events, kind, source.layout.little_endian)
    for n in range(1, count + 1):
        new |= _linearised(source, n, kind)
        old.pop(f"$P{n}DATATYPE", None)
    for n, parameter in enumerate(extra, start=count + 1):
        bits = 32 if kind == "F" else 64
        new |= parameter_keywords(n, parameter.name, parameter.unit, bits, parameter.range)
        new[f"$P{n}D"] = f"Linear,0,{parameter.range}"
    changed = events != source.event_count or any(p.is_logarithmic for p in source.parameters)
    new |= {
        "$FIL": printable(out.name),
        "GUID": NO_GUID,
        "$ORIGINALITY": "DataModified" if changed else "Appended",
        "$LAST_MODIFIED": _timestamp(datetime.datetime.now()),
        "$LAST_MODIFIER": f"tui-cytpix {tui_cytpix.__version__}",
    }
    quiet = {"$PAR", "$MODE", "$NEXTDATA", "$BYTEORD"} | ({"$TOT"} if events == source.event_count else set())
    kept = {
        SOURCE_PREFIX + key.removeprefix("$"): old[key]
        for key, value in new.items()
        if key not in quiet and old.get(key, "").strip() not in ("", value)
    }
    return with_keywords(old, new | {key: value for key, value in kept.items() if key not in old})


def with_keywords(keywords: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Keywords with others set; FCS keywords are the same in capitals and small letters."""
    names = {key.upper() for key in more}
    return {**{key: value for key, value in keywords.items() if key.upper() not in names or key in more}, **more}


def _linearised(source: FcsFile, number: int, kind: str) -> dict[str, str]:
    """What changes for a parameter of the source: nothing where it keeps its float type."""
    parameter, mask, key = source.parameters[number - 1], source.layout.masks[number - 1], f"$P{number}"
    found = {} if source.text.get(f"{key}N", "").strip() else {f"{key}N": parameter.name}
    if parameter.kind == kind:
        return found | ({} if f"{key}E" in source.text else {f"{key}E": "0,0"})
    found |= {f"{key}B": "32" if kind == "F" else "64", f"{key}E": "0,0"}
    if parameter.is_logarithmic:
        found[f"{key}R"] = str(math.ceil(parameter.lowest * 10.0**parameter.decades))
        found[f"{key}G"] = "1"
    elif parameter.range <= 0:
        found[f"{key}R"] = str(mask + 1)
    return found


def _timestamp(time: datetime.datetime) -> str:
    """`dd-mmm-yyyy hh:mm:ss.cc`, as FCS 3.1 has it, in any locale."""
    return f"{time:%d}-{_MONTHS[time.month - 1]}-{time:%Y %H:%M:%S}.{time.microsecond // 10_000:02d}"
