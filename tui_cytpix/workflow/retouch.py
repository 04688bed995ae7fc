"""What each tool of the editor does to a segmentation. Points are (y, x) in image pixels.

Every function returns the new segmentation, or None where there is nothing to change. After each the two parts fit
each other: a centroid without an object goes, an object without a centroid gets one.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.segmentation import Segmentation

NEW_OBJECT_RADIUS_PX = 8.0
CRUMB_PX = 5
LIKELY = 64  # of 255: where the model gave an object no more than a quarter's chance, the image decides
Point = tuple[float, float]


class Pen(enum.StrEnum):
    """What the crosshair's path does to the mask."""

    BRUSH = "brush"
    ERASE = "erase"
    OUTLINE = "outline"


@dataclass(frozen=True, eq=False)
class Seen:
    """What the tools may look at: the image less its background, the model's foreground probability (255 = certain),
    both (H, W), and the usual area of a particle in the sample, px; None where there is none.
    """

    image: NDArray[np.float32] | None = None
    probability: NDArray[np.uint8] | None = None
    particle_px: float | None = None


def nearest_centroid(segmentation: Segmentation, point: Point) -> int | None:
    """Index of the centroid nearest to the point, None where there is none."""
    if not len(segmentation.centroids):
        return None
    return int(np.argmin(((segmentation.centroids - np.array(point, np.float32)) ** 2).sum(1)))


def object_at(mask: NDArray[np.bool_], point: Point, *, nearest: bool = False) -> NDArray[np.bool_] | None:
    """The object under the point, or with `nearest` the closest one; None where there is none."""
    from tui_cytpix.core.regions import label_objects

    labels, count = label_objects(mask)
    if count == 0:
        return None
    y, x = _pixel(point, mask.shape)
    number = int(labels[y, x])
    if number == 0 and nearest:
        ys, xs = np.nonzero(mask)
        closest = int(np.argmin((ys - point[0]) ** 2 + (xs - point[1]) ** 2))
        number = int(labels[ys[closest], xs[closest]])
    return np.asarray(labels == number) if number else None


def fitted(mask: NDArray[np.bool_], centroids: NDArray[np.float32]) -> Segmentation:
    """A changed mask with its centroids: those that lost their object go, objects without one get their centre, and
    crumbs without one go.
    """
    from tui_cytpix.core.centroids import centre
    from tui_cytpix.core.regions import label_objects
    from tui_cytpix.core.watershed import object_of

    labels, count = label_objects(mask)
    owners = object_of(labels, centroids)
    kept = [centroids[owners > 0].reshape(-1, 2)]
    mask = mask.copy()
    for number in sorted(set(range(1, count + 1)) - set(owners.tolist())):
        region = labels == number
        if region.sum() < CRUMB_PX:
            mask &= ~region
        else:
            kept.append(np.array([centre(region)], np.float32))
    return Segmentation(mask, np.vstack(kept).astype(np.float32))


def place(old: Segmentation, point: Point, seen: Seen) -> Segmentation:
    """Adds a centroid; outside every object it brings one of its own: what the model's map, else the image, shows
    there, else a small disc.
    """
    mask = old.mask
    if not mask[_pixel(point, mask.shape)]:
        mask = mask | _new_object(mask, point, seen)
    centroids = np.vstack([old.centroids, np.array([point], np.float32)])
    return Segmentation(mask, centroids)


def wand(old: Segmentation, point: Point, seen: Seen) -> Segmentation | None:
    """An object of what the image shows around the point, with a centroid in its middle; the object that was under
    the point is drawn anew. Where the wand drew that object, the next likely one.
    """
    from tui_cytpix.core.drawing import wand as grow

    if seen.image is None:
        return None
    under = object_at(old.mask, point)
    others = old.mask if under is None else old.mask & ~under
    regions = grow(seen.image, point, others, seen.particle_px)
    if not regions:
        return None
    drawn = [under is not None and np.array_equal(under, region) for region in regions]
    region = regions[(drawn.index(True) + 1) % len(regions) if True in drawn else 0]
    centroids = old.centroids
    if under is not None:
        inner = _inside(under, centroids)
        if inner.sum() == 1:  # the old outline's middle, as a rule; the new outline has its own
            centroids = centroids[~inner].reshape(-1, 2)
    return fitted(others | region, centroids)


def _new_object(mask: NDArray[np.bool_], point: Point, seen: Seen) -> NDArray[np.bool_]:
    from tui_cytpix.core.drawing import wand as grow

    pixel = _pixel(point, mask.shape)
    free = ~_widened(mask)
    if seen.probability is not None and seen.probability[pixel] >= LIKELY:
        likely = object_at((seen.probability >= seen.probability[pixel] / 2) & free, point)
        if likely is not None:
            return likely
    regions = grow(seen.image, point, mask, seen.particle_px) if seen.image is not None else []
    for region in regions:
        if region[pixel]:
            return region
    y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
    return np.asarray((y - point[0]) ** 2 + (x - point[1]) ** 2 <= NEW_OBJECT_RADIUS_PX**2)


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from tui_cytpix.core.edit import loosen

    return loosen(mask)


def delete(old: Segmentation, point: Point) -> Segmentation | None:
    """Removes the nearest centroid; an object that loses its last one goes with it."""
    nearest = nearest_centroid(old, point)
    if nearest is None:
        return None
    at = float(old.centroids[nearest][0]), float(old.centroids[nearest][1])
    region = object_at(old.mask, at)
    left = np.delete(old.centroids, nearest, axis=0)
    mask = old.mask
    if region is not None and not _inside(region, left).any():
        mask = mask & ~region
    return Segmentation(mask, left)


def move(old: Segmentation, index: int, point: Point) -> Segmentation | None:
    """Puts centroid `index` elsewhere."""
    if not 0 <= index < len(old.centroids):
        return None
    centroids = old.centroids.copy()
    centroids[index] = point
    return Segmentation(old.mask, centroids)


def snap(old: Segmentation, point: Point, seen: Seen) -> Segmentation | None:
    """Moves the nearest centroid to the middle of what the image shows around it; its particle's size says how far
    to look.
    """
    from tui_cytpix.core.edit import snap as drawn_to
    from tui_cytpix.core.watershed import particle_labels

    index = nearest_centroid(old, point)
    if index is None or seen.image is None:
        return None
    area = int((particle_labels(old.mask, old.centroids) == index + 1).sum())
    radius = max(3.0, float(np.sqrt(area / np.pi)) * 0.7)
    start = float(old.centroids[index][0]), float(old.centroids[index][1])
    return move(old, index, drawn_to(seen.image, start, radius))


def set_count(old: Segmentation, point: Point, count: int, seen: Seen) -> Segmentation | None:
    """States how many particles the object under, or nearest to, the point holds, and places their centroids anew.
    0: it is no cell, and the object goes.
    """
    from tui_cytpix.core.division import place as divide

    region = object_at(old.mask, point, nearest=True)
    if region is None or count > region.sum():
        return None
    outside = old.centroids[~_inside(region, old.centroids)].reshape(-1, 2)
    if count == 0:
        return Segmentation(old.mask & ~region, outside)
    return Segmentation(old.mask, np.vstack([outside, divide(region, count, seen.image)]).astype(np.float32))


def centre(old: Segmentation, index: int | None = None) -> Segmentation | None:
    """Moves one centroid, or all, to the middle of its particle."""
    from tui_cytpix.core.centroids import centres
    from tui_cytpix.core.watershed import particle_labels

    if not len(old.centroids):
        return None
    middle = np.asarray(centres(particle_labels(old.mask, old.centroids)), np.float32)
    if middle.shape != old.centroids.shape:
        return None
    centroids = old.centroids.copy()
    chosen = slice(None) if index is None else index
    centroids[chosen] = middle[chosen]
    return Segmentation(old.mask, centroids)


def tighten(old: Segmentation, point: Point | None) -> Segmentation:
    """The outline 1 px further in, of the object at the point, of all without one."""
    from tui_cytpix.core.edit import tighten as smaller

    return Segmentation(smaller(old.mask, old.centroids, point), old.centroids)


def loosen(old: Segmentation, point: Point | None) -> Segmentation:
    """The outline 1 px further out, of the object at the point, of all without one."""
    from tui_cytpix.core.edit import loosen as larger

    return Segmentation(larger(old.mask, point), old.centroids)


def paint(old: Segmentation, path: Sequence[Point], radius: float, *, erase: bool = False) -> Segmentation | None:
    """Adds, or with `erase` takes away, what a round pen covers along the path."""
    from tui_cytpix.core.drawing import stroke

    if not path:
        return None
    drawn = stroke(old.mask.shape, path, radius)
    return fitted(old.mask & ~drawn if erase else old.mask | drawn, old.centroids)


def outline(old: Segmentation, path: Sequence[Point]) -> Segmentation | None:
    """What the path encloses becomes foreground; objects that lie mostly inside are drawn anew by it."""
    from tui_cytpix.core.drawing import enclosed
    from tui_cytpix.core.regions import label_objects

    region = enclosed(old.mask.shape, path)
    if not region.any():
        return None
    labels, count = label_objects(old.mask)
    total = np.bincount(labels.ravel(), minlength=count + 1)
    within = np.bincount(labels[region], minlength=count + 1)
    replaced = within * 2 > total
    replaced[0] = False
    return fitted((old.mask & ~replaced[labels]) | region, old.centroids)


def sketch(old: Segmentation, path: Sequence[Point], pen: Pen, radius: float) -> Segmentation:
    """How the mask looks while a pen is at work; an outline shows as a thin line."""
    from tui_cytpix.core.drawing import stroke

    drawn = stroke(old.mask.shape, path, 0.5 if pen is Pen.OUTLINE else radius)
    return Segmentation(old.mask & ~drawn if pen is Pen.ERASE else old.mask | drawn, old.centroids)


def fill(old: Segmentation, point: Point) -> Segmentation | None:
    """Fills the holes of the object under, or nearest to, the point."""
    from tui_cytpix.core.regions import fill_holes

    region = object_at(old.mask, point, nearest=True)
    return None if region is None else fitted(old.mask | fill_holes(region), old.centroids)


def split(old: Segmentation, point: Point) -> Segmentation | None:
    """Cuts the object under the point in two along the shortest line through it; a part without a centroid gets one."""
    from tui_cytpix.core.drawing import cut

    region = object_at(old.mask, point)
    parts = None if region is None else cut(region, point)
    if region is None or parts is None:
        return None
    return fitted((old.mask & ~region) | parts, old.centroids)


def merge(old: Segmentation, point: Point) -> Segmentation | None:
    """Joins the object under, or nearest to, the point with the one next to it; every particle stays."""
    from tui_cytpix.core.drawing import bridge
    from tui_cytpix.core.regions import depth

    region = object_at(old.mask, point, nearest=True)
    if region is None or not (old.mask & ~region).any():
        return None
    others = old.mask & ~region
    gap = np.where(others, depth(~region), np.inf)
    y, x = np.unravel_index(int(np.argmin(gap)), gap.shape)
    other = object_at(others, (float(y), float(x)))
    assert other is not None
    return Segmentation(old.mask | bridge(region, other), old.centroids)


def _pixel(point: Point, shape: tuple[int, ...]) -> tuple[int, int]:
    return (
        int(np.clip(round(point[0]), 0, shape[0] - 1)),
        int(np.clip(round(point[1]), 0, shape[1] - 1)),
    )


def _inside(region: NDArray[np.bool_], centroids: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.array([bool(region[_pixel((float(y), float(x)), region.shape)]) for y, x in centroids], bool)
