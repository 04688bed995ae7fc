"""A sample put together from its parts: where the images are, where the FCS is, where the masks are."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from tui_cytpix.domain.sample import PixelScale, SampleInfo
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.image_decode import Gray, decode_gray, image_header
from tui_cytpix.formats.names import counted, shown
from tui_cytpix.formats.sample_fcs import FcsPlace, LinkedFcs, link_fcs

if TYPE_CHECKING:
    from tui_cytpix.formats.fcs import FcsFile
    from tui_cytpix.formats.masks import InstrumentMasks

HEADERS_PROBED = 64
IMAGES_PROBED = 16
BIT_DEPTHS = (8, 10, 12, 16)


class ImageStore(Protocol):
    """The image files of a sample, by event id."""

    @property
    def events(self) -> tuple[str, ...]:
        """In natural order."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about files that were left out."""

    def read(self, event: str) -> bytes:
        """An image file's content; SampleError where it can't be read, KeyError where there is none."""

    def label(self, event: str) -> str:
        """The image file's name for messages."""


class MaskStore(Protocol):
    """The instrument's masks of a sample."""

    def read(self, event: str, shape: tuple[int, int]) -> InstrumentMasks | None:
        """For an image of (height, width); None where there are none for the event."""

    def problems(self, events: tuple[str, ...]) -> tuple[str, ...]:
        """Sentences; opens the masks."""


@dataclass(frozen=True)
class SampleParts:
    """What a format found; `resources` is closed with the sample."""

    path: Path
    format: str
    images: ImageStore
    fcs: FcsPlace
    masks: MaskStore | None = None
    image_gate: str = ""
    image_total: int | None = None
    problems: tuple[str, ...] = ()
    resources: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


@dataclass(frozen=True)
class _Probe:
    shape: tuple[int, int] | None
    bit_depth: int
    problems: tuple[str, ...]


class ImageSample:
    """A SampleReader over `SampleParts`. What costs time is done at first need, once.

    Args:
        um_per_px: as the user gave it, None where not.
    """

    def __init__(self, parts: SampleParts, um_per_px: float | None = None) -> None:
        self._parts, self._given = parts, um_per_px
        self._lock = threading.RLock()
        self._linked: LinkedFcs | None = None
        self._probed: _Probe | None = None

    @property
    def path(self) -> Path:
        """As given by the user."""
        return self._parts.path

    @property
    def format(self) -> str:
        """In words."""
        return self._parts.format

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The imaged events, in natural order."""
        return self._parts.images.events

    @property
    def bit_depth(self) -> int:
        """8, 10, 12 or 16."""
        return self._probe().bit_depth

    @property
    def scale(self) -> PixelScale | None:
        """Given, else from the FCS, else None."""
        if self._given is not None:
            return PixelScale(self._given, "given")
        derived = self._link().um_per_px
        return None if derived is None else PixelScale(derived, "fcs")

    def read_image(self, event: str) -> Gray:
        """Gray, (H, W), read-only; SampleError where there is none or it is damaged or blank."""
        return decode_gray(self._content(event), self._parts.images.label(event))

    def _content(self, event: str) -> bytes:
        try:
            return self._parts.images.read(event)
        except KeyError:
            raise SampleError(
                "No such image",
                f"{shown(str(self.path))} has no image of event {shown(event)}.",
                "`tui-cytpix inspect` tells what it has.",
            ) from None

    def read_masks(self, event: str) -> InstrumentMasks | None:
        """The instrument's own masks; None where it has none; SampleError or MaskError where damaged."""
        if self._parts.masks is None:
            return None
        height, width, _ = image_header(self._content(event), self._parts.images.label(event))
        return self._parts.masks.read(event, (height, width))

    def open_fcs(self) -> FcsFile | None:
        """The FCS, None where there is none or it can't be read."""
        return self._link().fcs

    def fcs_rows(self) -> dict[str, int]:
        """The FCS row of each imaged event that has one."""
        return dict(self._link().rows)

    def _link(self) -> LinkedFcs:
        with self._lock:
            if self._linked is None:
                self._linked = link_fcs(self._parts.fcs, self.event_ids)
            return self._linked

    def _probe(self) -> _Probe:
        with self._lock:
            if self._probed is None:
                self._probed = self._look()
            return self._probed

    def _look(self) -> _Probe:
        """Reads headers of up to 64 and pixels of up to 16 images, evenly spread: shape, bits, and what is damaged."""
        images, events = self._parts.images, self.event_ids
        headers: list[tuple[int, int, int]] = []
        bad: dict[str, str] = {}
        for event in _spread(events, HEADERS_PROBED):
            try:
                headers.append(image_header(images.read(event), images.label(event)))
            except SampleError as error:
                bad[event] = error.detail
        depths = [8]
        for event in _spread(events, IMAGES_PROBED):
            try:
                highest = int(decode_gray(images.read(event), images.label(event)).max())
            except SampleError as error:
                bad[event] = error.detail
                continue
            depths.append(next(bits for bits in BIT_DEPTHS if highest < 1 << bits))
        shapes = {header[:2] for header in headers}
        problems = []
        if bad:
            looked = min(len(events), HEADERS_PROBED)
            first = next(iter(bad.values()))
            problems.append(f"Of {looked} images looked at, {len(bad)} can't be read: {first}")
        if any(pages > 1 for *_, pages in headers):
            problems.append("Some image files have several pages; the first page of each is read.")
        return _Probe(shapes.pop() if len(shapes) == 1 else None, max(depths), tuple(problems))

    def info(self) -> SampleInfo:
        """All that `inspect` tells, problems included."""
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
            fcs_path=None if linked.label is None else shown(linked.label),
            event_count=None if linked.fcs is None else linked.fcs.event_count,
            parameters=() if linked.fcs is None else tuple(shown(name) for name in linked.fcs.names),
            cytometer=shown(text.get("$CYT", "")).strip(),
            image_gate=parts.image_gate,
            has_instrument_masks=masks is not None,
            problems=(
                *parts.problems,
                *parts.images.problems,
                *probe.problems,
                *linked.problems,
                *self._scale_problems(linked),
                *mask_problems,
            ),
            image_total=parts.image_total,
        )

    def _scale_problems(self, linked: LinkedFcs) -> tuple[str, ...]:
        derived = linked.um_per_px
        if self._given is None and derived is None:
            return ("The pixel size is unknown: sizes in micrometres stay empty until it is given (--um-per-px).",)
        if self._given is not None and derived is not None and abs(self._given / derived - 1) > 0.02:
            return (f"The given pixel size, {self._given:g} um, is used; the FCS implies {derived:.4g} um.",)
        return ()

    def close(self) -> None:
        """Lets go of the files; later reads fail."""
        self._parts.resources.close()

    def __enter__(self) -> Self:
        """The reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes."""
        self.close()


def _spread(events: Sequence[str], most: int) -> Sequence[str]:
    """Up to `most` events at even distances, the first and the last among them."""
    if len(events) <= most:
        return events
    return [events[round(k * (len(events) - 1) / (most - 1))] for k in range(most)]


def missing_masks(events: Sequence[str], with_masks: set[str]) -> tuple[str, ...]:
    """The sentence about images for which the instrument left no masks."""
    lacking = [event for event in events if event not in with_masks]
    one, many = "image has no instrument masks", "images have no instrument masks"
    return (counted(lacking, one, many),) if lacking else ()
