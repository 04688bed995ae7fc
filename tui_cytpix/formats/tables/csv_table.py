"""Tables as CSV: UTF-8, one header line, a point as decimal sign, empty where there is no value."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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


class CsvTable:
    """Streams lines (`csv_rows`) into a file that appears, whole, when the block ends without an error."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path, self._columns = path, list(columns)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        aside = self._stack.enter_context(replacing(self._path))
        self._file = self._stack.enter_context(aside.open("w", encoding="utf-8", newline=""))
        self.append(_texts(self._columns) + _LINE_END)
        return self

    def append(self, lines: str) -> None:
        """Adds lines."""
        self._file.write(lines)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)
