"""Label images as an OME-TIFF: a page for each image that could be read, in the order of the events. Pages of one size
make an OME Image, its pages along T; its map annotation tells the event of each. Where all images are of one size there
is one Image.

TIFF 6.0, little endian, with Deflate; OME-XML 2016-06, written behind the pages, when their number is known.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.sax.saxutils import escape, quoteattr

import tui_cytpix
from tui_cytpix.errors import MaskError
from tui_cytpix.formats.bytes.atomic import replacing
from tui_cytpix.formats.masks.label_images import checked_labels
from tui_cytpix.formats.outputs.output import About, Findings

_SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_NAMESPACE = "tui-cytpix"
_LARGEST = 0xFFFF_FFFF  # offsets have 32 bits
_SHORT, _LONG, _ASCII, _RATIONAL = 3, 4, 2, 5
_DESCRIPTION, _OFFSETS = 270, 273
_PER_CM = 10_000  # um


class Page(NamedTuple):
    event: str
    height: int
    width: int
    content: bytes = b""


def encode(found: Findings) -> list[Page]:
    pages = []
    for one in found.answers():
        labels = checked_labels(one.labels)
        height, width = labels.shape
        pages.append(Page(one.event, height, width, zlib.compress(labels.astype("<u2").tobytes())))
    return pages


@contextlib.contextmanager
def written(paths: Sequence[Path], about: About) -> Iterator[Callable[[list[Page]], None]]:
    (path,) = paths
    with replacing(path) as aside, aside.open("wb") as file:
        tiff = _Tiff(file, about.um_per_px)
        known: list[Page] = []

        def add(pages: list[Page]) -> None:
            for page in pages:
                tiff.add(page)
                known.append(page._replace(content=b""))

        yield add
        if not known:
            raise MaskError("An OME-TIFF has at least one page", f"No image of {about.sample} could be read.")
        tiff.describe(ome_xml(known, about).encode("utf-8"))


class _Tiff:
    """Pages written one after another: the pixels of each, then its directory, to which the one before leads."""

    def __init__(self, file: BinaryIO, um_per_px: float | None) -> None:
        self._file, self._um_per_px = file, um_per_px
        self._link, self._description = 4, 0  # where the next directory's offset, and the description's, belong
        file.write(struct.pack("<2sHI", b"II", 42, 0))

    def add(self, page: Page) -> None:
        at = self._append(page.content)
        per_cm = _PER_CM / self._um_per_px if self._um_per_px else 0.0
        resolution = struct.pack("<II", max(1, round(per_cm * 100)), 100) if per_cm else struct.pack("<II", 1, 1)
        ratio = self._append(resolution)
        entries = [
            (256, _LONG, 1, page.width),
            (257, _LONG, 1, page.height),
            (258, _SHORT, 1, 16),  # bits
            (259, _SHORT, 1, 8),  # Deflate
            (262, _SHORT, 1, 1),  # 0 is black
            (_OFFSETS, _LONG, 1, at),
            (277, _SHORT, 1, 1),  # sample
            (278, _LONG, 1, page.height),  # rows in the strip
            (279, _LONG, 1, len(page.content)),
            (282, _RATIONAL, 1, ratio),
            (283, _RATIONAL, 1, ratio),
            (296, _SHORT, 1, 3 if per_cm else 1),  # per cm, or of no unit
            (339, _SHORT, 1, 1),  # unsigned
        ]
        first = not self._description
        if first:
            entries.insert(5, (_DESCRIPTION, _ASCII, 0, 0))
        packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
        directory = self._append(struct.pack("<H", len(entries)) + packed + struct.pack("<I", 0))
        self._put(self._link, directory)
        self._link = directory + 2 + len(packed)
        if first:
            self._description = directory + 2 + 5 * 12 + 4

    def describe(self, text: bytes) -> None:
        """Of the first page, as OME has it."""
        at = self._append(text + b"\0")
        self._put(self._description, len(text) + 1)
        self._put(self._description + 4, at)

    def _append(self, content: bytes) -> int:
        """At an even offset, which it returns."""
        at = self._file.seek(0, 2)
        if at % 2:
            self._file.write(b"\0")
            at += 1
        if at + len(content) > _LARGEST:
            raise MaskError("The OME-TIFF would be too large", "A TIFF has at most 4 GiB.", "Use the format masks.")
        self._file.write(content)
        return at

    def _put(self, at: int, number: int) -> None:
        self._file.seek(at)
        self._file.write(struct.pack("<I", number))


def ome_xml(pages: Sequence[Page], about: About) -> str:
    by_size: dict[tuple[int, int], list[int]] = {}
    for number, page in enumerate(pages):
        by_size.setdefault((page.height, page.width), []).append(number)
    images, maps = [], [_map("Annotation:0", about.keywords.items())]
    for place, ((height, width), numbers) in enumerate(by_size.items()):
        name = about.sample if len(by_size) == 1 else f"{about.sample} {width} x {height}"
        images.append(
            f'<Image ID="Image:{place}" Name={quoteattr(name)}>'
            f'<Pixels ID="Pixels:{place}" DimensionOrder="XYCZT" Type="uint16" BigEndian="false" SizeX="{width}" '
            f'SizeY="{height}" SizeC="1" SizeZ="1" SizeT="{len(numbers)}"{_physical(about.um_per_px)}>'
            f'<Channel ID="Channel:{place}:0" Name="particle labels" SamplesPerPixel="1"/>{_planes(numbers)}</Pixels>'
            f'<AnnotationRef ID="Annotation:0"/><AnnotationRef ID="Annotation:{place + 1}"/></Image>'
        )
        events = ((str(t), pages[number].event) for t, number in enumerate(numbers))
        maps.append(_map(f"Annotation:{place + 1}", events))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{_SCHEMA}" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{_SCHEMA} {_SCHEMA}/ome.xsd" '
        f'Creator="tui-cytpix {tui_cytpix.__version__}">{"".join(images)}'
        f"<StructuredAnnotations>{''.join(maps)}</StructuredAnnotations></OME>"
    )


def _physical(um_per_px: float | None) -> str:
    if um_per_px is None:
        return ""
    return "".join(f' PhysicalSize{axis}="{um_per_px:.9g}" PhysicalSize{axis}Unit="µm"' for axis in "XY")


def _planes(numbers: Sequence[int]) -> str:
    """Which pages of the file are its, run by run."""
    runs = (list(run) for _, run in groupby(range(len(numbers)), key=lambda t: numbers[t] - t))
    return "".join(
        f'<TiffData FirstT="{run[0]}" FirstC="0" FirstZ="0" IFD="{numbers[run[0]]}" PlaneCount="{len(run)}"/>'
        for run in runs
    )


def _map(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<M K={quoteattr(key)}>{escape(value)}</M>" for key, value in pairs)
    return f'<MapAnnotation ID="{name}" Namespace="{_NAMESPACE}"><Value>{rows}</Value></MapAnnotation>'
