"""Divides objects among the centroids in them.

A flood of the distance transform in eight levels, from the discs that fit around the centroids. Measured on real
touching cells and worse: cv2.watershed, which floods by differences between neighbours and not by height, and, for
budding yeast, a flood from single pixels.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import CROSS, SQUARE, as_uint8, boxes, depth, label_objects

REACH = 2.0  # px: a centroid this far off an object still belongs to it
_LEVELS = 8
_DISC = 1.2
_TAKEN = 1e18  # px squared: a point takes another's pixel only where there is no free one in the object


def object_of(labels: NDArray[np.int32], centroids: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """The object that each centroid belongs to: the one under it, else the nearest within 2 px, else 0. int32
    (K,).
    """
    owners = np.zeros(len(centroids), np.int32)
    height, width = labels.shape
    for k, (y, x) in enumerate(np.asarray(centroids, np.float64).tolist()):
        row, column = round(y), round(x)
        if 0 <= row < height and 0 <= column < width and labels[row, column]:
            owners[k] = labels[row, column]
            continue
        y0, x0 = max(row - 2, 0), max(column - 2, 0)
        window = labels[y0 : row + 3, x0 : column + 3]
        near_y, near_x = np.nonzero(window)
        if len(near_y):
            squares = (near_y + y0 - y) ** 2 + (near_x + x0 - x) ** 2
            best = int(np.argmin(squares))
            if squares[best] <= REACH**2:
                owners[k] = window[near_y[best], near_x[best]]
    return owners


def particle_labels(mask: NDArray[np.bool_], centroids: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    """The particles: each object divided among its centroids.

    An object with one centroid is that particle; one with more is flooded from the centroids, deepest pixels
    first, so that the cuts fall on its necks; one with none gets no label. Every pixel of an object that has a
    centroid gets one.

    Args:
        mask: bool (H, W).
        centroids: (K, 2), (y, x) px, K < 65536. One on background belongs to the nearest object within 2 px; one
            further away gets no pixels.

    Returns:
        uint16 (H, W): 0 background, k + 1 for the particle of centroid k.
    """
    objects, count = label_objects(mask)
    return divided(objects, count, object_of(objects, centroids), centroids)


def divided(
    objects: NDArray[np.int32],
    count: int,
    owners: NDArray[np.int32],
    centroids: NDArray[np.floating[Any]],
) -> NDArray[np.uint16]:
    """`particle_labels` where objects (`label_objects`) and the centroids' owners (`object_of`) are known already."""
    if count == 0:
        return np.zeros(objects.shape, np.uint16)
    seeds_in = np.bincount(owners, minlength=count + 1)
    single = np.zeros(count + 1, np.uint16)
    for k, owner in enumerate(owners.tolist()):
        if owner and seeds_in[owner] == 1:
            single[owner] = k + 1
    particles = single[objects]
    crowded = np.flatnonzero(seeds_in[1:] > 1) + 1
    if len(crowded) == 0:
        return particles
    found = boxes(objects, count)
    for label in crowded.tolist():
        box = found[label - 1].grown(1, objects.shape)
        inside = objects[box.slices] == label
        members = np.flatnonzero(owners == label)
        points = np.asarray(centroids, np.float64)[members] - (box.y0, box.x0)
        parts = divide(inside, points)
        particles[box.slices][inside] = (members + 1).astype(np.uint16)[parts[inside] - 1]
    return particles


def _seeds(inside: NDArray[np.bool_], depths: NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Where flooding starts: around each point (y, x) a disc 1.2 times as large as fits into the object there,
    numbered from 1.

    Discs that overlap are cut where the powers of a point with respect to both circles are equal, which is the line
    through the circles' intersections: the neck, also between a large mother and its small bud, whose single pixel
    the mother's flood would drown. Every point keeps at least one pixel.
    """
    height, width = inside.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)
    seeds, lowest = np.zeros(inside.shape, np.uint16), np.full(inside.shape, np.inf)
    barred = np.where(inside, 0.0, np.inf)
    own_pixels: list[tuple[int, int]] = []
    for number, (y, x) in enumerate(points.tolist(), start=1):
        squares = (rows - y) ** 2 + (columns - x) ** 2 + barred
        row, column = divmod(int(np.argmin(squares)), width)
        own_pixels.append((row, column))
        barred[row, column] = _TAKEN
        radius = float(depths[row, column])
        power = squares - radius**2
        won = (squares <= (_DISC * radius) ** 2) & (power < lowest)
        lowest[won], seeds[won] = power[won], number
    for number, own in enumerate(own_pixels, start=1):
        seeds[own] = number
    for number, own in enumerate(own_pixels, start=1):
        # A gap in the object may separate parts of a disc from its centre.
        count, parts = cv2.connectedComponents(as_uint8(seeds == number), connectivity=8, ltype=cv2.CV_16U)
        if count > 2:
            seeds[(parts > 0) & (parts != parts[own])] = 0
    return seeds


def divide(inside: NDArray[np.bool_], points: NDArray[np.float64]) -> NDArray[np.uint16]:
    """One object, bool (h, w), flooded from all points (K, 2) in or near it, deepest pixels first, level by level.

    Returns:
        uint16 (h, w): 0 background, k + 1 for the particle of point k.
    """
    depths = depth(inside)
    labels = _seeds(inside, depths, points)
    free = inside & (labels == 0)
    for bound in _levels(np.sort(depths[inside])).tolist():
        reached = free & (depths >= bound)
        if reached.any():
            flood(labels, reached)
            free &= labels == 0
    return labels


def _levels(ordered: NDArray[np.float32]) -> NDArray[np.float64]:
    """Evenly spaced quantiles of sorted depths, from the deepest to the shallowest."""
    places = np.linspace(len(ordered) - 1, 0, _LEVELS)
    below = places.astype(np.intp)
    low, high = (ordered[at].astype(np.float64) for at in (below, np.minimum(below + 1, len(ordered) - 1)))
    return np.asarray((high - low) * (places - below) + low, np.float64)


def flood(
    labels: NDArray[np.uint16], free: NDArray[np.bool_], steps: tuple[NDArray[np.uint8], ...] = (SQUARE, CROSS)
) -> None:
    """Grows labels over free pixels until nothing changes, square and cross in turn, to grow nearly round. Both are
    brought up to date.
    """
    turn, left = 0, np.count_nonzero(free)
    while left:
        new = cv2.copyTo(cv2.dilate(labels, steps[turn % len(steps)]), free.view(np.uint8))
        count = cv2.countNonZero(new)
        if turn % len(steps) == 0 and not count:
            break
        labels |= np.asarray(new, np.uint16)
        free &= new == 0
        left -= count
        turn += 1


def in_one_piece(labels: NDArray[np.uint16], inside: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Labels of which each has its largest 4-connected part alone; what else is `inside` goes to the labels beside it.

    Args:
        labels: uint16 (h, w), 0 outside of `inside`.
        inside: bool (h, w), one object. Where it hangs together by a corner only, so may a label.

    Returns:
        uint16 (h, w), the same labels.
    """
    kept = labels.copy()
    for label in range(1, int(labels.max(initial=0)) + 1):
        count, parts = cv2.connectedComponents(as_uint8(labels == label), connectivity=4, ltype=cv2.CV_32S)
        if count > 2:
            largest = 1 + int(np.bincount(parts.ravel())[1:].argmax())
            kept[(parts > 0) & (parts != largest)] = 0
    free = inside & (kept == 0)
    flood(kept, free, (CROSS,))
    flood(kept, free)
    return kept
