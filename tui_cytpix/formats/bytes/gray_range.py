"""Floating point pixels as 16-bit gray."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

IMAGES_SCALED_BY = 64  # of a sample, at even distances
PIXELS_OF_EACH = 1 << 16
LOW, HIGH = 0.001, 0.999  # quantiles
STEPS = 8  # into which the least power of two above their distance is divided
MOST = 1e30  # of a number that was measured
LOW_GRAY, HIGH_GRAY = 16384, 49151  # what they become; what lies beyond has room on either side
_HIGHEST = 0xFFFF


class GrayRange(NamedTuple):
    """Which floating point values become gray 16384 and 49151; others in proportion, clipped at 0 and 65535.

    One range is for all images of a sample, so that they can be compared. Its ends are quantiles, not the least and
    the greatest value: one hot or dead pixel would squeeze all cells into a few grays, and what some images hold isn't
    held by all. They are rounded to steps: so grays, by which an image is known, mostly stay the same when images are
    added to a sample. Whole numbers from 0 to 65535 are grays that were saved so, and stay what they are.
    """

    low: float = LOW_GRAY
    high: float = HIGH_GRAY

    @classmethod
    def of(cls, images: Iterable[NDArray[Any]]) -> GrayRange:
        """The range for some images of a sample, each of any shape."""
        some = [_float64(image.ravel()[:: max(1, image.size // PIXELS_OF_EACH)]) for image in images]
        values = np.concatenate([*some, np.zeros(0)])
        values = values[np.abs(values) < MOST]
        if not values.size:
            return cls()
        if values.min() >= 0 and 1 < values.max() <= _HIGHEST and (values == np.rint(values)).all():
            return cls()
        low, high = map(float, np.quantile(values, (LOW, HIGH)))
        if high - low < 1 / MOST:
            low, high = float(values.min()), float(values.max())
        if high - low < 1 / MOST:
            return cls(low, low + 1)
        step = 2.0 ** math.ceil(math.log2(high - low)) / STEPS
        return cls(math.floor(low / step) * step, math.ceil(high / step) * step)

    def gray(self, pixels: NDArray[Any]) -> NDArray[np.uint16]:
        """Gray values (H, W) of floating point ones.

        Raises:
            ValueError: some are no numbers; the message is a part of a sentence.
        """
        numbers = _float64(pixels)
        if not (np.abs(numbers) < MOST).all():
            raise ValueError("some of its pixels are no numbers; give them the background's value")
        gray = LOW_GRAY + (numbers - self.low) * ((HIGH_GRAY - LOW_GRAY) / (self.high - self.low))
        return np.clip(np.rint(gray), 0, _HIGHEST).astype(np.uint16)


def _float64(pixels: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # damaged files hold numbers that are none
        return pixels.astype(np.float64)
