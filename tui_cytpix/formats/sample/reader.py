"""A sample of any format, put together from its parts: where the images are, where the FCS is, where the masks are."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import Loss, MeasuredVolume, PixelScale, SampleInfo
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.bytes.gray_range import HIGH_GRAY, IMAGES_SCALED_BY, LOW_GRAY, GrayRange
from tui_cytpix.formats.bytes.image_decode import Gray, decode_gray, decode_pixels, image_header, is_coloured
from tui_cytpix.formats.bytes.names import IMAGE_SUFFIXES
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.masks.instrument import InstrumentMasks
from tui_cytpix.formats.sample import identity
from tui_cytpix.formats.sample.linked_fcs import LinkedFcs, link_fcs
from tui_cytpix.formats.sample.parts import ImageStore, SampleParts

HEADERS_PROBED = 64
IMAGES_PROBED = 16
COLOURS_PROBED = 4
BIT_DEPTHS = (8, 10, 12, 16)


class SampleReader:
    """An open sample. Every method may be called from several threads at once; `close` ends that. What costs time is
    done at first need, once.

    Args:
        um_per_px: as the user gave it, None where not.
    """

    def __init__(self, parts: SampleParts, um_per_px: float | None) -> None:
        self._parts, self._given = parts, um_per_px
        self._lock = threading.RLock()
        self._linked: LinkedFcs | None = None
        self._probed: _Probe | None = None
        self._floats: GrayRange | None = None
        self._fingerprint = ""

    @property
    def path(self) -> Path:
        return self._parts.path

    @property
    def format(self) -> str:
        return self._parts.format

    @property
    def channels(self) -> tuple[str, ...]:
        """Their names, empty where images have but one."""
        return tuple(map(printable, self._parts.channels))

    @property
    def channel(self) -> str:
        """The name of the channel that is read, "" where images have but one."""
        return printable(self._parts.channel)

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The imaged events, in natural order (2 before 10)."""
        return self._parts.images.events

    @property
    def bit_depth(self) -> int:
        """Bits of gray: 8, 10, 12 or 16, the fewest that hold the values of up to 16 images spread over the sample."""
        return self._probe().bit_depth

    @property
    def scale(self) -> PixelScale | None:
        """Micrometres per pixel as given, else as the files state, else as the FCS implies, else None."""
        if self._given is not None:
            return PixelScale(self._given, "given")
        if self._parts.um_per_px is not None:
            return PixelScale(self._parts.um_per_px, "file")
        derived = self._link().um_per_px
        return None if derived is None else PixelScale(derived, "fcs")

    @property
    def volume(self) -> MeasuredVolume | None:
        """What the instrument's files tell beside the FCS, which tells it by `$VOL`; None where they don't."""
        return self._parts.volume

    @property
    def images_all(self) -> bool:
        """Whether events without an image hold nothing, as the instrument looks at all of them."""
        return self._parts.images_all

    def read_image(self, event: str) -> Gray:
        """Gray, (H, W), read-only.

        Raises:
            SampleError: there is no such image, or it is damaged or blank; the others can still be read.
        """
        return decode_gray(self._content(event), self._parts.images.label(event), floats=self._float_range)

    def _float_range(self) -> GrayRange:
        with self._lock:
            if self._floats is None:
                self._floats = GrayRange.of(self._float_images())
            return self._floats

    def _float_images(self) -> Iterator[NDArray[Any]]:
        for event in identity.spread(self.event_ids, IMAGES_SCALED_BY):
            try:
                pixels = decode_pixels(self._content(event), self._parts.images.label(event))
            except SampleError:
                continue
            if pixels.dtype.kind == "f":
                yield pixels

    def measured_background(self) -> NDArray[np.float32] | None:
        """The static background, (H, W), that the instrument measured; None where it did not."""
        return None if self._parts.background is None else self._parts.background()

    def image_suffix(self, event: str) -> str:
        """Of the event's image file, as `.tif`: its name is the event's with this; "" where it is in no image file."""
        suffix = PurePosixPath(self._parts.images.label(event)).suffix
        return suffix if suffix.lower() in IMAGE_SUFFIXES else ""

    def fingerprint(self) -> str:
        """What tells this sample from others, by its images: see `identity.fingerprint`."""
        with self._lock:
            if not self._fingerprint:
                self._fingerprint = identity.fingerprint(self._parts.images)
            return self._fingerprint

    def pixel_digest(self, event: str) -> str:
        """See `identity.pixel_digest`; raises as `read_image`."""
        return identity.pixel_digest(self.read_image(event))

    def shared_images(self, other: SampleReader) -> int:
        """How many images have a file of the same content in the other sample, whatever their names, as far as both
        containers state checksums.
        """
        theirs = other._checksums()
        return sum(own in theirs for own in self._checksums())

    def _checksums(self) -> Counter[tuple[int, int]]:
        stated = map(self._parts.images.stated, self.event_ids)
        return Counter((size, crc) for size, crc in stated if crc is not None)

    def _content(self, event: str) -> bytes:
        try:
            return self._parts.images.read(event)
        except KeyError:
            raise SampleError(
                "No such image",
                f"{printable(self.path)} has no image of event {printable(event)}.",
                "`tui-cytpix inspect` tells what it has.",
            ) from None

    @property
    def has_masks(self) -> bool:
        """Whether it carries the instrument's own masks, of some of its images at least."""
        return self._parts.masks is not None

    @property
    def masks_tell_particles(self) -> bool:
        """Whether they tell how many particles there are; else they mark the object that triggered, whatever it is."""
        return self._parts.masks_tell_particles

    def read_masks(self, event: str) -> InstrumentMasks | None:
        """The instrument's own masks, None where it has none for this event.

        Raises:
            SampleError, MaskError: the image or its masks are damaged.
        """
        if self._parts.masks is None:
            return None
        height, width, _ = image_header(self._content(event), self._parts.images.label(event))
        return self._parts.masks.read(event, (height, width))

    def open_fcs(self) -> FcsFile | None:
        """The FCS, None where there is none or it can't be read (`info().problems` says so)."""
        return self._link().fcs

    @property
    def unusable_fcs(self) -> str:
        """The sentence that says why the sample's FCS is not used; "" where it is, and where there is none."""
        return self._link().unusable

    def fcs_rows(self) -> dict[str, int]:
        """The FCS row (from 0) of each imaged event that has one."""
        return dict(self._link().rows)

    def _link(self) -> LinkedFcs:
        with self._lock:
            if self._linked is None:
                self._linked = link_fcs(self._parts.fcs, self.event_ids)
            return self._linked

    def _probe(self) -> _Probe:
        with self._lock:
            if self._probed is None:
                self._probed = _probe_images(self._parts.images, self.read_image)
            return self._probed

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the sample, in sentences, apart from masks and a scale that nobody stated: to be told by
        whatever uses it.
        """
        linked, probe = self._link(), self._probe()
        told = (*self._parts.problems, *self._parts.images.problems, *probe.problems)
        return (*told, *self._float_problems(), *linked.problems, *self._scale_problems(linked))

    def _float_problems(self) -> tuple[str, ...]:
        if self._floats in (None, GrayRange()):
            return ()
        low, high = self._floats
        gray = f"gray values {LOW_GRAY} to {HIGH_GRAY}"
        return (f"Images hold floating point values: {low:g} to {high:g} are read as {gray}.",)

    def refuse_unreadable(self) -> None:
        """Raises:
        SampleError: not one image can be read.
        """
        if not self._probe().readable:
            why = next(problem for problem in self._probe().problems if isinstance(problem, Loss))
            raise SampleError("The sample has no image that can be read", f"{printable(self.path)}: {why}")

    def info(self) -> SampleInfo:
        """All that `inspect` tells; doesn't raise for what a problem sentence can say."""
        parts, linked, probe = self._parts, self._link(), self._probe()
        masks = parts.masks
        mask_problems: tuple[str, ...] = ()
        if masks is not None:
            try:
                mask_problems = masks.problems(self.event_ids)
            except CytpixError as error:
                masks, mask_problems = None, (f"The instrument's masks can't be used: {error}",)
        text = linked.fcs.text if linked.fcs is not None else {}
        return SampleInfo(
            path=parts.path,
            format=parts.format,
            image_count=len(self.event_ids),
            image_shape=probe.shape,
            bit_depth=probe.bit_depth,
            scale=self.scale,
            fcs_path=None if linked.label is None else printable(linked.label),
            event_count=None if linked.fcs is None else linked.fcs.event_count,
            parameters=() if linked.fcs is None else tuple(printable(name) for name in linked.fcs.names),
            cytometer=printable(text.get("$CYT", "")).strip(),
            image_gate=parts.image_gate,
            has_instrument_masks=masks is not None,
            problems=(*self.problems(), *self._unknown_scale(), *mask_problems),
            image_total=parts.image_total,
            channels=self.channels,
            channel=self.channel,
            volume=parts.volume or _volume(linked.fcs),
            readable=probe.readable,
        )

    def _unknown_scale(self) -> tuple[str, ...]:
        if self.scale is not None:
            return ()
        return ("The pixel size is unknown: sizes in micrometres stay empty until it is given (--um-per-px).",)

    def _scale_problems(self, linked: LinkedFcs) -> tuple[str, ...]:
        stated, derived = self._parts.um_per_px, linked.um_per_px
        used = self._given if self._given is not None else stated
        name = "given" if self._given is not None else "stated"
        others = (("file states", stated), ("FCS implies", derived))
        return tuple(
            f"The {name} pixel size, {used:.4g} um, is used; the {source} {other:.4g} um."
            for source, other in others
            if used is not None and other is not None and abs(used / other - 1) > 0.02
        )

    def close(self) -> None:
        """Lets go of the files; later reads fail."""
        self._parts.resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _volume(fcs: FcsFile | None) -> MeasuredVolume | None:
    ul = None if fcs is None else fcs.volume_ul
    return None if ul is None else MeasuredVolume(ul, "$VOL of the FCS")


@dataclass(frozen=True)
class _Probe:
    """What the images looked at have in common.

    `shape` is (height, width), None where sizes differ or nothing could be read; `bit_depth` the fewest of 8, 10, 12,
    16 that hold every value seen; `problems` are sentences; `readable` is False where no image at all can be read.
    """

    shape: tuple[int, int] | None
    bit_depth: int
    problems: tuple[str, ...]
    readable: bool


def _probe_images(images: ImageStore, read: Callable[[str], Gray]) -> _Probe:
    """Reads headers of up to 64 and pixels of up to 16 images, evenly spread: shape, bits, colours, damage. Where
    none of these can be read, the others too, until one can.
    """
    headers: list[tuple[int, int, int]] = []
    bad: dict[str, str] = {}
    looked = identity.spread(images.events, HEADERS_PROBED)
    for event in looked:
        try:
            headers.append(image_header(images.read(event), images.label(event)))
        except SampleError as error:
            bad[event] = error.detail
    depths: list[int] = []
    for event in identity.spread(looked, IMAGES_PROBED):
        try:
            highest = int(read(event).max())
        except SampleError as error:
            bad[event] = error.detail
            continue
        depths.append(next(bits for bits in BIT_DEPTHS if highest < 1 << bits))
    coloured = any(_is_coloured(images, event) for event in identity.spread(looked, COLOURS_PROBED))
    shapes = {header[:2] for header in headers}
    readable = bool(depths) or any(_can_be_read(event, read) for event in images.events if event not in bad)
    problems: list[str] = []
    if not readable:
        problems.append(Loss(f"None of its {len(images.events)} images can be read: {next(iter(bad.values()))}"))
    elif bad:
        first = next(iter(bad.values()))
        problems.append(f"Of {len(looked)} images looked at, {len(bad)} can't be read: {first}")
    if any(pages > 1 for *_, pages in headers):
        problems.append("Some image files have several pages; the first page of each is read, thumbnails left out.")
    if coloured:
        problems.append("Images are in colour: each is made gray, by its luma (ITU-R 601).")
    return _Probe(shapes.pop() if len(shapes) == 1 else None, max(depths, default=8), tuple(problems), readable)


def _is_coloured(images: ImageStore, event: str) -> bool:
    try:
        return is_coloured(images.read(event), images.label(event))
    except SampleError:  # told when it is read itself
        return False


def _can_be_read(event: str, read: Callable[[str], Gray]) -> bool:
    try:
        read(event)
    except SampleError:
        return False
    return True
