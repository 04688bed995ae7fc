"""The pages of a TIFF or BigTIFF, found without decoding them; each can be had as a TIFF file of its own, its pixels
packed as they are, so that a page of a stack costs what it holds.

Sources: TIFF 6.0 specification (Adobe, 1992); BigTIFF design (Aware Systems).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.limits import MAX_IMAGE_BYTES, MAX_PIXELS
from tui_cytpix.formats.bytes.read_plain_tiff import (
    BITS,
    COMPRESSION,
    HEIGHT,
    REDUCED,
    SAMPLE_FORMAT,
    SAMPLES,
    STRIP_BYTES,
    STRIPS,
    SUBFILE,
    TILE_WIDTH,
    WIDTH,
)
from tui_cytpix.formats.bytes.source import ByteSource

MAX_PAGES = 1 << 20
_MOST_LOOKED_AT = 16
MAX_TAGS = 1024
MAX_TEXT = 64 << 20
MAX_TAG = 1 << 20
DESCRIPTION, PAGE_NAME, X_RESOLUTION = 270, 285, 282
_FLOAT = 3  # of SAMPLE_FORMAT
_TILES, _TILE_BYTES = 324, 325
_LONG = 4
# What tells how pixels are packed and meant: photometric, fill order, orientation, rows of a strip, planes, predictor,
# fax options, colour map, tile size, extra samples, JPEG tables, YCbCr.
_KEPT = (
    *(WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, SAMPLE_FORMAT, TILE_WIDTH),
    *(262, 266, 274, 278, 284, 292, 293, 317, 320, 323, 338, 347, 529, 530, 531, 532),
)
_BYTES_OF_KIND = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


@dataclass(frozen=True)
class Tag:
    """`values` are the bytes in the directory, which are the value itself where it has room there."""

    kind: int
    count: int
    values: bytes

    @property
    def size(self) -> int:
        return self.count * _BYTES_OF_KIND.get(self.kind, 0)


@dataclass(frozen=True)
class TiffPage:
    """A directory: its tags by number; `shift`, bytes, is added to where its pixels are."""

    tags: dict[int, Tag]
    shift: int = 0


class TiffPages:
    """The directories of a TIFF, in order, thumbnails (reduced images) among them.

    Raises:
        SampleError: it is no TIFF, or its directories are damaged.

    Attributes:
        has_more: whether there are pages after the first `most`.
    """

    def __init__(self, source: ByteSource, label: str, most: int = MAX_PAGES) -> None:
        self._source, self._label = source, label
        head = source.read_at(0, 16)
        self._order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        version = struct.unpack_from(f"{self._order}H", head, 2)[0] if self._order and len(head) >= 8 else 0
        if version not in (42, 43) or (version == 43 and len(head) < 16):
            raise self._bad("it is no TIFF")
        self._big = version == 43
        at = self._unpack("Q" if self._big else "I", head, 8 if self._big else 4)
        if not at:
            raise self._bad("it has no page")
        self.pages: list[TiffPage] = []
        seen: set[int] = set()
        while at and len(self.pages) < most:
            if at in seen:
                raise self._bad(f"its directories go round in a circle after page {len(self.pages)}")
            seen.add(at)
            page, at = self._directory(at)
            self.pages.append(page)
        self.has_more = at != 0
        if self.has_more and most == MAX_PAGES:
            raise self._bad(f"it has more than {MAX_PAGES:,} pages")

    def _unpack(self, letter: str, data: bytes, at: int) -> int:
        return int(struct.unpack_from(self._order + letter, data, at)[0])

    def _directory(self, at: int) -> tuple[TiffPage, int]:
        counted, entry, room, link = ("Q", 20, 8, "Q") if self._big else ("H", 12, 4, "I")
        head = struct.calcsize(counted)
        data = self._source.read_at(at, head + 32 * entry + room)  # of most pages all
        number = len(self.pages) + 1
        if len(data) < head:
            raise self._bad(f"the directory of page {number} lies past its end")
        count = self._unpack(counted, data, 0)
        end = head + count * entry
        if not 0 < count <= MAX_TAGS:
            raise self._bad(f"the directory of page {number} states {count} tags")
        if end + room > len(data):
            data = self._source.read_at(at, end + room)
        if end + room > len(data):
            raise self._bad(f"the directory of page {number} reaches past its end")
        tags = {}
        for place in range(head, end, entry):
            tag, kind, values = struct.unpack_from(f"{self._order}HH{'Q' if self._big else 'I'}", data, place)
            tags[tag] = Tag(kind, values, data[place + entry - room : place + entry])
        return TiffPage(tags), self._unpack(link, data, end)

    def is_reduced(self, page: TiffPage) -> bool:
        """True for a thumbnail, a smaller copy of another page, or a mask of one."""
        return bool(self.number(page, SUBFILE, 0) & REDUCED)

    def is_float(self, page: TiffPage) -> bool:
        return self.number(page, SAMPLE_FORMAT, 1) == _FLOAT

    def number(self, page: TiffPage, tag: int, default: int) -> int:
        """The first value of a tag of whole numbers."""
        values = self._numbers(page, tag, most=1)
        return values[0] if values else default

    def text(self, page: TiffPage, tag: int) -> str:
        """A tag of characters, "" where there is none."""
        found = page.tags.get(tag)
        if found is None or found.kind not in (1, 2, 7) or found.size > MAX_TEXT:
            return ""
        return self._value(found, found.size).split(b"\0")[0].decode("utf-8", "replace")

    def ratio(self, page: TiffPage, tag: int) -> float:
        """A tag that is a fraction, 0 where there is none."""
        found = page.tags.get(tag)
        if found is None or found.kind != 5 or found.count < 1:
            return 0.0
        data = self._value(found, 8)
        below = self._unpack("I", data, 4)
        return self._unpack("I", data, 0) / below if below else 0.0

    def _value(self, tag: Tag, size: int) -> bytes:
        """The first `size` bytes of a tag's value."""
        if tag.size <= len(tag.values):
            return tag.values[:size]
        place = self._unpack("Q" if self._big else "I", tag.values, 0)
        data = self._source.read_at(place, size)
        if len(data) < size:
            raise self._bad("a tag's value reaches past its end: it is cut off")
        return data

    def _numbers(self, page: TiffPage, tag: int, most: int) -> tuple[int, ...]:
        found = page.tags.get(tag)
        if found is None or found.kind not in _LETTERS:
            return ()
        count = min(found.count, most)
        data = self._value(found, count * _BYTES_OF_KIND[found.kind])
        return struct.unpack(f"{self._order}{count}{_LETTERS[found.kind]}", data)

    def shape(self, page: TiffPage) -> tuple[int, int]:
        """(height, width); SampleError where that isn't stated, or is more than is read."""
        height, width = self.number(page, HEIGHT, 0), self.number(page, WIDTH, 0)
        if not height * width:
            raise self._bad("a page without a size")
        if height * width > MAX_PIXELS:
            raise self._bad(f"a page of {width} x {height} pixels: more than the {MAX_PIXELS:,} that are read")
        return height, width

    def stored(self, page: TiffPage) -> int:
        """How many bytes a page's pixels are as they are packed, -1 where that can't be told."""
        try:
            return sum(count for _, count in self._pieces(page))
        except SampleError:
            return -1

    def plain_floats(self, page: TiffPage) -> NDArray[np.floating[Any]] | None:
        """(H, W) of an uncompressed page of floating-point numbers, None where it is of another kind."""
        kind = {16: "f2", 32: "f4", 64: "f8"}.get(self.number(page, BITS, 1))
        one = self.is_float(page) and self.number(page, SAMPLES, 1) == 1
        if kind is None or not one or self.number(page, COMPRESSION, 1) != 1 or _TILES in page.tags:
            return None
        height, width = self.shape(page)
        data = b"".join(self._source.read_at(*piece) for piece in self._pieces(page))
        if len(data) != height * width * np.dtype(kind).itemsize:
            raise self._bad("a page has other than the pixels that it states")
        return np.frombuffer(data, self._order + kind).reshape(height, width).astype(kind)

    def shifted(self, page: TiffPage, number: int) -> list[TiffPage]:
        """`number` pages like this one whose pixels follow one another, as ImageJ writes stacks under one directory.

        Raises:
            SampleError: it is compressed, or the file ends before.
        """
        pieces = self._pieces(page)
        size = sum(count for _, count in pieces)
        if self.number(page, COMPRESSION, 1) != 1 or not 0 < number <= MAX_PAGES:
            raise self._bad(f"its one directory stands for {number} pages in a way that is not read")
        if pieces[0][0] + number * size > self._source.size:
            raise self._bad(f"of {number} pages that it states some are missing: it is cut off")
        return [TiffPage(page.tags, place * size) for place in range(number)]

    def _pieces(self, page: TiffPage) -> list[tuple[int, int]]:
        """(offset, bytes) of strips or tiles, checked against what is read at most."""
        tiled = _TILES in page.tags
        places, sizes = (_TILES, _TILE_BYTES) if tiled else (STRIPS, STRIP_BYTES)
        most = MAX_PIXELS // 16
        offsets, counts = self._numbers(page, places, most), self._numbers(page, sizes, most)
        if not offsets or len(offsets) != len(counts):
            raise self._bad("a page doesn't state where its pixels are")
        if sum(counts) > MAX_IMAGE_BYTES:
            raise self._bad(f"a page of {sum(counts):,} bytes: more than the {MAX_IMAGE_BYTES:,} that are read")
        return [(offset + page.shift, count) for offset, count in zip(offsets, counts, strict=True)]

    def page_file(self, page: TiffPage) -> bytes:
        """A page as the content of a classic TIFF file of its own, its pixels packed as they are.

        Raises:
            SampleError: it is damaged, or larger than is read.
        """
        self.shape(page)
        pieces = self._pieces(page)
        content = [self._source.read_at(offset, count) for offset, count in pieces]
        if any(len(piece) < count for piece, (_, count) in zip(content, pieces, strict=True)):
            raise self._bad("a page's pixels reach past its end")
        kept = {tag: page.tags[tag] for tag in _KEPT if tag in page.tags}
        values = {tag: self._value(one, one.size) for tag, one in kept.items() if 0 < one.size <= MAX_TAG}
        kinds = {tag: (kept[tag].kind, kept[tag].count) for tag in values}
        tiled = _TILES in page.tags
        places, sizes = (_TILES, _TILE_BYTES) if tiled else (STRIPS, STRIP_BYTES)
        number = len(pieces)
        values[sizes] = struct.pack(f"{self._order}{number}I", *(count for _, count in pieces))
        kinds[places] = kinds[sizes] = (_LONG, number)
        values[places] = bytes(4 * number)  # filled in once it is known where they come to lie
        start = 8 + 2 + 12 * len(values) + 4 + sum(len(value) for value in values.values() if len(value) > 4)
        ends = [start]
        for piece in content:
            ends.append(ends[-1] + len(piece))
        values[places] = struct.pack(f"{self._order}{number}I", *ends[:-1])
        return b"".join((*self._head(values, kinds), *content))

    def _head(self, values: dict[int, bytes], kinds: dict[int, tuple[int, int]]) -> Sequence[bytes]:
        mark = b"II*\0" if self._order == "<" else b"MM\0*"
        entries, aside = [], []
        at = 8 + 2 + 12 * len(values) + 4
        for tag in sorted(values):
            value = values[tag]
            entries.append(struct.pack(f"{self._order}HHI", tag, *kinds[tag]))
            if len(value) <= 4:
                entries.append(value.ljust(4, b"\0"))
            else:
                entries.append(struct.pack(f"{self._order}I", at))
                aside.append(value)
                at += len(value)
        return (mark, struct.pack(f"{self._order}IH", 8, len(values)), *entries, b"\0\0\0\0", *aside)

    def _bad(self, why: str) -> SampleError:
        return SampleError(
            "The TIFF can't be read", f"{printable(self._label)}: {why}.", "Copy it again, or export it once more."
        )


def has_several_pages(source: ByteSource, label: str) -> bool:
    """Whether a TIFF has more than one page, thumbnails not counted; also where what follows the first is damaged.

    Raises:
        SampleError: it is no TIFF, or its first page is damaged.
    """
    if not TiffPages(source, label, most=1).has_more:
        return False
    try:
        pages = TiffPages(source, label, _MOST_LOOKED_AT)
    except SampleError:
        return True
    return pages.has_more or sum(not pages.is_reduced(page) for page in pages.pages) > 1
