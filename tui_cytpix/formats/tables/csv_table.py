"""Tables as CSV: UTF-8, one header line, a point as decimal sign, empty where there is no value."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.formats.bytes.atomic import replacing

_LINE_END = "\r\n"  # RFC 4180


def csv_rows(heads: Sequence[Sequence[str]], values: NDArray[np.floating[Any]]) -> str:
    """Lines of a table: of each row its head, texts, then its values (N, F) with 9 digits; NaN is empty."""
    cells = ",".join(["%.9g"] * values.shape[1])
    return "".join(
        f"{_texts(head)},{(cells % tuple(row)).replace('nan', '')}{_LINE_END}"
        for head, row in zip(heads, values.tolist(), strict=True)
    )


def _texts(texts: Sequence[str]) -> str:
    return ",".join(_quoted(text) for text in texts)


def _quoted(text: str) -> str:
    if any(c in text for c in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


@contextlib.contextmanager
def csv_table(path: Path, columns: Sequence[str]) -> Iterator[TextIO]:
    """A file for lines (`csv_rows`) below its header line; it appears, whole, when the block ends without an error."""
    with replacing(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        file.write(_texts(columns) + _LINE_END)
        yield file
