"""Centroids: read from a heat map, placed into objects, or taken as a particle's centre."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.regions import bounding_box, depth, label_objects
from tui_cytpix.core.watershed import particle_labels

_SQUARE = np.ones((3, 3), np.uint8)


def pick(
    heat: NDArray[np.floating[Any]],
    mask: NDArray[np.bool_],
    threshold: float,
    min_distance: float = 3.0,
) -> NDArray[np.float32]:
    """The peaks of a heat map inside a mask, at least one per object.

    A peak is a pixel of the mask that no neighbour exceeds, with heat >= `threshold`; of two peaks closer than
    `min_distance` px the hotter stays. Positions are refined by a parabola through the neighbours. An object
    without a peak gets its centre.

    Args:
        heat: (H, W), any scale.
        mask: bool (H, W).

    Returns:
        float32 (K, 2), (y, x) px, in the order of the objects' labels, hottest first in each.
    """
    objects, count = label_objects(mask)
    hot = np.ascontiguousarray(heat, np.float32)
    peaks = (hot >= cv2.dilate(hot, _SQUARE)) & mask & (hot >= threshold)
    ys, xs = np.nonzero(peaks)
    order = np.argsort(-hot[ys, xs], kind="stable")
    taken: list[list[tuple[float, float]]] = [[] for _ in range(count + 1)]
    everywhere: list[tuple[int, int]] = []
    for y, x in zip(ys[order].tolist(), xs[order].tolist(), strict=True):
        if any((y - v) ** 2 + (x - u) ** 2 < min_distance**2 for v, u in everywhere):
            continue
        everywhere.append((y, x))
        taken[objects[y, x]].append(_refined(hot, y, x))
    for label in range(1, count + 1):
        if not taken[label]:
            y, x = centre(objects == label)
            taken[label].append((y, x))
    flat = [point for points in taken[1:] for point in points]
    return np.array(flat, np.float32).reshape(-1, 2)


def _refined(heat: NDArray[np.float32], y: int, x: int) -> tuple[float, float]:
    def shift(line: NDArray[np.float32], at: int) -> float:
        if not 0 < at < len(line) - 1:
            return 0.0
        low, mid, high = (float(v) for v in line[at - 1 : at + 2])
        bend = low - 2 * mid + high
        return float(np.clip(0.5 * (low - high) / bend, -0.5, 0.5)) if bend < 0 else 0.0

    return y + shift(heat[:, x], y), x + shift(heat[y], x)


def centre(region: NDArray[np.bool_]) -> tuple[float, float]:
    """A region's centre (y, x) inside it: its mean position, or where that lies outside (a horseshoe), the nearest
    pixel that is at least half as deep as the deepest.

    Raises:
        ValueError: the region is empty.
    """
    box = bounding_box(region)
    if box is None:
        raise ValueError("an empty region has no centre")
    crop = np.pad(region[box.slices], 1)
    ys, xs = np.nonzero(crop)
    y, x = float(ys.mean()), float(xs.mean())
    if not crop[round(y), round(x)]:
        deep = depth(crop)
        ys, xs = np.nonzero(deep >= deep.max() / 2)
        nearest = int(np.argmin((ys - y) ** 2 + (xs - x) ** 2))
        y, x = float(ys[nearest]), float(xs[nearest])
    return y + box.y0 - 1, x + box.x0 - 1


def centres(labels: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The centre of each label present, ascending: float32 (K, 2), (y, x) px, each inside its particle."""
    present = np.unique(labels)
    points = [centre(labels == value) for value in present[present > 0].tolist()]
    return np.array(points, np.float32).reshape(-1, 2)


def offsets(mask: NDArray[np.bool_], centroids: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """How far each centroid is from the centre of its particle: float32 (K,) px, NaN for one without a particle."""
    particles = particle_labels(mask, centroids)
    away = np.full(len(centroids), np.nan, np.float32)
    for k, (y, x) in enumerate(np.asarray(centroids, np.float64).tolist()):
        region = particles == k + 1
        if region.any():
            cy, cx = centre(region)
            away[k] = np.hypot(cy - y, cx - x)
    return away


def place_in_object(object_mask: NDArray[np.bool_], count: int) -> NDArray[np.float32]:
    """Centroids for an object in which `count` particles are said to be: float32 (count, 2), (y, x) px, inside the
    object.

    Raises:
        ValueError: the object is empty or has fewer pixels than `count`, or `count` is below 1.
    """
    ys, xs = np.nonzero(object_mask)
    if not 1 <= count <= len(ys):
        raise ValueError(f"{count} centroids don't fit into {len(ys)} pixels")
    if count == 1:
        return np.array([centre(object_mask)], np.float32)
    points = np.stack([ys, xs], axis=1).astype(np.float64)
    return _spread(points, _farthest(points, count))


def _farthest(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Farthest-point sampling, from the point farthest from the mean."""
    first = int(np.argmax(((points - points.mean(axis=0)) ** 2).sum(axis=1)))
    chosen = [first]
    nearest = ((points - points[first]) ** 2).sum(axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return points[chosen]


def _spread(points: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float32]:
    """k-means over the object's pixels; each mean is moved to the nearest pixel of its own cluster."""
    middles = start
    owner = np.zeros(len(points), np.intp)
    for _ in range(20):
        owner = np.argmin(((points[:, None] - middles[None]) ** 2).sum(axis=2), axis=1)
        moved = np.array([points[owner == k].mean(axis=0) for k in range(len(middles))])
        if np.allclose(moved, middles, atol=1e-3):
            break
        middles = moved
    placed = []
    for k, middle in enumerate(middles):
        own = points[owner == k]
        placed.append(own[int(np.argmin(((own - middle) ** 2).sum(axis=1)))])
    return np.array(placed, np.float32)
