"""Small changes to a mask and to a centroid, as an annotator asks for them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import level
from tui_cytpix.core.objects.regions import CROSS, SQUARE, as_uint8, boxes, label_objects

_SNAP_ROUNDS = 30


def _object_at(labels: NDArray[np.int32], at: tuple[float, float] | None) -> list[int]:
    """The object under a point (y, x), all objects where there is no point, none where the point is on background."""
    if at is None:
        return list(range(1, int(labels.max()) + 1))
    row, column = round(at[0]), round(at[1])
    inside = 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]
    label = int(labels[row, column]) if inside else 0
    return [label] if label else []


def tighten(
    mask: NDArray[np.bool_], centroids: NDArray[np.floating[Any]], at: tuple[float, float] | None = None
) -> NDArray[np.bool_]:
    """Takes 1 px off the outline of the object at a point (y, x), of all where `at` is None.

    Objects neither vanish nor fall apart: necks stay, an object that can't lose a pixel everywhere stays whole, and
    so does the pixel under a centroid. The image's edge is no outline.

    Returns:
        bool (H, W), a new mask.
    """
    labels, count = label_objects(mask)
    found = boxes(labels, count)
    result = mask.copy()
    for label in _object_at(labels, at):
        box = found[label - 1].grown(1, mask.shape)
        whole = labels[box.slices] == label
        smaller = _eroded(whole)
        for y, x in np.asarray(centroids, np.float64).tolist():
            row, column = round(y) - box.y0, round(x) - box.x0
            if 0 <= row < smaller.shape[0] and 0 <= column < smaller.shape[1]:
                smaller[row, column] |= whole[row, column]
        if label_objects(smaller)[1] == 1:
            result[box.slices] &= ~whole | smaller
    return result


def _eroded(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """1 px less, with necks and what else is too thin to survive an opening kept."""
    less = cv2.erode(as_uint8(region), CROSS)
    thin = as_uint8(region & ~cv2.dilate(less, CROSS).view(np.bool_))
    joints = cv2.dilate(thin, SQUARE).view(np.bool_) & region
    smaller = less.view(np.bool_)
    return smaller if label_objects(smaller)[1] == 1 else smaller | joints


def loosen(mask: NDArray[np.bool_], at: tuple[float, float] | None = None) -> NDArray[np.bool_]:
    """Adds 1 px to the outline of the object at a point (y, x), of all where `at` is None; separate objects never
    merge.

    Returns:
        bool (H, W), a new mask.
    """
    labels, _ = label_objects(mask)
    grown = labels.copy()
    for label in _object_at(labels, at):
        ring = cv2.dilate(as_uint8(labels == label), CROSS).view(np.bool_) & (grown == 0)
        # A pixel that would touch another object, as it is by now, stays background.
        others = as_uint8((grown > 0) & (grown != label))
        grown[ring & ~cv2.dilate(others, SQUARE).view(np.bool_)] = label
    return np.asarray(grown > 0)


def snap(image: NDArray[np.generic], point: tuple[float, float], radius: float = 6.0) -> tuple[float, float]:
    """Moves a point to the middle of the structure around it.

    Mean shift (Fukunaga and Hostetler 1975) with a Gaussian window on |image - its background level|: a cell's rim
    and body draw the point to their common middle.

    Args:
        image: (H, W), any real dtype.
        point: (y, x), px.
        radius: standard deviation of the window, px; about the particle's radius. The point moves at most twice as far.

    Returns:
        (y, x); the point itself where nothing around it differs from the background.
    """
    gray = image.astype(np.float32)
    weight = np.abs(cv2.GaussianBlur(gray, (0, 0), 1.0) - level(gray))
    reach = round(5 * radius)
    y0, x0 = max(round(point[0]) - reach, 0), max(round(point[1]) - reach, 0)
    local = weight[y0 : round(point[0]) + reach + 1, x0 : round(point[1]) + reach + 1].astype(np.float64)
    ys = np.arange(local.shape[0]) + y0
    xs = np.arange(local.shape[1]) + x0
    y, x = float(point[0]), float(point[1])
    for _ in range(_SNAP_ROUNDS):
        along_y = np.exp(-0.5 * ((ys - y) / radius) ** 2)
        along_x = np.exp(-0.5 * ((xs - x) / radius) ** 2)
        total = float(along_y @ local @ along_x)
        if total <= 0:
            break
        new_y = float((along_y * ys) @ local @ along_x) / total
        new_x = float(along_y @ local @ (along_x * xs)) / total
        moved = np.hypot(new_y - y, new_x - x)
        if np.hypot(new_y - point[0], new_x - point[1]) > 2 * radius:
            break
        y, x = new_y, new_x
        if moved < 0.01:
            break
    return y, x
