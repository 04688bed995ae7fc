"""Deformability cytometry, `.rtdc`: HDF5 with a stack of frames in `events/image`, often `events/image_bg`, the frame
without the cell, and `events/mask`, of the object that triggered alone.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.entered_numbers import LEAST_PIXEL, MOST_PIXEL
from tui_cytpix.domain.sample import Loss
from tui_cytpix.domain.sample_names import name_from
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import MaskError, SampleError
from tui_cytpix.formats.bytes.atomic import scratch_folder
from tui_cytpix.formats.bytes.names import counted
from tui_cytpix.formats.bytes.source import unreadable
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.masks.instrument import InstrumentMasks
from tui_cytpix.formats.sample.array_images import ArrayImages, Pixels
from tui_cytpix.formats.sample.hdf5.child import ZSTANDARD
from tui_cytpix.formats.sample.hdf5.event_rows import features_as_fcs
from tui_cytpix.formats.sample.hdf5.reader_process import EXTRA, HdfProcess
from tui_cytpix.formats.sample.identity import spread
from tui_cytpix.formats.sample.linked_fcs import FcsPlace
from tui_cytpix.formats.sample.parts import MARK_THE_TRIGGER, Asked, SampleParts

BACKGROUND_FRAMES = 64


def open_parts(path: Path, asked: Asked) -> SampleParts:
    """Event ids are the values of `events/index` where each row has another, else rows from 1. The event table is made
    of its features, unless an FCS is given: none is looked for.

    Raises:
        SampleError: it is damaged, holds no images, or HDF5 isn't installed.
    """
    if not _size(path):
        raise SampleError("The HDF5 file can't be read", f"{printable(path)} is empty.", "Copy it again.")
    process = HdfProcess(path.resolve())
    resources = contextlib.ExitStack()
    resources.callback(process.close)
    try:
        facts = process.facts()
        shape = _shape(path, facts)
        count, problems = _count(facts)
        events, ids, odd_ids = _events(facts, count)
    except BaseException:
        resources.close()
        raise
    scale, doubt = _pixel_size(facts)

    def pixels(place: int) -> Pixels:
        return process.frame("image", place)

    def as_fcs() -> FcsFile:
        folder = resources.enter_context(scratch_folder())
        identifier = printable(facts["attributes"].get("setup:identifier", ""))
        return features_as_fcs(process, facts, events, identifier, folder / f"{name_from(path.stem)}.fcs")

    frame = shape[1] * shape[2]
    return SampleParts(
        path,
        f"deformability cytometry .rtdc (ids: {ids})",
        ArrayImages(path, events, pixels, lambda _: frame),
        asked.fcs or (FcsPlace(str(path), as_fcs, made=True) if facts.get("features") else FcsPlace()),
        RtdcMasks(process, events, facts["frames"]["mask"]) if "mask" in facts["frames"] else None,
        masks_tell_particles=False,
        problems=(*problems, *odd_ids, *_unused(facts), *doubt),
        um_per_px=scale,
        background=_Background(process, facts, count) if "image_bg" in facts["frames"] else None,
        images_all=True,
        resources=resources,
    )


def _shape(path: Path, facts: dict[str, Any]) -> tuple[int, int, int]:
    """(rows, height, width) of the images."""
    where, image = printable(path), facts["frames"].get("image")
    if image is None:
        masks = ", but masks" if "mask" in facts["frames"] else ""
        elsewhere = " Its basins name files that may hold them: give one of those." if facts["basins"] else ""
        way_out = "Give the measurement with its images: an export of features alone has none." + elsewhere
        raise SampleError("No images found", f"{where} has no events/image{masks}.", way_out)
    if image["lacking"]:
        filters = ", ".join("Zstandard" if number == ZSTANDARD else f"filter {number}" for number in image["lacking"])
        raise SampleError(
            "The images are packed in a way that needs an extra", f"{where}: {filters}.", f"Install it: `{EXTRA}`."
        )
    rows, height, width = image["shape"]
    others = [facts["frames"][name]["shape"] for name in ("mask", "image_bg") if name in facts["frames"]]
    if all(other[1:] != [height, width] for other in others) and any(
        other[0] != rows and sorted(other) == sorted(image["shape"]) for other in others
    ):
        sizes = f"{rows} images of {width} x {height} px, but masks or backgrounds of {others[0][2]} x {others[0][1]}"
        way_out = "Export it again, with events/image as (events, height, width)."
        raise SampleError("The images lie in another order", f"{where} has {sizes} px.", way_out)
    if not rows * height * width:
        raise SampleError("No images found", f"{where} is an empty measurement.", "Give one with events.")
    return rows, height, width


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error


def _unused(facts: dict[str, Any]) -> tuple[str, ...]:
    """Sentences about masks and backgrounds that are there and of no use."""
    told = [f"The file's {name} is not used: {printable(why)}." for name, why in facts.get("unused", {}).items()]
    background = facts["frames"].get("image_bg")
    (_, *own), (_, *size) = facts["frames"]["image"]["shape"], background["shape"] if background else (0, 0, 0)
    if background and size != own:
        sizes = f"its backgrounds have {size[1]} x {size[0]} px, its images {own[1]} x {own[0]}"
        told.append(f"The background that the instrument measured is not used: {sizes}.")
    return tuple(told)


def _count(facts: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """How many images there are of the events that the file states, and sentences where lengths differ."""
    rows = {name: found["shape"][0] for name, found in facts["frames"].items()}
    text = facts["attributes"].get("experiment:event count", "")
    stated = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else rows["image"]
    count = min(rows["image"], stated or rows["image"])
    different = {"events": stated, "images": rows["image"]}
    different |= {words: rows[name] for name, words in (("mask", "masks"), ("image_bg", "backgrounds")) if name in rows}
    if all(number == count for number in different.values()):
        return count, ()
    listed = ", ".join(f"{number} {name}" for name, number in different.items())
    told = f"Lengths differ ({listed}): the first {count} of each are taken to belong together."
    return count, (Loss(told) if count < max(stated, rows["image"]) else told,)


def _events(facts: dict[str, Any], count: int) -> tuple[list[str], str, tuple[str, ...]]:
    """The ids, where they are from, and a sentence where those that the file has are of no use."""
    index = facts.get("index", [])[:count]
    whole = [int(value) for value in index if math.isfinite(value) and value == int(value) and value >= 0]
    if len(whole) == count and all(a < b for a, b in itertools.pairwise(whole)):
        return [str(value) for value in whole], "events/index", ()
    told = "events/index has not a whole number for each image, each higher than the one before: ids are rows from 1."
    odd = (told,) if "index" in facts.get("features", {}) else ()
    return [str(number) for number in range(1, count + 1)], "rows from 1", odd


def _pixel_size(facts: dict[str, Any]) -> tuple[float | None, tuple[str, ...]]:
    text = facts["attributes"].get("imaging:pixel size")
    if text is None:
        return None, ()
    try:
        size = float(f"{float(text):.7g}")  # as it was before it became a float32
    except ValueError:
        size = math.nan
    if LEAST_PIXEL <= size <= MOST_PIXEL:
        return size, ()
    return None, (f"The pixel size that it states, {printable(text)}, is not believable and not used.",)


class RtdcMasks:
    """`events/mask` as a MaskStore: one object, no particles."""

    def __init__(self, process: HdfProcess, events: Sequence[str], facts: dict[str, Any]) -> None:
        self._process, self._rows, self._facts = process, {event: row for row, event in enumerate(events)}, facts

    def read(self, event: str, shape: tuple[int, int]) -> InstrumentMasks | None:
        """For an image of (height, width); None where the file has fewer masks than images.

        Raises:
            SampleError, MaskError: it is damaged, of another size, or packed in a way that needs an extra.
        """
        row, (rows, *own) = self._rows[event], self._facts["shape"]
        if row >= rows:
            return None
        if tuple(own) != shape or self._facts["lacking"]:
            why = f"it is of {own[1]} x {own[0]} px, its image of {shape[1]} x {shape[0]}"
            if self._facts["lacking"]:
                why = f"it is packed in a way that needs an extra: `{EXTRA}`"
            detail = f"Event {printable(event)}: {why}."
            raise MaskError("The instrument's mask can't be read", detail, "The image itself still can.")
        objects = (self._process.frame("mask", row) != 0).astype(np.uint16)
        return InstrumentMasks(objects, np.zeros(shape, np.uint16))

    def problems(self, events: tuple[str, ...]) -> tuple[str, ...]:
        lacking = [event for event in events if self._rows[event] >= self._facts["shape"][0]]
        return (*counted(lacking, "image has no instrument mask", "images have no instrument masks"), MARK_THE_TRIGGER)


class _Background:
    """The median of up to 64 of the background frames that the instrument wrote, float32 (H, W)."""

    def __init__(self, process: HdfProcess, facts: dict[str, Any], count: int) -> None:
        self._process = process
        self._right = facts["frames"]["image_bg"]["shape"][1:] == facts["frames"]["image"]["shape"][1:]
        self._rows = range(min(count, facts["frames"]["image_bg"]["shape"][0]))

    def __call__(self) -> NDArray[np.float32] | None:
        """None where no frame has the images' size and can be read."""
        frames = []
        for row in spread(self._rows, BACKGROUND_FRAMES) if self._right else ():
            with contextlib.suppress(SampleError):
                frames.append(self._process.frame("image_bg", row))
        return np.median(np.stack(frames), axis=0).astype(np.float32) if frames else None
