"""Centroids: read from a heat map, placed into objects, or taken as a particle's centre."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.regions import as_uint8, bounding_box, compact, depth, ellipses, label_objects
from tui_cytpix.core.watershed import particle_labels

_SQUARE = np.ones((3, 3), np.uint8)
_PART_RISE, _PART_SHARE = 1.0, 0.15
_KMEANS_POINTS, _KMEANS_ROUNDS = 400, 20


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
    box = bounding_box(region)
    if box is None:
        raise ValueError("an empty region has no centre")
    crop = region[box.slices]
    ys, xs = np.nonzero(crop)
    mean = np.array([ys.mean() + box.y0, xs.mean() + box.x0], np.float32)
    if region[_pixel(mean)]:
        return float(mean[0]), float(mean[1])
    deep = depth(np.pad(crop, 1))  # so that the image's edge counts as outside
    ys, xs = np.nonzero(deep >= deep.max() / 2)
    ys, xs = ys + box.y0 - 1, xs + box.x0 - 1
    nearest = int(np.argmin((ys - mean[0]) ** 2 + (xs - mean[1]) ** 2))
    return float(ys[nearest]), float(xs[nearest])


def _pixel(point: NDArray[np.float32]) -> tuple[int, int]:
    """The pixel under a point (y, x), in float32 as centroids are kept: halves then round the same everywhere."""
    return round(float(point[0])), round(float(point[1]))


def centres(labels: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The centre of each label present, ascending: float32 (K, 2), (y, x) px, each inside its particle."""
    numbers, values = compact(labels)
    points = np.array([(e.y, e.x) for e in ellipses(numbers, len(values))], np.float32).reshape(-1, 2)
    for k, point in enumerate(points):
        if numbers[_pixel(point)] != k + 1:
            points[k] = centre(numbers == k + 1)
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


def place_in_object(object_mask: NDArray[np.bool_], count: int) -> NDArray[np.float32]:
    """Centroids for an object in which `count` particles are said to be.

    One goes to the object's centre. More go where the object is thickest, if it falls into `count` parts or fewer
    when it is eroded; the rest is spread over it by farthest-point sampling and k-means (one fixed run: the same
    mask gives the same points).

    Returns:
        float32 (count, 2), (y, x) px, all different and inside the object, top to bottom.

    Raises:
        ValueError: the object has fewer pixels than `count`, or `count` is below 1.
    """
    box = bounding_box(object_mask)
    crop = object_mask[box.slices] if box is not None else object_mask
    pixels = np.argwhere(crop).astype(np.float64)
    if box is None or not 1 <= count <= len(pixels):
        raise ValueError(f"{count} centroids don't fit into {len(pixels)} pixels")
    if count == 1:
        return np.array([centre(object_mask)], np.float32)
    start = _thick_parts(crop, count)
    placed = start if len(start) == count else _spread(pixels, start, count)
    placed = placed[np.lexsort((placed[:, 1], placed[:, 0]))]
    return np.asarray(placed + np.array([box.y0, box.x0]), np.float32)


def _thick_parts(crop: NDArray[np.bool_], limit: int) -> NDArray[np.float64]:
    """Middles of the parts that an object falls into when eroded, (K, 2), K <= limit; none where it stays whole.

    Of all depths, the one that gives most parts, and of those the shallowest. Parts less than 1 px or 15 % deeper
    than the depth of the cut are taken for ragged edges.
    """
    deep = depth(np.pad(crop, 1))[1:-1, 1:-1]
    deepest = float(deep.max())
    best = np.zeros((0, 2))
    for cut in np.linspace(0.15, 0.95, 17) * deepest:
        count, parts, _, middles = cv2.connectedComponentsWithStats(
            as_uint8(deep > cut), connectivity=8, ltype=cv2.CV_32S
        )
        if count - 1 < 2 or count - 1 <= len(best):
            continue
        tops = np.zeros(count)
        np.maximum.at(tops, np.asarray(parts, np.intp).ravel(), np.where(parts > 0, deep, 0).ravel())
        proper = [k for k in range(1, count) if tops[k] >= cut + max(_PART_RISE, _PART_SHARE * tops[k])]
        if len(best) < len(proper) <= limit and len(proper) > 1:
            best = np.array([_nearest_pixel(parts == k, middles[k]) for k in proper])
    return best


def _nearest_pixel(part: NDArray[np.bool_], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    pixels = np.argwhere(part)
    return np.asarray(pixels[np.argmin(((pixels - middle[::-1]) ** 2).sum(axis=1))], np.float64)


def _spread(pixels: NDArray[np.float64], start: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """k-means over an object's pixels, started from `start` and the pixels farthest from those; each mean is moved
    to the nearest pixel."""
    points = pixels[:: max(1, len(pixels) // max(_KMEANS_POINTS, 4 * count))]
    middles = start
    if len(middles) == 0:
        middles = points[[np.argmax(((points - points.mean(axis=0)) ** 2).sum(axis=1))]]
    while len(middles) < count:
        gaps = ((points[:, None] - middles[None]) ** 2).sum(axis=2).min(axis=1)
        middles = np.vstack([middles, points[np.argmax(gaps)]])
    for _ in range(_KMEANS_ROUNDS):
        owner = np.argmin(((points[:, None] - middles[None]) ** 2).sum(axis=2), axis=1)
        sizes = np.bincount(owner, minlength=count)
        sums = np.stack([np.bincount(owner, points[:, axis], minlength=count) for axis in (0, 1)], axis=1)
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], middles)
        if np.abs(moved - middles).max() < 0.01:
            break
        middles = moved
    placed: list[int] = []
    for middle in middles:
        squares = ((pixels - middle) ** 2).sum(axis=1)
        squares[placed] = np.inf  # tiny objects: never twice the same pixel
        placed.append(int(np.argmin(squares)))
    return pixels[placed]
