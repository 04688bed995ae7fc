"""Writes FCS 3.1: a new file, or a copy of an instrument's file with parameters of ours appended.

DATA is streamed in blocks of rows, so that memory doesn't grow with the file.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.errors import FcsError
from tui_cytpix.formats import atomic
from tui_cytpix.formats.fcs_encode import check_added_keywords, choose_delimiter, encode_head

_BLOCK_BYTES = 4 << 20
_NAME = re.compile(r"[ -+\--.0-~]+")  # printable ASCII without comma and slash
NO_CHECKSUM = b"00000000"


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


def write_fcs_new(
    out: Path,
    names: Sequence[str],
    columns: Sequence[NDArray[np.float32]],
    keywords: Mapping[str, str],
    labels: Sequence[str] = (),
) -> None:
    """Writes an FCS 3.1 file of little-endian float32.

    Args:
        out: the file; replaced as a whole.
        names: `$PnN`, unique, printable ASCII without comma and slash.
        columns: one (N,) array per name, linear scale.
        keywords: everything else, in this order; they take precedence over the `$PnR` (the power of two above the
            column's largest value), `$PnS`, `$FIL` and `GUID` set here.
        labels: `$PnS` per name, "" for none.

    Raises:
        FcsError: names, columns or keywords that don't go into one file.
    """
    check_added_keywords(keywords)
    for name in names:
        check_name(name)
    counts = {len(column) for column in columns}
    if not names or len(set(names)) != len(names) or len(names) != len(columns) or len(counts) != 1:
        raise FcsError(
            "No FCS file can be made of these columns",
            f"{len(names)} names ({len(set(names))} different), {len(columns)} columns of {sorted(counts)} events.",
        )
    total = counts.pop()
    text = {
        "$FIL": out.name,
        "GUID": str(uuid.uuid4()),
        "$MODE": "L",
        "$DATATYPE": "F",
        "$BYTEORD": "1,2,3,4",
        "$NEXTDATA": "0",
        "$PAR": str(len(names)),
        "$TOT": str(total),
    }
    for n, (name, column) in enumerate(zip(names, columns, strict=True), start=1):
        finite = column[np.isfinite(column)]
        text |= {f"$P{n}N": name, f"$P{n}B": "32", f"$P{n}E": "0,0"}
        text[f"$P{n}R"] = str(range_above(float(finite.max(initial=0.0))))
        if n <= len(labels) and labels[n - 1]:
            text[f"$P{n}S"] = labels[n - 1]
    text |= keywords
    head = encode_head(text, 4 * len(names) * total, 0, choose_delimiter(text))
    with atomic.replacing(out) as aside, aside.open("wb") as file:
        file.write(head)
        for rows in row_blocks(total, 4 * len(names)):
            file.write(np.stack([np.asarray(c[rows], "<f4") for c in columns], axis=1).tobytes())
        file.write(NO_CHECKSUM)


def row_blocks(total: int, row_bytes: int) -> Iterator[slice]:
    """Slices of rows, each of some megabytes, that cover `total` rows; all but the last a multiple of 8 rows."""
    step = max(8, _BLOCK_BYTES // max(1, row_bytes) // 8 * 8)
    return (slice(start, min(start + step, total)) for start in range(0, total, step))
