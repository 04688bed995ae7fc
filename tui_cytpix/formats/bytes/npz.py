"""NumPy's files of arrays, read without trust: whatever is wrong with one is a ValueError, and no array is made before
its stated size was held against the bytes that are there.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.formats.bytes.plain_file import open_plain

MOST_BYTES = 512 << 20  # of all arrays of a file
MOST_ARRAYS = 10_000
_KINDS = "biufU"  # plain numbers, and text
_READERS: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npz(path: Path, most: int = MOST_BYTES) -> dict[str, NDArray[Any]]:
    """All arrays by name.

    Raises:
        ValueError: not such an archive, damaged, or with more than `most` bytes.
        OSError: the file can't be read.
    """
    with open_plain(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                infos = archive.infolist()
                if len(infos) > MOST_ARRAYS or sum(info.file_size for info in infos) > most:
                    raise ValueError(f"it states more than the {most:,} bytes that are read")
                found = {}
                for info in infos:
                    with archive.open(info) as member:
                        found[info.filename.removesuffix(".npy")] = _array(member, info.file_size)
                return found
        except Exception as error:  # zipfile, zlib and NumPy raise almost anything on damaged bytes
            raise _damaged(error) from error


def read_npy(path: Path, most: int = MOST_BYTES) -> NDArray[Any]:
    """The one array of a file; raises as `read_npz`."""
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise ValueError(f"it has more than the {most:,} bytes that are read")
        try:
            return _array(file, size)
        except Exception as error:  # as above
            raise _damaged(error) from error


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    """The array of `size` bytes, header and all; what the header states is believed only where that is its size."""
    read = _READERS.get(np.lib.format.read_magic(file))
    if read is None:
        raise ValueError("an array of a newer version of the format")
    shape, by_columns, dtype = read(file)
    if dtype.kind not in _KINDS or not all(isinstance(length, int) and length >= 0 for length in shape):
        raise ValueError(f"an array of {dtype}, {shape}")
    if math.prod(shape) > size or file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"an array states {shape} {dtype} and has {size:,} bytes with its header")
    array = np.empty(math.prod(shape), dtype)
    if (array.nbytes and file.readinto(array.view(np.uint8)) != array.nbytes) or file.read(1):  # type: ignore[attr-defined]
        raise ValueError("an array ends before its end")
    return array.reshape(shape, order="F" if by_columns else "C")


def _damaged(error: Exception) -> ValueError:
    return ValueError(str(error) or type(error).__name__)
