"""An ImageStream `.cif` as a sample: one channel of each object's image, and the instrument's mask of the object in it.

Event ids are the objects' numbers, from 0. Masks mark the object that triggered; they don't tell how many cells it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import MaskError, SampleError
from tui_cytpix.formats.bytes.names import counted
from tui_cytpix.formats.bytes.source import FileBytes
from tui_cytpix.formats.masks.instrument import InstrumentMasks
from tui_cytpix.formats.sample.array_images import ArrayImages
from tui_cytpix.formats.sample.cif.pages import CifObject, CifPages, Page, read_pages
from tui_cytpix.formats.sample.cif.pixels import decode_image, decode_mask
from tui_cytpix.formats.sample.linked_fcs import find_fcs
from tui_cytpix.formats.sample.parts import MARK_THE_TRIGGER, Asked, SampleParts, chosen_channel

USUAL_CHANNELS = 6


def open_parts(path: Path, asked: Asked) -> SampleParts:
    """Raises:
    SampleError: it is no `.cif`, or no object can be read.
    UsageError: it has no such channel.
    """
    with contextlib.ExitStack() as resources:
        source = FileBytes(path)
        resources.callback(source.close)
        try:
            pages = read_pages(source)
        except ValueError as error:
            way_out = "Copy it again, or make it anew from the .rif in IDEAS."
            raise SampleError("The .cif can't be read", f"{printable(path)}: {error}.", way_out) from error
        if not pages.objects:
            detail = f"{printable(path)} holds no image of an object. {pages.damage}"
            raise SampleError("No images found", detail.strip(), "Make it anew from the .rif in IDEAS.")
        channels, default, problems = _channels(pages)
        chosen = chosen_channel(channels, asked.channel, default, path)
        objects, odd_numbers = _by_number(pages.objects)
        pictures = _SideBySide(source, objects, len(channels), chosen)
        return SampleParts(
            path,
            "ImageStream .cif",
            ArrayImages(path, pictures.events, pictures.image, pictures.size),
            asked.fcs or find_fcs(path.stem, (path.resolve().parent,)),
            CifMasks(pictures, objects),
            masks_tell_particles=False,
            problems=(
                *([pages.damage] if pages.damage else []),
                *odd_numbers,
                *(problems if not asked.channel else ()),
            ),
            um_per_px=pages.experiment.um_per_px,
            channels=channels,
            channel=channels[chosen],
            resources=resources.pop_all(),
        )


def _channels(pages: CifPages) -> tuple[tuple[str, ...], int, tuple[str, ...]]:
    """The channels' numbers from left to right, which of them is read if none is asked for, and what is odd in that."""
    told, lit = pages.experiment.channels, pages.experiment.brightfield
    numbers = told or tuple(range(1, USUAL_CHANNELS + 1))
    problems = []
    if not told:
        problems.append(f"The file doesn't say which channels it has: it is read as {USUAL_CHANNELS} side by side.")
    if not lit:
        problems.append(
            "The file doesn't say which channel is brightfield: the first is read. Give another by --channel."
        )
    return tuple(map(str, numbers)), numbers.index(lit[0]) if lit else 0, tuple(problems)


def _by_number(objects: tuple[CifObject, ...]) -> tuple[dict[str, CifObject], tuple[str, ...]]:
    """Objects by id, in order of their numbers; by their place in the file where numbers lack or come twice."""
    numbers = [one.number for one in objects if one.number is not None]
    if len(set(numbers)) < len(objects):
        odd = "Objects lack numbers of their own, or share some: they are numbered from 0 as they lie in the file."
        return {str(place): one for place, one in enumerate(objects)}, (odd,)
    return {
        str(number): one for number, one in sorted(zip(numbers, objects, strict=True), key=lambda pair: pair[0])
    }, ()


class _SideBySide:
    """Reads the part of a picture that is the chosen channel's."""

    def __init__(self, source: FileBytes, objects: Mapping[str, CifObject], channels: int, chosen: int) -> None:
        self._source, self._channels, self._chosen = source, channels, chosen
        self.events, self.objects = tuple(objects), tuple(objects.values())

    def image(self, place: int) -> NDArray[np.uint16]:
        """(H, W) of the object at a place in `events`.

        Raises:
            SampleError: it is damaged.
        """
        page = self.objects[place].image
        try:
            if page.bits != 16:
                raise ValueError(f"pixels of {page.bits} bits are not read")
            picture = decode_image(self._content(page), page.height, page.width)
        except ValueError as error:
            detail = f"{self.label(self.events[place])}: {error}."
            raise SampleError("The image can't be read", detail, "Other images may still be read.") from error
        return picture[:, self._columns(page)]

    def mask(self, page: Page) -> NDArray[np.bool_]:
        """(H, W); raises ValueError where it is damaged."""
        return decode_mask(self._content(page), page.height, page.width)[:, self._columns(page)]

    def size(self, place: int) -> int:
        """Bytes of the image of the object at a place in `events`."""
        return self.objects[place].image.length

    def label(self, event: str) -> str:
        return f"{printable(self._source.path)}, image {event}"

    def _content(self, page: Page) -> bytes:
        if page.width % self._channels:
            raise ValueError(f"{page.width} px can't be {self._channels} channels side by side")
        return self._source.read_at(page.offset, page.length)

    def _columns(self, page: Page) -> slice:
        width = page.width // self._channels
        return slice(self._chosen * width, (self._chosen + 1) * width)


class CifMasks:
    """As a MaskStore: one object, no particles."""

    def __init__(self, pictures: _SideBySide, objects: Mapping[str, CifObject]) -> None:
        self._pictures, self._objects = pictures, objects

    def read(self, event: str, shape: tuple[int, int]) -> InstrumentMasks | None:
        """For an image of (height, width); None where there are none for the event.

        Raises:
            MaskError: it is damaged or of another size.
        """
        page = self._objects[event].mask
        if page is None:
            return None
        try:
            mask = self._pictures.mask(page)
            if mask.shape != shape:
                raise ValueError(f"it is of {mask.shape[1]} x {mask.shape[0]} px, its image of {shape[1]} x {shape[0]}")
        except ValueError as error:
            detail = f"{self._pictures.label(event)}: {error}."
            raise MaskError("The instrument's mask can't be read", detail, "The image itself still can.") from error
        return InstrumentMasks(mask.astype(np.uint16), np.zeros(shape, np.uint16))

    def problems(self, events: tuple[str, ...]) -> tuple[str, ...]:
        lacking = [event for event in events if self._objects[event].mask is None]
        return (
            *counted(lacking, "object has no instrument mask", "objects have no instrument masks"),
            MARK_THE_TRIGGER,
        )
