"""The parts of a large tube: what was found in some thousand images, kept until all parts are there. So several jobs
share a tube, and one that was killed goes on where it was.

A part is a file beside the tube's record (`formats.run.tube_records.parts_of`): for which work it was made, then one
chunk's result after another, each with its length before it. One job alone makes the same parts: what is put together
does not tell how many there were.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.plain_values import packed, unpacked
from tui_cytpix.engine.process.worker import ChunkResult, Equipment
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.bytes.atomic import replacing
from tui_cytpix.formats.bytes.plain_file import open_plain
from tui_cytpix.formats.outputs.registry import OUTPUTS
from tui_cytpix.formats.run.lease import Lease
from tui_cytpix.formats.run.tube_records import part_lease, parts_of

PART = 16384  # images: half a minute of a large machine
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, eq=False)
class _Kept:
    """A `ChunkResult`; what formats made of it is unpacked as the type that each says."""

    problems: list[str]
    digests: list[str]
    values: NDArray[np.float32]
    levels: list[float]
    encoded: dict[str, bytes]
    equipment: Equipment


class TubeParts:
    """Of a tube of so many images, for `work`: a hash of all that decides what is found."""

    def __init__(self, out: Path, name: str, work: str, images: int) -> None:
        self._out, self._name, self._work = out, name, work.encode()
        self.images = [slice(start, min(start + PART, images)) for start in range(0, images, PART)]

    @property
    def several(self) -> bool:
        return len(self.images) > 1

    def missing(self) -> list[int]:
        return [part for part in range(len(self.images)) if not self.has(part)]

    def has(self, part: int) -> bool:
        """Whether it was made, for this work."""
        try:
            with open_plain(self._path(part)) as file:
                return _next(file) == self._work
        except (OSError, ValueError):
            return False

    def lease(self, part: int) -> Lease:
        """Of who makes it.

        Raises:
            OSError: there can't be any.
        """
        parts_of(self._out, self._name).mkdir(parents=True, exist_ok=True)
        return part_lease(self._out, self._name, part)

    def keep(self, part: int, results: Iterable[ChunkResult]) -> None:
        """Raises:
        CytpixError, OSError: it can't be written, or the results can't be had.
        """
        with replacing(self._path(part)) as aside, aside.open("wb") as file:
            _add(file, self._work)
            for result in results:
                _add(file, _encoded(result))

    def results(self, part: int) -> Iterator[ChunkResult]:
        """What is kept of a part.

        Raises:
            CytpixError: it is damaged; then it is removed, so that it is made again.
            OSError: it can't be read.
        """
        path = self._path(part)
        try:
            with open_plain(path) as file:
                content = _next(file)
                while (content := _next(file)) is not None:
                    yield _decoded(content)
        except (ValueError, KeyError) as error:
            path.unlink(missing_ok=True)
            raise CytpixError("A part of the tube is damaged", f"{path}, which is removed.", "Start again.") from error

    def _path(self, part: int) -> Path:
        return parts_of(self._out, self._name) / str(part)


def _add(file: IO[bytes], content: bytes) -> None:
    file.write(_LENGTH.pack(len(content)) + content)


def _next(file: IO[bytes]) -> bytes | None:
    """Raises:
    ValueError: the file ends before it should.
    """
    length = file.read(_LENGTH.size)
    if not length:
        return None
    if len(length) < _LENGTH.size:
        raise ValueError("cut off")
    (size,) = _LENGTH.unpack(length)
    at = file.tell()
    if size > file.seek(0, 2) - at:
        raise ValueError("cut off")
    file.seek(at)
    return file.read(size)


def _encoded(result: ChunkResult) -> bytes:
    encoded = {name: packed(found) for name, found in result.encoded.items()}
    return packed(_Kept(result.problems, result.digests, result.values, result.levels, encoded, result.equipment))


def _decoded(content: bytes) -> ChunkResult:
    kept = unpacked(_Kept, content)
    encoded = {name: unpacked(OUTPUTS[name].encoded, found) for name, found in kept.encoded.items()}
    return ChunkResult(kept.problems, kept.digests, kept.values, kept.levels, encoded, kept.equipment)
