"""Pictures of crops for a person's eye: image, truth, prediction."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tests.benchmarks._cells import Crop
from tui_cytpix.core.images.render import stretch
from tui_cytpix.domain.segmentation import Segmentation

TILE, GAP, CAPTION = 200, 4, 14
TRUTH, PREDICTED = (80, 220, 80), (60, 160, 255)  # BGR


def _picture(
    image: np.ndarray, labels: np.ndarray | None, colour: tuple[int, int, int], points: np.ndarray
) -> np.ndarray:
    """uint8 (TILE, TILE, 3); outlines and marks are drawn after the enlargement."""
    zoom = TILE / max(image.shape)
    size = (max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom)))
    gray = cv2.resize(stretch(image.astype(np.float32)), size, interpolation=cv2.INTER_LINEAR)
    tile = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    if labels is not None:
        large = cv2.resize(labels.astype(np.uint16), size, interpolation=cv2.INTER_NEAREST)
        for label in np.unique(large[large > 0]):
            outlines, _ = cv2.findContours((large == label).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(tile, outlines, -1, colour, 1)
    for y, x in points:
        at = (round((float(x) + 0.5) * zoom - 0.5), round((float(y) + 0.5) * zoom - 0.5))
        cv2.drawMarker(tile, at, colour, cv2.MARKER_CROSS, 9, 2)
    full = np.zeros((TILE, TILE, 3), np.uint8)
    full[: tile.shape[0], : tile.shape[1]] = tile[:TILE, :TILE]
    return full


def triple(crop: Crop, answer: Segmentation, caption: str) -> np.ndarray:
    """Image | truth's outlines | prediction's outlines and centroids, with a line of text above."""
    return _captioned([*_crop_and_truth(crop), _picture(crop.image, answer.mask, PREDICTED, answer.centroids)], caption)


def with_truth(crop: Crop, caption: str) -> np.ndarray:
    """Image | truth's outlines, with a line of text above."""
    return _captioned(_crop_and_truth(crop), caption)


def _crop_and_truth(crop: Crop) -> list[np.ndarray]:
    return [_picture(crop.image, labels, TRUTH, np.zeros((0, 2))) for labels in (None, crop.labels)]


def _captioned(tiles: Sequence[np.ndarray], caption: str) -> np.ndarray:
    body = np.hstack([np.pad(tile, ((CAPTION, GAP), (0, GAP), (0, 0))) for tile in tiles])
    cv2.putText(body, caption, (2, CAPTION - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
    return body


def montage(tiles: Sequence[np.ndarray], columns: int = 2) -> np.ndarray:
    """Tiles of one size in rows; uint8 (H, W, 3)."""
    blank = np.zeros_like(tiles[0])
    padded = [*tiles, *[blank] * (-len(tiles) % columns)]
    return np.vstack([np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)])
