"""Bytes at an offset, of a file, of a part of a file, or in memory: read in place and by several threads at once."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Protocol

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.plain_file import open_plain


class ByteSource(Protocol):
    """Bytes, `size` of them; reads past the end come back short."""

    @property
    def size(self) -> int: ...

    def read_at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset`."""


class FileBytes:
    """A file, read with `pread`: no shared position, so no lock.

    Raises:
        SampleError: the file can't be opened or read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = open_plain(path)
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise unreadable(path, error) from error

    def read_at(self, offset: int, count: int) -> bytes:
        wanted = max(0, min(count, self.size - offset))
        pieces: list[bytes] = []
        try:
            while wanted > 0:
                piece = os.pread(self._file.fileno(), wanted, offset)
                if not piece:
                    break
                pieces.append(piece)
                wanted -= len(piece)
                offset += len(piece)
        except ValueError as error:
            raise SampleError("The sample was closed", printable(self.path), "Open it again.") from error
        except OSError as error:
            raise unreadable(self.path, error) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        self._file.close()


class PartBytes:
    """`size` bytes of another source, from `offset` on."""

    def __init__(self, source: ByteSource, offset: int, size: int) -> None:
        self._source, self._offset, self.size = source, offset, size

    def read_at(self, offset: int, count: int) -> bytes:
        return self._source.read_at(self._offset + offset, max(0, min(count, self.size - offset)))


class MemoryBytes:
    """A source in memory."""

    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    def read_at(self, offset: int, count: int) -> bytes:
        return self._data[offset : offset + max(0, count)]

    def close(self) -> None:
        """Nothing is to be let go of."""


class SourceFile(io.RawIOBase):
    """A source as the read-only file that `zipfile` wants, with a cap on what one read may allocate."""

    def __init__(self, source: ByteSource, read_limit: int) -> None:
        super().__init__()
        self._source, self._limit, self._at = source, read_limit, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As `io.IOBase.seek`; a position before the start is refused, as on a file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        if base + offset < 0:
            raise OSError("negative seek")
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, the rest without one.

        Raises:
            OSError: more than the limit is asked for.
        """
        rest = max(0, self._source.size - self._at)
        count = rest if size is None or size < 0 else min(size, rest)
        if count > self._limit:
            raise OSError(f"{count} bytes in one piece")
        data = self._source.read_at(self._at, count)
        self._at += len(data)
        return data


def unreadable(path: Path, error: OSError) -> SampleError:
    return SampleError(
        "The file can't be read",
        f"{printable(path)}: {error.strerror or error}.",
        "Check its path, permissions and the disk it lies on.",
    )
