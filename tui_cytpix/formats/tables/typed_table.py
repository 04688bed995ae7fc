"""What a table has whose columns are of types: Parquet, AnnData."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.table import FEATURES
from tui_cytpix.errors import CytpixError, refusal


@dataclass(frozen=True)
class Column:
    """Of numbers: `unit` "" for none."""

    name: str
    unit: str = ""
    label: str = ""


@dataclass(frozen=True)
class TableHead:
    """The columns, texts first, then numbers, then flags; and `about` the table: how it came about."""

    texts: tuple[str, ...]
    numbers: tuple[Column, ...]
    flags: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows: `texts` a sequence for each column, `numbers` float64 (N, F), NaN where there is no value, `flags`
    bool (N, G), None for no such columns.
    """

    texts: Sequence[Sequence[str]]
    numbers: NDArray[np.float64]
    flags: NDArray[np.bool_] | None = None


def feature_columns(level: str) -> tuple[Column, ...]:
    """Of a level's features (core.features.table)."""
    return tuple(
        Column(one.name, "" if one.unit in ("1", "bool") else one.unit, one.label)
        for one in FEATURES
        if level in one.levels
    )


@contextlib.contextmanager
def telling(path: Path) -> Iterator[None]:
    """Says in one sentence why a table can't be written.

    Raises:
        CytpixError: the disk refused.
    """
    try:
        yield
    except OSError as error:
        error.filename = str(path)  # not the name that it is written aside under
        raise CytpixError(*refusal(error, path, "The table can't be written", "Check the folder.")) from error
