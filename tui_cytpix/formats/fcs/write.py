"""Writes FCS 3.1: a new file, or a copy of an instrument's file with parameters of ours appended.

DATA is streamed in blocks of rows, so that memory doesn't grow with the file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import FcsError, refusal
from tui_cytpix.formats.bytes import atomic
from tui_cytpix.formats.bytes.plain_file import open_plain
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.fcs.read_data import stored_column
from tui_cytpix.formats.fcs.write_keywords import (
    NO_GUID,
    ExtraParameter,
    carried_keywords,
    check_name,
    layout_keywords,
    output_kind,
    parameter_keywords,
    range_above,
    with_keywords,
)
from tui_cytpix.formats.fcs.write_text import check_added_keywords, choose_delimiter, encode_head

__all__ = ["ExtraParameter", "range_above", "write_fcs_new", "write_fcs_with"]

_BLOCK_BYTES = 4 << 20
_NO_CHECKSUM = b"00000000"
_OF_THIS_WRITING = ("GUID", "$LAST_MODIFIED")
_NOTHING: Mapping[str, str] = MappingProxyType({})


def write_fcs_new(
    out: Path,
    names: Sequence[str],
    columns: Sequence[NDArray[np.float32]],
    keywords: Mapping[str, str],
) -> None:
    """Writes an FCS 3.1 file of little-endian float32.

    Args:
        out: the file; replaced as a whole.
        names: `$PnN`, unique, printable ASCII without comma and slash.
        columns: one (N,) array per name, linear scale.
        keywords: everything else, in this order; they take precedence over the `$PnR` (the power of two above the
            column's largest value), `$FIL` and `GUID` set here (`_guid`).

    Raises:
        FcsError: names, columns or keywords that don't go into one file; or it can't be written.
    """
    _check_names(names, taken=())
    counts = {len(column) for column in columns}
    if not names or len(names) != len(columns) or len(counts) != 1:
        raise FcsError(
            "No FCS file can be made of these columns",
            f"{len(names)} names, {len(columns)} columns of {sorted(counts)} events.",
        )
    total = counts.pop()
    text = {
        "$FIL": printable(out.name),
        "GUID": NO_GUID,
        **layout_keywords(len(names), total, "F", little_endian=True),
    }
    for n, (name, column) in enumerate(zip(names, columns, strict=True), start=1):
        largest = range_above(float(np.max(column, initial=0.0, where=np.isfinite(column))))
        text |= parameter_keywords(n, name, "", 32, largest)
    blocks = (
        np.stack([np.asarray(column[rows], "<f4") for column in columns], axis=1)
        for rows in _row_blocks(total, 4 * len(names))
    )
    _write(out, text, keywords, 4 * len(names) * total, blocks)


def write_fcs_with(
    source: FcsFile,
    out: Path,
    extra: Sequence[ExtraParameter],
    keywords: Mapping[str, str] = _NOTHING,
    rows: NDArray[np.bool_] | None = None,
) -> None:
    """Writes a copy of an FCS file, as FCS 3.1, with parameters appended.

    Floats stay bit-equal, in their byte order. Integers can't stand beside floats: they become floats that hold every
    value (float64 where float32 is too narrow), logarithmic ones on the linear scale; the old scaling is kept under
    `CYTPIX_SOURCE_...`. ANALYSIS and supplemental TEXT are carried over (the latter's keywords in TEXT).

    Args:
        source: the file that is copied; `out` may take its place.
        out: the file; replaced as a whole.
        extra: the parameters appended.
        keywords: set or added; they may not describe the layout.
        rows: (N,) the events to write; None for all.

    Raises:
        FcsError: parameters or keywords that don't go into this file; a source that changed; or it can't be written.
    """
    _check_names([parameter.name for parameter in extra], taken=source.names)
    for parameter in extra:
        _check_values(parameter, source.event_count)
    kind = output_kind(source)
    total = source.event_count if rows is None else int(np.count_nonzero(rows))
    text = carried_keywords(source, out, kind, extra, total)
    row_bytes = (4 if kind == "F" else 8) * (len(source.parameters) + len(extra))
    tail = {
        "ANALYSIS": source.segment(source.analysis).tobytes() if source.analysis.length else b"",
        "STEXT": source.segment(source.supplement).tobytes() if source.supplement.length else b"",
    }
    blocks = _copied_blocks(source, kind, extra, rows)
    _write(out, text, keywords, row_bytes * total, blocks, tail, source.delimiter)


def _write(
    out: Path,
    text: Mapping[str, str],
    keywords: Mapping[str, str],
    data_bytes: int,
    blocks: Iterator[NDArray[Any]],
    tail: Mapping[str, bytes] = MappingProxyType({}),
    delimiter: str = "/",
) -> None:
    check_added_keywords(keywords)
    text = with_keywords(text, keywords)
    lengths = {"DATA": data_bytes} | {name: len(content) for name, content in tail.items()}
    delimiter = choose_delimiter(text, delimiter)
    head = encode_head(text, lengths, delimiter)
    told = hashlib.sha256(repr([one for one in text.items() if one[0] not in _OF_THIS_WRITING]).encode())
    try:
        with atomic.replacing(out) as aside, aside.open("wb") as file:
            atomic.reserve(file, len(head) + sum(lengths.values()) + len(_NO_CHECKSUM), out)
            file.write(head)
            for content in itertools.chain((block.tobytes() for block in blocks), tail.values()):
                told.update(content)
                file.write(content)
            file.write(_NO_CHECKSUM)
            if text.get("GUID") == NO_GUID:
                key = f"{delimiter}GUID{delimiter}"
                file.seek(head.index(f"{key}{NO_GUID}".encode()) + len(key))
                file.write(_guid(told.hexdigest()).encode())
    except OSError as error:
        raise FcsError(*refusal(error, out, "The FCS file can't be written", "Check the folder.")) from error


def _guid(told: str) -> str:
    """Of the hash of all that a file tells, but for when it was written: what is written again has the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, told))


def _copied_blocks(
    source: FcsFile, kind: str, extra: Sequence[ExtraParameter], rows: NDArray[np.bool_] | None
) -> Iterator[NDArray[Any]]:
    """DATA of the copy, some thousand rows at a time."""
    layout, own = source.layout, len(source.parameters)
    dtype = np.dtype(("<" if layout.little_endian else ">") + ("f4" if kind == "F" else "f8"))
    as_stored = set(layout.types) == {kind}
    with open_plain(source.path) as file:
        for at in _row_blocks(source.event_count, dtype.itemsize * (own + len(extra))):
            first, last = at.start * layout.event_bits // 8, -(-at.stop * layout.event_bits // 8)
            file.seek(source.offset + layout.begin + first)
            stored = np.fromfile(file, np.uint8, last - first)
            if len(stored) != last - first:
                raise FcsError("The FCS file changed while it was read", f"{source.path.name} became shorter.")
            block = np.empty((at.stop - at.start, own + len(extra)), dtype)
            if as_stored:  # bytes, not numbers: the bits of a NaN stay too
                block.view(np.uint8)[:, : layout.event_bits // 8] = stored.reshape(len(block), -1)
            else:
                part = dataclasses.replace(layout, events=len(block))
                with np.errstate(over="ignore"):
                    for i in range(own):
                        block[:, i] = _exact(source, i, stored_column(stored, part, i))
            for i, added in enumerate(extra, start=own):
                block[:, i] = np.nan_to_num(added.values[at], nan=0.0, posinf=0.0, neginf=0.0)
            yield block if rows is None else block[rows[at]]


def _exact(source: FcsFile, index: int, stored: NDArray[Any]) -> NDArray[Any]:
    """The values of a column as floats: linear where it was logarithmic, else the stored numbers."""
    parameter = source.parameters[index]
    if parameter.is_logarithmic:
        return parameter.linear(stored)
    if stored.dtype == np.uint64 and stored.max(initial=0) > 1 << 53:
        raise FcsError(
            "The FCS file can't be copied without loss",
            f"{source.path.name}: {parameter.name} holds {stored.max()}, more than floating point holds exactly.",
        )
    return stored


def _row_blocks(total: int, row_bytes: int) -> Iterator[slice]:
    """Slices of rows, each of some megabytes, that cover `total` rows; they start at multiples of 8 rows."""
    step = max(8, _BLOCK_BYTES // row_bytes // 8 * 8)
    return (slice(start, min(start + step, total)) for start in range(0, total, step))


def _check_names(names: Sequence[str], taken: Sequence[str]) -> None:
    for name in names:
        check_name(name)
    everything = [name.upper() for name in (*taken, *names)]
    if twice := [name for name in names if everything.count(name.upper()) > 1]:
        raise FcsError(
            "FCS parameter names must differ",
            f"Already there: {', '.join(twice)}.",
            "Choose another prefix.",
        )


def _check_values(parameter: ExtraParameter, events: int) -> None:
    values = parameter.values
    if values.shape != (events,):
        raise FcsError(
            f"{parameter.name} doesn't fit the FCS file", f"It has {values.shape} values for {events} events."
        )
