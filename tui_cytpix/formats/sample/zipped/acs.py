"""Attune CytPix `.acs`: an Archival Cytometry Standard zip of one tube, with its FCS, one TIFF per imaged event, the
instrument's masks in a zip within, and XML that tells how it was measured. Read in place, whatever its size.

Layout as in public descriptions of real exports; the standard is ISAC's ACS 1.0.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from pathlib import Path, PurePosixPath
from xml.parsers import expat

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError, needing, refusal
from tui_cytpix.formats.bytes.atomic import scratch_folder
from tui_cytpix.formats.bytes.names import counted, event_of, natural_key
from tui_cytpix.formats.bytes.source import ByteSource, FileBytes, MemoryBytes, PartBytes
from tui_cytpix.formats.bytes.xml_elements import read_elements
from tui_cytpix.formats.bytes.zip_index import Member, ZipIndex
from tui_cytpix.formats.fcs.read import FcsFile, read_fcs
from tui_cytpix.formats.masks.instrument import InstrumentMasks, decode_instrument_masks
from tui_cytpix.formats.sample.linked_fcs import FcsPlace
from tui_cytpix.formats.sample.parts import SampleParts
from tui_cytpix.formats.sample.zipped.image_archive import ArchiveImages, archive_fcs

XML_LIMIT = 8 << 20  # bytes of all XML files together, the smallest first
MOST_XML = 64  # files
MASK_LIMIT = 16 << 20
PACKED_MASKS_LIMIT = 512 << 20
PACKED_FCS_LIMIT = 4 << 30
MASKS_SUFFIX = ".masks.zip"


def is_acs(path: Path, index: ZipIndex) -> bool:
    """True for an archive of that suffix, or with an FCS or instrument masks in it."""
    names = (member.name.lower() for member in index.members)
    return path.suffix.lower() == ".acs" or any(name.endswith((".fcs", MASKS_SUFFIX)) for name in names)


def open_acs(path: Path, source: FileBytes, index: ZipIndex, fcs: FcsPlace | None) -> SampleParts:
    """An Attune CytPix archive; `source` is closed with the sample.

    Args:
        fcs: where the FCS is, if not in the archive.

    Raises:
        SampleError: it holds no images.
    """
    images = ArchiveImages(index, path)
    resources = contextlib.ExitStack()
    resources.callback(source.close)
    problems: list[str] = []
    place = fcs if fcs is not None else _fcs_within(path, source, index, resources, problems)
    masks = _of_suffix(index, MASKS_SUFFIX)
    if len(masks) > 1:
        problems.append(f"The archive has {len(masks)} mask archives; {printable(masks[0].name)} is read.")
    gate, total = _capture_settings(index, problems)
    return SampleParts(
        path,
        "Attune CytPix .acs",
        images,
        place,
        AcsMasks(source, index, masks[0]) if masks else None,
        image_gate=gate,
        image_total=total,
        problems=tuple(problems),
        resources=resources,
    )


def _of_suffix(index: ZipIndex, suffix: str) -> list[Member]:
    found = [member for member in index.members if member.name.lower().endswith(suffix)]
    plain = [member for member in found if not PurePosixPath(member.name).name.startswith(".")]
    return sorted(plain, key=lambda member: natural_key(member.name))


def _fcs_within(
    path: Path, source: FileBytes, index: ZipIndex, resources: contextlib.ExitStack, problems: list[str]
) -> FcsPlace:
    """The archive's own FCS, else one beside it."""
    members = _of_suffix(index, ".fcs")
    if not members:
        return archive_fcs(path)
    same = [member for member in members if PurePosixPath(member.name).stem.casefold() == path.stem.casefold()]
    member = (same or members)[0]
    if len(members) > 1:
        problems.append(f"The archive has {len(members)} FCS files; {printable(member.name)} is read.")

    def open_it() -> FcsFile:
        if member.in_place:
            return read_fcs(source.path, index.data_offset(member), member.size)
        return read_fcs(_unpacked(index, member, resources))

    return FcsPlace(f"{member.name} in {path}", open_it)


def _unpacked(index: ZipIndex, member: Member, resources: contextlib.ExitStack) -> Path:
    """A packed FCS can't be read in place: a temporary copy, gone when the sample is closed."""
    try:
        copy = resources.enter_context(scratch_folder()) / "packed.fcs"
        with copy.open("wb") as file:
            index.copy_to(member, file, PACKED_FCS_LIMIT)
    except OSError as error:
        title, detail, _ = refusal(needing(error, copy, member.size), copy, "The packed FCS can't be unpacked")
        raise SampleError(
            title, f"{detail} ({printable(member.name)})", "Make room there, or set TMPDIR to a folder with more."
        ) from error
    return copy


def _capture_settings(index: ZipIndex, problems: list[str]) -> tuple[str, int | None]:
    """The image gate's name and the number of images, from whichever XML has them; "" and None where none has."""
    gates: list[str] = []
    totals: list[int] = []

    def element(tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(":")[2]
        if local == "ImageGate" and (name := attributes.get("GateName", "").strip()):
            gates.append(printable(name))
        total = attributes.get("Total", "").strip()
        if local == "ImageTotals" and total.isascii() and total.isdigit() and len(total) < 12:
            totals.append(int(total))

    members = sorted(_of_suffix(index, ".xml"), key=lambda member: member.size)
    sizes = itertools.accumulate(member.size for member in members)
    within = sum(size <= XML_LIMIT for size in sizes)
    for member in members[: min(within, MOST_XML)]:
        try:
            read_elements(index.read(member, XML_LIMIT), element)
        except SampleError as error:
            problems.append(f"{printable(member.name)} is not read: {error.detail}")
        except (expat.ExpatError, ValueError, LookupError) as error:
            problems.append(f"{printable(member.name)} is not read: {printable(error)}.")
    left_out = [member.name for member in members[min(within, MOST_XML) :]]
    limits = f"the {MOST_XML} smallest are, of up to {XML_LIMIT >> 20} MB together"
    problems += counted(left_out, f"XML file is not read, {limits}", f"XML files are not read, {limits}")
    return ", ".join(dict.fromkeys(gates)), max(totals, default=None)


class AcsMasks:
    """The nested masks archive as a MaskStore: in place where it is stored, in memory where it is packed."""

    def __init__(self, source: ByteSource, index: ZipIndex, member: Member) -> None:
        self._source, self._index, self._member = source, index, member
        self._lock = threading.Lock()
        self._opened: tuple[ZipIndex, dict[str, Member]] | None = None

    def _open(self) -> tuple[ZipIndex, dict[str, Member]]:
        with self._lock:
            if self._opened is None:
                content: ByteSource
                if self._member.in_place:
                    offset = self._index.data_offset(self._member)
                    content = PartBytes(self._source, offset, self._member.size)
                else:
                    content = MemoryBytes(self._index.read(self._member, PACKED_MASKS_LIMIT))
                nested = ZipIndex(content, f"{self._index.label}, {self._member.name}")
                found = [member for member in nested.members if member.name.lower().endswith(".json")]
                by_event = {event_of(member.name): member for member in reversed(found)}
                self._opened = nested, by_event
            return self._opened

    def read(self, event: str, shape: tuple[int, int]) -> InstrumentMasks | None:
        """For an image of (height, width); None where there are none for the event.

        Raises:
            SampleError, MaskError: the archive or the member is damaged.
        """
        nested, by_event = self._open()
        member = by_event.get(event)
        return None if member is None else decode_instrument_masks(nested.read(member, MASK_LIMIT), shape)

    def problems(self, events: tuple[str, ...]) -> tuple[str, ...]:
        """Sentences about images without masks; raises as `read`."""
        by_event = self._open()[1]
        lacking = [event for event in events if event not in by_event]
        return counted(lacking, "image has no instrument masks", "images have no instrument masks")
