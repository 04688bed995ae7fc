"""What a pen does to a mask: strokes, outlines, cuts, bridges, and a wand that follows the image."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.regions import as_uint8, bounding_box, fill_holes, label_objects

Point = tuple[float, float]
_SQUARE = np.ones((3, 3), np.uint8)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_ANGLES = 36
_LEVELS, _DRAWN_IN = 12, 6
_LEAST = 1.8  # of the structure of mere noise: what stands out
_SMALLEST, _LARGEST_SHARE = 12, 0.5
_NEAR_PX = 5
_CHOICES, _ALIKE = 4, 0.75
_AREA_SPREAD = 0.5  # of the logarithm
_STRUCTURE_SIGMA = 0.8


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
        line = _part_at(line, point)
        length = int(line.sum())
        if length >= shortest or not length:
            continue
        if label_objects((region & ~line)[box.slices])[1] > 1:
            best, shortest = region & ~line, length
    return best


def _part_at(mask: NDArray[np.bool_], point: Point) -> NDArray[np.bool_]:
    """The object of a mask nearest to a point; the mask itself where it is empty."""
    labels, count = label_objects(mask)
    if count == 0:
        return mask
    ys, xs = np.nonzero(mask)
    nearest = int(np.argmin((ys - point[0]) ** 2 + (xs - point[1]) ** 2))
    return np.asarray(labels == labels[ys[nearest], xs[nearest]])


def bridge(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Both regions and the shortest way between them, 3 px wide: bool (H, W)."""
    a, b = np.argwhere(one), np.argwhere(other)
    gaps = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2) if len(a) * len(b) < 4_000_000 else None
    if gaps is None:
        a, b = a[:: 1 + len(a) // 2000], b[:: 1 + len(b) // 2000]
        gaps = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    i, k = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
    start, end = (float(a[i][0]), float(a[i][1])), (float(b[k][0]), float(b[k][1]))
    return one | other | stroke(one.shape, [start, end], 1.5)


def structure(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """How much there is to see at each pixel: local root mean square of an image less its background, float32."""
    gray = image.astype(np.float32)
    return np.sqrt(cv2.GaussianBlur(gray * gray, (0, 0), _STRUCTURE_SIGMA))


def wand(
    image: NDArray[np.generic], point: Point, mask: NDArray[np.bool_], usual_px: float | None = None
) -> list[NDArray[np.bool_]]:
    """The structure around a point, as an object of its own: what it may be, likeliest first.

    Grown from the point over what exceeds a level, holes filled, other objects left alone, and drawn in by 0 to 5 px:
    a halo belongs to what is seen, not to the cell. Of all levels and depths, that outline is likeliest on which the
    image changes most steeply and which still encloses most of the structure; the nearer to the usual area the better.

    Args:
        image: (H, W), less its background.
        point: (y, x).
        mask: bool (H, W), the other objects.
        usual_px: area of a particle of the sample, None where unknown.

    Returns:
        bool (H, W) each, at most four that differ clearly; none where nothing stands out.
    """
    signal = structure(image)
    y, x = round(point[0]), round(point[1])
    near = signal[max(y - _NEAR_PX, 0) : y + _NEAR_PX + 1, max(x - _NEAR_PX, 0) : x + _NEAR_PX + 1]
    lowest = _LEAST * _floor(signal)
    if near.size == 0 or float(near.max()) <= lowest:
        return []
    free = ~cv2.dilate(as_uint8(mask), _SQUARE).view(np.bool_)
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)
    steep = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    found: list[tuple[float, NDArray[np.bool_]]] = []
    for level in np.geomspace(lowest, float(near.max()), _LEVELS):
        region = _grown(signal > level, free, point)
        for _ in range(_DRAWN_IN):
            if region is None:
                break
            this = float(steep[_rim(region)].mean()) * float(np.sqrt(signal[region].sum()))
            if usual_px is not None:
                this *= float(np.exp(-0.5 * (np.log(region.sum() / usual_px) / _AREA_SPREAD) ** 2))
            found.append((this, region))
            region = _at_point(cv2.erode(as_uint8(region), _CROSS).view(np.bool_), point)
    return _different([region for _, region in sorted(found, key=lambda item: -item[0])])


def _different(regions: list[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """The first regions that are unlike all before them."""
    kept: list[NDArray[np.bool_]] = []
    for region in regions:
        if len(kept) < _CHOICES and all(_overlap(region, other) < _ALIKE for other in kept):
            kept.append(region)
    return kept


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return int((one & other).sum()) / int((one | other).sum())


def _grown(above: NDArray[np.bool_], free: NDArray[np.bool_], point: Point) -> NDArray[np.bool_] | None:
    closed = cv2.morphologyEx(as_uint8(above & free), cv2.MORPH_CLOSE, _SQUARE).view(np.bool_)
    whole = _part_at(fill_holes(closed) & free, point)
    return _at_point(cv2.morphologyEx(as_uint8(whole), cv2.MORPH_OPEN, _SQUARE).view(np.bool_), point)


def _at_point(mask: NDArray[np.bool_], point: Point) -> NDArray[np.bool_] | None:
    """The part at the point, where it is of a cell's size and near."""
    region = _part_at(mask, point)
    ys, xs = np.nonzero(region)
    if not _SMALLEST <= len(ys) <= _LARGEST_SHARE * region.size:
        return None
    near = float(((ys - point[0]) ** 2 + (xs - point[1]) ** 2).min()) <= _NEAR_PX**2
    return region if near else None


def _rim(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return region & ~cv2.erode(as_uint8(region), _SQUARE).view(np.bool_)


def _floor(signal: NDArray[np.float32]) -> float:
    """The structure of mere noise: most of an event image is background."""
    return float(np.quantile(signal, 0.3))


def unclaimed(image: NDArray[np.generic], mask: NDArray[np.bool_]) -> list[Point]:
    """Middles (y, x) of what stands out of an image (less its background) and belongs to no object, largest first."""
    signal = structure(image)
    around = cv2.dilate(as_uint8(mask), _SQUARE, iterations=4).view(np.bool_)
    level = 3 * _floor(signal)
    if mask.any():
        level = max(level, 0.7 * float(np.median(signal[_rim(mask)])))
    closed = cv2.morphologyEx(as_uint8((signal > level) & ~around), cv2.MORPH_CLOSE, _SQUARE, iterations=2)
    filled = fill_holes(closed.view(np.bool_))
    labels, count = label_objects(cv2.morphologyEx(as_uint8(filled), cv2.MORPH_OPEN, _SQUARE).view(np.bool_))
    found = []
    for number in range(1, count + 1):
        ys, xs = np.nonzero(labels == number)
        if len(ys) >= 2 * _SMALLEST:
            middle = int(np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2))
            found.append((len(ys), (float(ys[middle]), float(xs[middle]))))
    return [at for _, at in sorted(found, reverse=True)]
