"""Objects: the 8-connected regions of a foreground mask.

All functions take bool masks of (H, W) and leave their arguments alone.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]  # (y, x), px
SQUARE = np.ones((3, 3), np.uint8)  # a pixel and its 8 neighbours
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)  # a pixel and its 4
PIXEL_VARIANCE = 1 / 12  # of a unit square about its centre, so that one pixel is a square and not a point
# No region of some area has a shorter major axis than the disc: only small objects need a closer look.
_LEAST_AREA = np.pi / 4


class Box(NamedTuple):
    """Rows y0..y1-1 and columns x0..x1-1 of an image."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def grown(self, margin: int, shape: tuple[int, ...]) -> Box:
        """`margin` px larger on each side, within an image of `shape`."""
        return Box(
            max(self.y0 - margin, 0),
            max(self.x0 - margin, 0),
            min(self.y1 + margin, shape[0]),
            min(self.x1 + margin, shape[1]),
        )

    def joined(self, other: Box) -> Box:
        y0, x0, y1, x1 = other
        return Box(min(self.y0, y0), min(self.x0, x0), max(self.y1, y1), max(self.x1, x1))


class Ellipse(NamedTuple):
    """The ellipse with a region's second moments. Lengths in px, full axes; `angle` of the major axis in radians
    from +x to +y."""

    area: float
    y: float
    x: float
    major: float
    minor: float
    angle: float


def label_objects(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Numbers the objects of a mask.

    Returns:
        Labels, int32 (H, W), 0 background and 1..count in the order of each object's first pixel, and the count.
    """
    count, labels = cv2.connectedComponents(as_uint8(mask), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32), int(count) - 1


def part_at(mask: NDArray[np.bool_], point: Point) -> NDArray[np.bool_]:
    """The object of a mask nearest to a point (y, x), bool (H, W); the mask itself where it is empty."""
    labels, count = label_objects(mask)
    if count == 0:
        return mask
    ys, xs = np.nonzero(mask)
    nearest = int(np.argmin((ys - point[0]) ** 2 + (xs - point[1]) ** 2))
    return np.asarray(labels == labels[ys[nearest], xs[nearest]])


def objects_of(mask: NDArray[np.bool_]) -> list[tuple[Box, NDArray[np.bool_]]]:
    """Each object's bounding box and its pixels in that, bool (h, w), in the order of `label_objects`."""
    frame = bounding_box(mask)
    if frame is None:
        return []
    labels, count = label_objects(mask[frame.slices])  # most of an image is background
    found = []
    for label, box in enumerate(boxes(labels, count), start=1):
        whole = Box(box.y0 + frame.y0, box.x0 + frame.x0, box.y1 + frame.y0, box.x1 + frame.x0)
        found.append((whole, labels[box.slices] == label))
    return found


def as_uint8(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A contiguous 0/1 image for OpenCV; no copy where there needn't be one."""
    return np.ascontiguousarray(mask, np.bool_).view(np.uint8)


def bounding_box(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box that holds every foreground pixel; None for an empty mask."""
    x, y, width, height = cv2.boundingRect(as_uint8(mask))
    return Box(y, x, y + height, x + width) if width and height else None


def boxes(labels: NDArray[np.int32], count: int) -> list[Box]:
    """Bounding boxes of labels 1..count, an empty one where a label has no pixel."""
    at = np.flatnonzero(labels != 0)
    owners, places = labels.ravel()[at].astype(np.intp), np.divmod(at, labels.shape[1])
    low, high = np.full((2, count + 1), max(labels.shape)), np.zeros((2, count + 1), np.intp)
    for least, most, place in zip(low, high, places, strict=True):
        np.minimum.at(least, owners, place)
        np.maximum.at(most, owners, place + 1)
    low[:, high[0] == 0] = 0
    return [Box(*bound) for bound in np.concatenate([low, high])[:, 1:].T.tolist()]


def compact(labels: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Renumbers the labels present as 1..K in ascending order; int32 (H, W), and the K original values."""
    seen = np.bincount(labels.ravel())
    seen[0] = 0
    values = np.flatnonzero(seen)
    numbers = np.zeros(len(seen), np.int32)
    numbers[values] = np.arange(1, len(values) + 1)
    return numbers[labels], values


def ellipses(labels: NDArray[np.integer[Any]], count: int) -> list[Ellipse]:
    """The second-moment ellipse of each label 1..count, in one pass.

    A full axis is 4 sqrt(eigenvalue) of the covariance of the region's pixels, each taken as a unit square: an
    ellipse's axes come out as they are, an L x W rectangle's as 2 / sqrt(3) = 1.15 times its sides. Labels without
    a pixel get area 0 and NaN elsewhere.
    """
    ys, xs = np.nonzero(labels)
    values = labels[ys, xs].astype(np.intp) - 1
    # Offsets from one fixed point keep the sums small, and exact in float64.
    y0, x0 = (float(ys[0]), float(xs[0])) if len(ys) else (0.0, 0.0)
    dy, dx = ys - y0, xs - x0

    def total(weights: NDArray[np.floating[Any]] | None) -> NDArray[np.float64]:
        return np.bincount(values, weights, minlength=count).astype(np.float64)

    area = total(None)
    with np.errstate(invalid="ignore", divide="ignore"):
        my, mx = total(dy) / area, total(dx) / area
        yy = total(dy * dy) / area - my * my + PIXEL_VARIANCE
        xx = total(dx * dx) / area - mx * mx + PIXEL_VARIANCE
        xy = total(dy * dx) / area - my * mx
    major, minor, angle = axes(yy, xx, xy)
    table = np.stack([area, my + y0, mx + x0, major, minor, angle], axis=1)
    return [Ellipse(*row) for row in table.tolist()]


def axes(
    yy: NDArray[np.float64], xx: NDArray[np.float64], xy: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Full major and minor axis, and angle (as in `Ellipse`) of ellipses with these variances and covariance."""
    half, root = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    major, minor = 4 * np.sqrt(half + root), 4 * np.sqrt(np.maximum(half - root, 0))
    return major, minor, 0.5 * np.arctan2(2 * xy, xx - yy)


def is_as_long_as(region: NDArray[np.bool_], min_px: float) -> bool:
    """The size cutoff on one object, bool (h, w): whether its major diameter (`Ellipse.major`, px) reaches `min_px`."""
    if np.count_nonzero(region) >= _LEAST_AREA * min_px**2:
        return True
    sums = cv2.moments(as_uint8(region), binaryImage=True)
    yy, xx, xy = (np.array([sums[name] / sums["m00"]]) for name in ("mu02", "mu20", "mu11"))
    return bool(axes(yy + PIXEL_VARIANCE, xx + PIXEL_VARIANCE, xy)[0][0] >= min_px)


def keep_by_major_axis(mask: NDArray[np.bool_], min_px: float) -> NDArray[np.bool_]:
    """The size cutoff: drops objects whose major diameter (`Ellipse.major`, px) is below `min_px`."""
    labels, count = label_objects(mask)
    if count == 0 or min_px <= 0:
        return mask.copy()
    keep = np.bincount(labels.ravel()) >= _LEAST_AREA * min_px**2
    keep[0] = False
    if keep[1:].all():
        return mask.copy()
    small = np.where(keep, 0, np.arange(count + 1))[labels]
    keep[1:] |= [ellipse.major >= min_px for ellipse in ellipses(small, count)]
    return np.asarray(keep[labels])


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fills background that a foreground ring encloses: holes are 4-connected, as objects are 8-connected."""
    outlines, _ = cv2.findContours(as_uint8(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(mask.shape, np.uint8), outlines, -1, 1, cv2.FILLED)
    return np.asarray(filled.view(np.bool_))


def filled_objects(mask: NDArray[np.bool_]) -> list[tuple[Box, NDArray[np.bool_]]]:
    """`objects_of` what `fill_holes` makes of a mask: what lies in an object's hole is part of it."""
    outlines, _ = cv2.findContours(as_uint8(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for outline in outlines:
        x, y, width, height = cv2.boundingRect(outline)
        blank = np.zeros((height, width), np.uint8)
        inside = np.asarray(cv2.drawContours(blank, [outline], -1, 1, cv2.FILLED, offset=(-x, -y)), np.uint8)
        found.append((Box(y, x, y + height, x + width), inside.view(np.bool_)))
    top = min((box.y0 for box, _ in found), default=0)

    def first(one: tuple[Box, NDArray[np.bool_]]) -> tuple[int, int]:
        (y0, x0, _, _), inside = one  # OpenCV numbers by pairs of rows
        pair, odd = divmod(y0 - top, 2)
        return pair, x0 + int(inside[: 2 - odd].any(axis=0).argmax())

    return sorted(found, key=first)


def mask_iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; NaN where both are empty."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else math.nan


def touches_border(mask: NDArray[np.bool_]) -> bool:
    """True where a foreground pixel lies in the image's first or last row or column."""
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def depth(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Euclidean distance of each foreground pixel's centre to the nearest background pixel's, float32, px; 0 on
    background.

    The image's edge does not count as background, so that a cut cell stays deepest at the cut.
    """
    if mask.all():
        return np.full(mask.shape, float(max(mask.shape)), np.float32)
    distance = cv2.distanceTransform(as_uint8(mask), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's roots differ in the last bit from call to call; the squares are whole numbers.
    return np.asarray(np.sqrt(np.rint(distance * distance)), np.float32)
