"""Images whose pixels lie in no image file, as an ImageStore: each is made a TIFF when it is read."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.gray_range import IMAGES_SCALED_BY, GrayRange
from tui_cytpix.formats.bytes.image_decode import Gray
from tui_cytpix.formats.bytes.write_plain_tiff import encode_plain_tiff
from tui_cytpix.formats.sample.identity import spread

Pixels = NDArray[Any]
_AS_FLOAT = "save them as floating point numbers (float32), which are scaled"


class ArrayImages:
    """Images by event id. Whole numbers from 0 to 65535 are grays as they are; floating point ones are scaled to 16
    bits, all images of the sample alike: see `GrayRange`.

    Args:
        path: the sample, for messages.
        events: in natural order.
        pixels: the (H, W) pixels of the image at a place in `events`, of any type of numbers; it raises SampleError.
        size: how many bytes the pixels at a place are, -1 where that isn't known.
    """

    def __init__(
        self,
        path: Path,
        events: Sequence[str],
        pixels: Callable[[int], Pixels],
        size: Callable[[int], int],
        problems: tuple[str, ...] = (),
    ) -> None:
        self._path, self._pixels, self._size = path, pixels, size
        self.events: tuple[str, ...] = tuple(events)
        self.problems = problems
        self._places = {event: place for place, event in enumerate(self.events)}
        self._lock = threading.Lock()
        self._range: GrayRange | None = None

    def read(self, event: str) -> bytes:
        return encode_plain_tiff(self._gray(event))

    def stated(self, event: str) -> tuple[int, int | None]:
        return self._size(self._places[event]), None

    def label(self, event: str) -> str:
        return f"{printable(self._path)}, image {printable(event)}"

    def _gray(self, event: str) -> Gray:
        pixels = self._pixels(self._places[event])
        if pixels.dtype in (np.uint8, np.uint16):
            return pixels
        if pixels.dtype == bool:
            return pixels.astype(np.uint8)
        if pixels.dtype.kind in "iu":
            low, high = int(pixels.min()), int(pixels.max())
            if low < 0 or high > 0xFFFF:
                raise self._bad(event, f"values from {low} to {high} don't fit into 16 bits; {_AS_FLOAT}")
            return pixels.astype(np.uint16)
        try:
            return self._found_range().gray(pixels)
        except ValueError as error:
            raise self._bad(event, str(error)) from error

    def _found_range(self) -> GrayRange:
        """The sample's, found once."""
        with self._lock:
            if self._range is None:
                self._range = GrayRange.of(self._some())
            return self._range

    def _some(self) -> Iterator[Pixels]:
        for place in spread(range(len(self.events)), IMAGES_SCALED_BY):
            with contextlib.suppress(SampleError):  # told when it is read itself
                yield self._pixels(place)

    def _bad(self, event: str, why: str) -> SampleError:
        return SampleError("The image can't be read", f"{self.label(event)}: {why}.", "Other images may still be read.")
