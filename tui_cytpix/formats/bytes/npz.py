"""NumPy's files of arrays, read without trust: whatever is wrong with the bytes of one is a ValueError, and no array is
made before its stated size was held against the bytes that are there.
"""

from __future__ import annotations

import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.formats.bytes.plain_file import open_plain

MOST_BYTES = 512 << 20  # of all arrays of a file
MOST_ARRAYS = 10_000
_PIECE = 1 << 20
_KINDS = "biufU"  # plain numbers, and text
# What zipfile, its decompressors and NumPy's headers, which are Python's syntax, raise on damaged bytes; lack of memory
# is none of it, nor is a fault of ours (AttributeError, NameError, ...).
_OF_BYTES = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    SyntaxError,
    EOFError,
    RuntimeError,  # also of nesting, and of what zipfile knows and doesn't read
    struct.error,
    zlib.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
)
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
                if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
                    raise ValueError("it is packed in a way that NumPy never uses")
                found = {}
                for info in infos:
                    with archive.open(info) as member:
                        found[info.filename.removesuffix(".npy")] = _array(member, info.file_size)
                return found
        except _OF_BYTES as error:
            raise _damaged(error) from error


def read_npy(path: Path, most: int = MOST_BYTES) -> NDArray[Any]:
    """The one array of a file; raises as `read_npz`."""
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise ValueError(f"it has more than the {most:,} bytes that are read")
        try:
            return _array(file, size)
        except _OF_BYTES as error:
            raise _damaged(error) from error


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    """The array of `size` bytes, header and all; what the header states is believed only where that is its size."""
    read = _READERS.get(np.lib.format.read_magic(file))
    if read is None:
        raise ValueError("an array of a newer version of the format")
    try:
        shape, by_columns, dtype = read(file)
    except MemoryError as error:  # what Python's parser says of deep nesting; a header has 10,000 characters at most
        raise ValueError("its header is nested too deeply") from error
    if dtype.kind not in _KINDS or not all(isinstance(length, int) and length >= 0 for length in shape):
        raise ValueError(f"an array of {dtype}, {shape}")
    if math.prod(shape) > size or file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"an array states {shape} {dtype} and has {size:,} bytes with its header")
    array = np.empty(math.prod(shape), dtype)
    rest = array.view(np.uint8) if array.nbytes else array[:0]
    while len(rest):  # in pieces: a zip archive's member makes a copy or two of what is asked for at once
        got = file.readinto(rest[:_PIECE])  # type: ignore[attr-defined]
        if not got:
            raise ValueError("an array ends before its end")
        rest = rest[got:]
    if file.read(1):
        raise ValueError("an array has more bytes than it states")
    return array.reshape(shape, order="F" if by_columns else "C")


def _damaged(error: Exception) -> ValueError:
    return ValueError(str(error) or type(error).__name__)
