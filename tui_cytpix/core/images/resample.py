"""Images at another size, edges kept on edges: pixel y of an image lies at (y + 1/2) zoom - 1/2 of the other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def resampled(image: NDArray[np.float32], zoom: float) -> NDArray[np.float32]:
    """An image `zoom` times as large: pixels averaged where it shrinks, cubic where it grows. float32.

    Where it is halved an odd last row or column is repeated first.
    """
    if zoom == 1:
        return image
    if zoom == 0.5:
        height, width = image.shape
        image = extended(image, height + height % 2, width + width % 2)
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, _size(image.shape, zoom), interpolation=how), np.float32)


def extended(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """An image whose last row and column are repeated up to a size; itself where it has that."""
    if image.shape == (height, width):
        return image
    return np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1])), mode="edge")


def resampled_labels(labels: NDArray[np.uint16], zoom: float) -> NDArray[np.uint16]:
    """A label image `zoom` times as large: each pixel takes the label that it lies on."""
    if zoom == 1:
        return labels
    return np.asarray(cv2.resize(labels, _size(labels.shape, zoom), interpolation=cv2.INTER_NEAREST_EXACT), np.uint16)


def _size(shape: tuple[int, ...], zoom: float) -> tuple[int, int]:
    return max(1, round(shape[1] * zoom)), max(1, round(shape[0] * zoom))
