"""A zip archive's index, made once; members are then read in place, from any thread, and never unpacked to disk.

The central directory is read by `zipfile`; members are read here, because `zipfile` shares one file position under a
lock and lets a member grow to whatever its stream says.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.source import ByteSource, SourceFile

INDEX_LIMIT = 512 << 20
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, NotImplementedError, struct.error, OSError, ValueError, OverflowError, EOFError)


class Member(NamedTuple):
    """One member as the index states it; sizes in bytes, and not to be believed before reading."""

    name: str
    header: int
    stored_size: int
    size: int
    method: int
    encrypted: bool
    crc: int

    @property
    def in_place(self) -> bool:
        """True where its bytes lie in the archive as they are."""
        return self.method == zipfile.ZIP_STORED and not self.encrypted and self.stored_size == self.size


class ZipIndex:
    """The files of a zip archive (folders are left out), in the archive's order.

    Args:
        source: the archive's bytes.
        label: the archive's name for messages.

    Raises:
        SampleError: it is no zip archive, or cut off, or damaged.
    """

    def __init__(self, source: ByteSource, label: str) -> None:
        self._source, self.label = source, printable(label)
        start = source.read_at(0, 4)
        if start not in (b"PK\x03\x04", b"PK\x05\x06"):
            what = "is empty" if source.size == 0 else "doesn't start like one"
            raise SampleError(
                "Not a zip archive",
                f"{self.label} {what}.",
                "An .acs file and an image export are zip archives: copy the file again, or give the right one.",
            )
        try:
            with zipfile.ZipFile(SourceFile(source, INDEX_LIMIT)) as archive:
                everything = archive.infolist()  # folders, too, which most programs put first
        except _BROKEN as error:
            raise self._cut_off(str(error)) from error
        infos = [info for info in everything if info.filename[-1:] not in ("", "/")]
        if everything and min(info.header_offset for info in everything) != 0:
            # zipfile takes the last nested archive for the whole one where the rest is missing
            raise self._cut_off("its index belongs to a part of it")
        self.members = tuple(
            Member(
                info.filename.replace("\\", "/"),
                info.header_offset,
                info.compress_size,
                info.file_size,
                info.compress_type,
                bool(info.flag_bits & 1),
                info.CRC,
            )
            for info in infos
        )

    def _cut_off(self, why: str) -> SampleError:
        return SampleError(
            "The archive is cut off or damaged",
            f"{self.label}: {printable(why)}.",
            "Copy it again and compare the sizes; a zip archive's index is at its end.",
        )

    def _bad(self, member: Member, why: str) -> SampleError:
        return SampleError(
            "A member of the archive can't be read",
            f"{self.label}, {printable(member.name)}: {why}.",
            "The others still can; copy the archive again if it shouldn't be so.",
        )

    def data_offset(self, member: Member) -> int:
        """Where the member's bytes begin in the archive.

        Raises:
            SampleError: it is encrypted, or no member begins where the index says.
        """
        if member.encrypted:
            raise self._bad(member, "it is encrypted")
        header = self._source.read_at(member.header, _LOCAL.size)
        if len(header) != _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise self._bad(member, "the index points elsewhere")
        name_size, extra_size = _LOCAL.unpack(header)[-2:]
        offset: int = member.header + _LOCAL.size + name_size + extra_size
        if offset + member.stored_size > self._source.size:
            raise self._bad(member, "it reaches past the archive's end")
        return offset

    def read(self, member: Member, limit: int) -> bytes:
        """The member's content.

        Raises:
            SampleError: it is larger than `limit` bytes, encrypted, packed by an unusual method, cut off, doesn't have
                the size that the index states, or fails its checksum.
        """
        return b"".join(self._pieces(member, limit))

    def copy_to(self, member: Member, target: BinaryIO, limit: int) -> None:
        """Writes the member's content to a file, piece by piece; raises as `read`, and OSError for the target."""
        for piece in self._pieces(member, limit):
            target.write(piece)

    def _pieces(self, member: Member, limit: int) -> Iterator[bytes]:
        if member.size > limit:
            raise self._bad(member, f"{member.size:,} bytes are more than the {limit:,} that are read")
        offset = self.data_offset(member)
        crc, size = 0, 0
        for piece in self._raw(member, offset):
            size += len(piece)
            if size > member.size:
                raise self._bad(member, f"it holds more than the {member.size:,} bytes that the index states")
            crc = zlib.crc32(piece, crc)
            yield piece
        if size != member.size:
            raise self._bad(member, f"it holds {size:,} bytes, not {member.size:,}")
        if crc != member.crc:
            raise self._bad(member, "its checksum is wrong")

    def _raw(self, member: Member, offset: int) -> Iterator[bytes]:
        """Content in pieces; a deflated piece is at most 1 MiB longer than it may be."""
        if member.method == zipfile.ZIP_STORED:
            for at in range(0, member.stored_size, _CHUNK):
                yield self._source.read_at(offset + at, min(_CHUNK, member.stored_size - at))
        elif member.method == zipfile.ZIP_DEFLATED:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                for at in range(0, member.stored_size, _CHUNK):
                    packed = self._source.read_at(offset + at, min(_CHUNK, member.stored_size - at))
                    while packed and not inflater.eof:
                        yield inflater.decompress(packed, _CHUNK)
                        packed = inflater.unconsumed_tail
                while piece := inflater.decompress(b"", _CHUNK):
                    yield piece
            except zlib.error as error:
                raise self._bad(member, f"its packed bytes are damaged ({error})") from error
        else:
            raise self._bad(member, f"packing method {member.method} is not supported")
