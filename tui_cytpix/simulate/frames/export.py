"""What happens to an image between the sensor and the file: enlarging, sharpening, gamma, 8 bits, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.formats.bytes.image_decode import opened
from tui_cytpix.simulate.frames.optics import Floats, blur
from tui_cytpix.simulate.kinds.kind import Export

_JPEG_LEVELS = 255


@dataclass(frozen=True)
class Processing:
    """A tube's way to the file; 1, 0 or None where a step is left out.

    Attributes:
        enlarged: how many times the image was enlarged, by cubic interpolation.
        amount, radius_px: of the unsharp mask.
        gamma: exponent on the light.
        eight_bit: whether the gray levels are whole multiples of 4 of the sensor's.
        quality: of the JPEG compression.
    """

    enlarged: float = 1.0
    amount: float = 0.0
    radius_px: float = 1.0
    gamma: float = 1.0
    eight_bit: bool = False
    quality: int | None = None


def draw_processing(ranges: Export, rng: np.random.Generator) -> Processing:
    enlarged = float(rng.uniform(*ranges.enlarged)) if rng.random() < ranges.smoothing else 1.0
    amount = float(rng.uniform(*ranges.amount)) if rng.random() < ranges.sharpening else 0.0
    radius, gamma = float(rng.uniform(*ranges.radius_px)), float(rng.uniform(*ranges.gamma))
    eight_bit = bool(rng.random() < ranges.eight_bit)
    quality = int(rng.uniform(*ranges.quality)) if eight_bit and rng.random() < ranges.jpeg else None
    return Processing(enlarged, amount, radius, gamma, eight_bit, quality)


def process(gray: Floats, steps: Processing, dark: float, level: float) -> Floats:
    """The steps before the gray levels are rounded.

    Args:
        gray: float32 (H, W), gray levels with the sensor's noise. dark, level: without light, and of the background.
    """
    if steps.enlarged > 1:
        height, width = gray.shape
        small = (max(2, round(width / steps.enlarged)), max(2, round(height / steps.enlarged)))
        shrunk = cv2.resize(gray, small, interpolation=cv2.INTER_AREA)
        gray = np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    if steps.amount > 0:
        gray = gray + np.float32(steps.amount) * (gray - blur(gray, steps.radius_px))
    if steps.gamma != 1:
        light = np.maximum((gray - dark) / (level - dark), 0)
        gray = dark + (level - dark) * light ** np.float32(steps.gamma)
    return np.asarray(gray, np.float32)


def round_off(gray: NDArray[np.uint16], steps: Processing) -> NDArray[np.uint16]:
    """8 bits in place of the sensor's 10, and JPEG; gray levels stay the sensor's."""
    if not steps.eight_bit:
        return gray
    eight = ((gray + 2) // 4).clip(0, _JPEG_LEVELS).astype(np.uint8)
    if steps.quality is not None:
        _, coded = cv2.imencode(".jpg", eight, [cv2.IMWRITE_JPEG_QUALITY, steps.quality])
        with opened(coded.tobytes(), "simulated", ("JPEG",)) as picture:
            eight = np.array(picture)
    return eight.astype(np.uint16) * 4
