"""Images whose pixels lie in no image file, as an ImageStore: each is made a TIFF when it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.image_decode import Gray
from tui_cytpix.formats.bytes.write_plain_tiff import encode_plain_tiff
from tui_cytpix.formats.sample.identity import spread

IMAGES_SCALED_BY = 64
PIXELS_OF_EACH = 1 << 16
LOW, HIGH = 0.001, 0.999  # quantiles
MOST = 1e30  # of a number that was measured
LOW_GRAY, HIGH_GRAY = 16384, 49151  # what they become; what lies beyond has room on either side

Pixels = NDArray[Any]


class ArrayImages:
    """Images by event id. Whole numbers from 0 to 65535 are grays as they are; other numbers are scaled to 16 bits, all
    images of the sample alike: see `scaled`.

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
        self._limits: tuple[float, float] | None = None

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
                raise self._bad(event, f"values from {low} to {high} don't fit into 16 bits")
            return pixels.astype(np.uint16)
        numbers = _float64(pixels)
        if not (np.abs(numbers) < MOST).all():
            raise self._bad(event, "some of its pixels are no numbers")
        return scaled(numbers, *self._found_limits())

    def _found_limits(self) -> tuple[float, float]:
        """The sample's limits, found once, from up to 64 images at even distances."""
        with self._lock:
            if self._limits is None:
                self._limits = limits(self._some())
            return self._limits

    def _some(self) -> list[Pixels]:
        found = []
        for place in spread(range(len(self.events)), IMAGES_SCALED_BY):
            try:
                values = self._pixels(place).ravel()
            except SampleError:
                continue  # told when it is read itself
            found.append(values[:: max(1, values.size // PIXELS_OF_EACH)])
        return found

    def _bad(self, event: str, why: str) -> SampleError:
        return SampleError("The image can't be read", f"{self.label(event)}: {why}.", "The other images still can.")


def limits(images: Sequence[Pixels]) -> tuple[float, float]:
    """The 0.1 and 99.9 % quantiles of all pixels that are numbers; 0 and 1 where there are none; never equal."""
    values = np.concatenate([_float64(np.ravel(image)) for image in images] or [np.zeros(0)])
    values = values[np.abs(values) < MOST]
    low, high = np.quantile(values, (LOW, HIGH)) if values.size else (0.0, 1.0)
    return (float(low), float(high)) if high - low > 1 / MOST else (float(low), float(low) + 1)


def scaled(pixels: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint16]:
    """`low` becomes gray 16384 and `high` 49151, so that what lies half as far again beyond either isn't clipped."""
    gray = LOW_GRAY + (pixels - low) * ((HIGH_GRAY - LOW_GRAY) / (high - low))
    return np.clip(np.rint(gray), 0, 0xFFFF).astype(np.uint16)


def _float64(pixels: Pixels) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # damaged files hold numbers that are none
        return pixels.astype(np.float64)
