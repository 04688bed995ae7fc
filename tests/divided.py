"""Segmentations that carry their division, for tests of all rooms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.label_images import segmentation_from_labels


def nothing(shape: tuple[int, int]) -> Segmentation:
    """No object at all, on an image of (height, width)."""
    return Segmentation(np.zeros(shape, bool), np.zeros((0, 2), np.float32))


def touching_rods(length: int = 59) -> NDArray[np.uint16]:
    """Two parallel rods, 8 px wide, side by side over their whole length: uint16 (64, 96), 1 and 2. The watershed cuts
    them straight across.
    """
    ys, xs = np.mgrid[:64, :96].astype(float)
    labels = np.zeros(ys.shape, np.uint16)
    for k, y in enumerate((23.5, 31.5), start=1):
        labels[np.hypot(np.maximum(np.abs(xs - 48) - (length - 7) / 2, 0), ys - y) <= 4] = k
    return labels


def picture(labels: NDArray[np.uint16]) -> NDArray[np.float32]:
    """What a microscope shows of them: bright, with a dark line where two touch; float32 (H, W), the background 0."""
    shades = np.where(labels > 0, 30, 0).astype(np.float32)
    for one, other in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        for here, there, shade in (
            (labels[one], labels[other], shades[one]),
            (labels[:, one], labels[:, other], shades[:, one]),
        ):
            shade[(here != there) & (here > 0) & (there > 0)] = 0
    return shades


def any_division(seed: int, shape: tuple[int, int] = (40, 50)) -> Segmentation:
    """Blobs, divided among three to seven particles in no sensible way: some lie in pieces, also in others' objects."""
    rng = np.random.default_rng(seed)
    noise = rng.random(shape)
    for axis in (0, 1):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    mask = noise > np.quantile(noise, 0.6)
    number = int(rng.integers(3, 8))
    middles = rng.uniform(0, 1, (number, 2)) * shape
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(ys[..., None] - middles[:, 0], xs[..., None] - middles[:, 1])
    return segmentation_from_labels(np.where(mask, away.argmin(axis=2) + 1, 0).astype(np.uint16))
