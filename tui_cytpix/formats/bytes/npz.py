"""NumPy's archives of arrays, read without trust: whatever is wrong with one is a ValueError."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What zipfile and NumPy were seen to raise on damaged bytes; RuntimeError: they say "encrypted", or "not supported".
_DAMAGED = (ValueError, KeyError, EOFError, MemoryError, OverflowError, RuntimeError, zipfile.BadZipFile, zlib.error)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays by name.

    Raises:
        ValueError: not such an archive, or damaged.
        OSError: the file can't be read.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except _DAMAGED as error:
        raise ValueError(str(error)) from error
