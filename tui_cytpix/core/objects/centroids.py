"""Centroids as the centres of particles."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import Point, as_uint8, bounding_box, depth


def centre(region: NDArray[np.bool_]) -> Point:
    """A region's centre (y, x) inside it: its mean position, or where that lies outside (a horseshoe), the nearest
    pixel that is at least half as deep as the deepest.

    Raises:
        ValueError: the region is empty.
    """
    box = bounding_box(region)
    if box is None:
        raise ValueError("an empty region has no centre")
    sums = cv2.moments(as_uint8(region), binaryImage=True)
    mean = np.array([sums["m01"] / sums["m00"], sums["m10"] / sums["m00"]], np.float32)
    if region[_pixel(mean)]:
        return float(mean[0]), float(mean[1])
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
    owners = labels[ys, xs]  # (P,), one per pixel
    areas = np.bincount(owners)
    values = np.flatnonzero(areas)
    sums = np.stack([np.bincount(owners, at)[values] for at in (ys, xs)], axis=1)
    points = (sums / areas[values, None]).astype(np.float32).reshape(-1, 2)
    for k, (value, point) in enumerate(zip(values.tolist(), points, strict=True)):
        if labels[_pixel(point)] != value:
            points[k] = centre(labels == value)
    return points


def offsets(particles: NDArray[np.uint16], centroids: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """How far each centroid is from the centre of its particle, k + 1 in a label image (H, W) for centroid k: float32
    (K,) px, NaN for one without a particle.
    """
    away = np.full(len(centroids), np.nan, np.float32)
    for k, (y, x) in enumerate(np.asarray(centroids, np.float64).tolist()):
        region = particles == k + 1
        if region.any():
            cy, cx = centre(region)
            away[k] = np.hypot(cy - y, cx - x)
    return away
