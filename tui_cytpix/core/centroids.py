"""Centroids: read from a heat map, or taken as a particle's centre."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.regions import as_uint8, bounding_box, depth, label_objects
from tui_cytpix.core.watershed import particle_labels

_SQUARE = np.ones((3, 3), np.uint8)


def pick(
    heat: NDArray[np.floating[Any]],
    mask: NDArray[np.bool_],
    threshold: float,
    min_distance: float = 3.0,
) -> NDArray[np.float32]:
    """The peaks of a heat map inside a mask, at least one per object.

    A peak is a pixel of the mask that no neighbour exceeds, or the middle of several equal ones, with heat >=
    `threshold`; of two peaks of one object closer than `min_distance` px the hotter stays. Positions are refined by
    a parabola through the neighbours. An object without a peak gets its centre.

    Args:
        heat: (H, W), any scale.
        mask: bool (H, W).

    Returns:
        float32 (K, 2), (y, x) px, in the order of the objects' labels, hottest first in each.
    """
    objects, count = label_objects(mask)
    hot = np.ascontiguousarray(heat, np.float32)
    peaks = (hot >= cv2.dilate(hot, _SQUARE)) & mask & (hot >= threshold)
    ys, xs = _middles(peaks)
    order = np.argsort(-hot[ys, xs], kind="stable")
    taken: list[list[tuple[float, float]]] = [[] for _ in range(count + 1)]
    for y, x in zip(ys[order].tolist(), xs[order].tolist(), strict=True):
        others = taken[objects[y, x]]
        if all((y - v) ** 2 + (x - u) ** 2 >= min_distance**2 for v, u in others):
            others.append(_refined(hot, y, x))
    for label in range(1, count + 1):
        if not taken[label]:
            y, x = centre(objects == label)
            taken[label].append((y, x))
    flat = [point for points in taken[1:] for point in points]
    return np.array(flat, np.float32).reshape(-1, 2)


def _middles(peaks: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One pixel for each peak, the middle one where it is a plateau (heat saturates, and bfloat16 has few steps)."""
    count, plateaus, stats, middles = cv2.connectedComponentsWithStats(
        as_uint8(peaks), connectivity=8, ltype=cv2.CV_32S
    )
    ys, xs = np.nonzero(peaks)
    away = (ys - middles[plateaus[ys, xs], 1]) ** 2 + (xs - middles[plateaus[ys, xs], 0]) ** 2
    order = np.lexsort((away, plateaus[ys, xs]))
    first = np.concatenate([[0], np.cumsum(stats[1:, cv2.CC_STAT_AREA])[:-1]]).astype(np.intp) if count > 1 else order
    return ys[order[first]], xs[order[first]]


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
    sums = cv2.moments(as_uint8(region), binaryImage=True)
    if not sums["m00"]:
        raise ValueError("an empty region has no centre")
    mean = np.array([sums["m01"] / sums["m00"], sums["m10"] / sums["m00"]], np.float32)
    if region[_pixel(mean)]:
        return float(mean[0]), float(mean[1])
    box = bounding_box(region)
    assert box is not None
    deep = depth(np.pad(region[box.slices], 1))  # so that the image's edge counts as outside
    ys, xs = np.nonzero(deep >= deep.max() / 2)
    ys, xs = ys + box.y0 - 1, xs + box.x0 - 1
    nearest = int(np.argmin((ys - mean[0]) ** 2 + (xs - mean[1]) ** 2))
    return float(ys[nearest]), float(xs[nearest])


def _pixel(point: NDArray[np.float32]) -> tuple[int, int]:
    """The pixel under a point (y, x), in float32 as centroids are kept: halves then round the same everywhere."""
    return round(float(point[0])), round(float(point[1]))


def centres(labels: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The centre of each label present, ascending: float32 (K, 2), (y, x) px, each inside its particle."""
    ys, xs = np.nonzero(labels)
    owners = labels[ys, xs]
    areas = np.bincount(owners)
    values = np.flatnonzero(areas)
    sums = np.stack([np.bincount(owners, at)[values] for at in (ys, xs)], axis=1)
    points = (sums / areas[values, None]).astype(np.float32).reshape(-1, 2)
    for k, (value, point) in enumerate(zip(values.tolist(), points, strict=True)):
        if labels[_pixel(point)] != value:
            points[k] = centre(labels == value)
    return points


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
