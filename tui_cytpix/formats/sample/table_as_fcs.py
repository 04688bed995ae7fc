"""The event table of a sample that has no FCS, as one: so its events are plotted, gated and exported as any other's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.formats.fcs.read import FcsFile, read_fcs
from tui_cytpix.formats.fcs.write import write_fcs_new


def table_as_fcs(path: Path, columns: Mapping[str, NDArray[Any]], keywords: Mapping[str, str]) -> FcsFile:
    """Writes and opens it: numbers as float32, what is missing as 0.

    Args:
        path: of the file.
        columns: (N,) numbers, by the names of their parameters; of those `Event` is the image's id.

    Raises:
        FcsError: it can't be written.
    """
    with np.errstate(over="ignore"):
        values = [np.nan_to_num(np.asarray(column, np.float32)) for column in columns.values()]
    write_fcs_new(path, tuple(columns), values, keywords)
    return read_fcs(path)
