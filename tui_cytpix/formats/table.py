"""Tables as CSV: UTF-8, one header line, a point as decimal sign, empty where there is no value."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tui_cytpix.formats.atomic import replacing


class CsvTable:
    """Streams rows into a file that appears, whole, when the block ends without an error."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path, self._columns = path, list(columns)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        aside = self._stack.enter_context(replacing(self._path))
        file = self._stack.enter_context(aside.open("w", encoding="utf-8", newline=""))
        self._writer = csv.writer(file)
        self._writer.writerow(self._columns)
        return self

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds a row; columns that `row` lacks, None and NaN stay empty."""
        self._writer.writerow([_cell(row.get(column)) for column in self._columns])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)


def _cell(value: Any) -> Any:
    if isinstance(value, np.floating):
        value = float(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.9g}" if isinstance(value, float) else value
