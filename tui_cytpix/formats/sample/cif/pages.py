"""Where the images and masks lie in an ImageStream `.cif`: a little-endian TIFF with one directory for the experiment,
then one for each object's image and one for its mask, all channels of an object side by side.

The tags below 33000 are TIFF 6.0's; the others and the experiment's text, which no specification tells, were looked
up in real files: 33003 is the object's number (from 0), 33027 and 33064 are XML.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tui_cytpix.formats.bytes.source import ByteSource

IMAGE, MASK = 30817, 30818
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PLACE, _BYTES = 256, 257, 258, 259, 273, 279
_OBJECT, _TEXTS = 33003, (33027, 33064)
MOST_OBJECTS = 2_000_000
_MOST_TAGS = 512
_MOST_TEXT = 16 << 20
_AT_ONCE = 2048  # bytes of a directory; most are of 500
_MEASURED_AT = 40.0
_VALUES = {1: "B", 3: "H", 4: "I"}


@dataclass(frozen=True)
class Page:
    """An encoded picture: its pixels (all channels), and where it lies."""

    height: int
    width: int
    bits: int
    compression: int
    offset: int
    length: int


@dataclass(frozen=True)
class CifObject:
    """An object's image and the instrument's mask of it; `number` is None where the file gives none."""

    number: int | None
    image: Page
    mask: Page | None


@dataclass(frozen=True)
class Experiment:
    """What the file says of how it was measured.

    Attributes:
        channels: numbers of the channels that were recorded, from 1, in their order from left to right; none where the
            file doesn't say.
        brightfield: those that the brightfield lamp (LED) shone for.
        um_per_px: None where the file doesn't say.
    """

    channels: tuple[int, ...] = ()
    brightfield: tuple[int, ...] = ()
    um_per_px: float | None = None


@dataclass(frozen=True)
class CifPages:
    """`damage` is a sentence on what ends the file too early, or ""."""

    experiment: Experiment
    objects: tuple[CifObject, ...]
    damage: str = ""


def read_pages(source: ByteSource) -> CifPages:
    """Follows the directories; of each 2 KiB are read.

    Raises:
        ValueError: it is no `.cif`; the message says why.
        SampleError: it can't be read.
    """
    head = source.read_at(0, 8)
    if head[:4] != b"II*\0" or len(head) < 8:
        raise ValueError("it is no little-endian TIFF, as each .cif is")
    experiment = Experiment()
    objects: list[CifObject] = []
    damage = ""
    seen = 0
    try:
        for tags in _directories(source, struct.unpack_from("<I", head, 4)[0]):
            seen += 1
            if seen == 1:
                experiment = _experiment(source, tags)
            page = _page(tags, source.size)
            if page is not None and page.compression == IMAGE:
                objects.append(CifObject(_one(tags, _OBJECT), page, None))
            elif page is not None and page.compression == MASK and objects and objects[-1].mask is None:
                objects[-1] = CifObject(objects[-1].number, objects[-1].image, page)
    except (ValueError, struct.error) as error:
        if not seen:
            raise ValueError(f"its first directory is damaged ({error})") from error
        damage = f"The file is damaged or cut off after {len(objects)} objects: {error}."
    return CifPages(experiment, tuple(objects), damage)


_Tags = Mapping[int, tuple[int, int, bytes]]  # type, number of values, the value or its place


def _directories(source: ByteSource, offset: int) -> Iterator[_Tags]:
    """Raises:
    ValueError, struct.error: one is cut off, too large, or comes again.
    """
    known: set[int] = set()
    while offset:
        if offset in known or len(known) > 2 * MOST_OBJECTS:
            raise ValueError("a directory follows itself" if offset in known else "it has too many directories")
        known.add(offset)
        data = source.read_at(offset, _AT_ONCE)
        if len(data) < 2:
            raise ValueError(f"a directory lies at {offset:,}, behind the end")
        (count,) = struct.unpack_from("<H", data)
        if count > _MOST_TAGS:
            raise ValueError(f"a directory of {count} tags")
        size = 2 + 12 * count + 4
        if size > len(data):
            data = source.read_at(offset, size)
        if size > len(data):
            raise ValueError("a directory is cut off")
        entries = (struct.unpack_from("<HHI4s", data, 2 + 12 * k) for k in range(count))
        yield {tag: (kind, number, value) for tag, kind, number, value in entries}
        (offset,) = struct.unpack_from("<I", data, size - 4)


def _one(tags: _Tags, tag: int) -> int | None:
    """A whole number that stands in the directory itself."""
    kind, number, value = tags.get(tag, (0, 0, b""))
    if kind not in _VALUES or not number or number * struct.calcsize(_VALUES[kind]) > 4:
        return None
    return int(struct.unpack_from("<" + _VALUES[kind], value)[0])


def _page(tags: _Tags, size: int) -> Page | None:
    """None where a tag lacks or the picture lies outside of the file."""
    found = [_one(tags, tag) for tag in (_HEIGHT, _WIDTH, _BITS, _COMPRESSION, _PLACE, _BYTES)]
    numbers = [number for number in found if number is not None]
    if len(numbers) < len(found):
        return None
    page = Page(*numbers)
    return page if page.compression in (IMAGE, MASK) and page.offset + page.length <= size else None


def _experiment(source: ByteSource, tags: _Tags) -> Experiment:
    text = b"".join(_text(source, tags, tag) for tag in _TEXTS).decode("latin-1")
    used = _numbers(text, "ChannelInUseIndicators_0_11")
    lit = _numbers(text, "BfLedIndicators_0_11")
    channels = tuple(k for k, flag in enumerate(used, start=1) if flag)
    brightfield = tuple(k for k, flag in enumerate(lit, start=1) if flag and k in channels)
    size, magnification = _numbers(text, "CameraPixelSize"), _numbers(text, "Magnification")
    # The pixel size is that of the 40x objective; how the others' relate to it was not looked at in a file.
    at_40 = len(size) == 1 and magnification == [_MEASURED_AT] and 0.05 < size[0] < 20
    return Experiment(channels, brightfield, size[0] if at_40 else None)


def _text(source: ByteSource, tags: _Tags, tag: int) -> bytes:
    """Nothing where there is none, or so much that it is no experiment's."""
    kind, number, value = tags.get(tag, (0, 0, b""))
    if kind != 2 or not 4 < number <= _MOST_TEXT:
        return b""
    return source.read_at(struct.unpack("<I", value)[0], number)


def _numbers(text: str, element: str) -> list[float]:
    """The numbers within the first element of that name; none where there is no such element, or something else."""
    found = re.search(rf"<{element}>([0-9. +\-eE]{{1,400}})</{element}>", text)
    try:
        return [float(word) for word in found.group(1).split()] if found else []
    except ValueError:
        return []
