"""What a pen does to a mask: strokes, outlines, cuts, bridges."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import Point, as_uint8, bounding_box, label_objects, part_at

_ANGLES = 36


def stroke(shape: tuple[int, ...], path: Sequence[Point], radius: float) -> NDArray[np.bool_]:
    """What a round pen of a radius in px covers on its way along (y, x) points: bool (H, W)."""
    drawn = np.zeros(shape[:2], np.uint8)
    y, x = np.ogrid[: drawn.shape[0], : drawn.shape[1]]
    for at in _steps(path):
        drawn |= as_uint8((y - at[0]) ** 2 + (x - at[1]) ** 2 <= radius**2)
    return drawn.view(np.bool_)


def _steps(path: Sequence[Point]) -> list[Point]:
    """The points, and between them one for each px."""
    found = list(path[:1])
    for before, after in itertools.pairwise(path):
        down, right = after[0] - before[0], after[1] - before[1]
        number = max(1, int(np.ceil(max(abs(down), abs(right)))))
        found += [(before[0] + down * k / number, before[1] + right * k / number) for k in range(1, number + 1)]
    return found


def enclosed(shape: tuple[int, ...], path: Sequence[Point]) -> NDArray[np.bool_]:
    """What the closed polygon through (y, x) points encloses, its line included: bool (H, W); none below 3 points."""
    drawn = np.zeros(shape[:2], np.uint8)
    if len(path) >= 3:
        corners = np.array([[round(x), round(y)] for y, x in path], np.int32)
        cv2.fillPoly(drawn, [corners], 1)
    return drawn.view(np.bool_)


def cut(region: NDArray[np.bool_], point: Point) -> NDArray[np.bool_] | None:
    """The region without its shortest straight line through a point (y, x) that parts it: bool (H, W), at least two
    8-connected parts. None where no line parts it.
    """
    box = bounding_box(region)
    if box is None:
        return None
    ys, xs = np.nonzero(region)
    best: NDArray[np.bool_] | None = None
    shortest = np.inf
    for angle in np.arange(_ANGLES) * np.pi / _ANGLES:
        away = (ys - point[0]) * np.cos(angle) + (xs - point[1]) * np.sin(angle)
        line = np.zeros(region.shape, bool)
        line[ys, xs] = np.abs(away) <= 0.75
        line = part_at(line, point)
        length = int(line.sum())
        if length >= shortest or not length:
            continue
        if label_objects((region & ~line)[box.slices])[1] > 1:
            best, shortest = region & ~line, length
    return best


def bridge(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Both regions and the shortest way between them, 3 px wide: bool (H, W)."""
    a, b = np.argwhere(one), np.argwhere(other)
    if len(a) * len(b) >= 4_000_000:
        a, b = a[:: 1 + len(a) // 2000], b[:: 1 + len(b) // 2000]
    gaps = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    i, k = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
    start, end = (float(a[i][0]), float(a[i][1])), (float(b[k][0]), float(b[k][1]))
    return one | other | stroke(one.shape, [start, end], 1.5)
