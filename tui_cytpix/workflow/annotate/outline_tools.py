"""What the editor's tools for outlines do to a segmentation. Points are (y, x) in image pixels.

As in object_tools, every function returns the new segmentation, or None where there is nothing to change.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import numpy as np

from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.annotate.object_tools import Point, fitted, object_at


class Pen(enum.StrEnum):
    """What the crosshair's path does to the mask."""

    BRUSH = "brush"
    ERASE = "erase"
    OUTLINE = "outline"


def tighten(old: Segmentation, point: Point | None) -> Segmentation:
    """The outline 1 px further in, of the object at the point, of all without one."""
    from tui_cytpix.core.editing.adjust import tighten as smaller

    return Segmentation(smaller(old.mask, old.centroids, point), old.centroids)


def loosen(old: Segmentation, point: Point | None) -> Segmentation:
    """The outline 1 px further out, of the object at the point, of all without one."""
    from tui_cytpix.core.editing.adjust import loosen as larger

    return Segmentation(larger(old.mask, point), old.centroids)


def paint(old: Segmentation, path: Sequence[Point], radius: float, *, erase: bool = False) -> Segmentation | None:
    """Adds, or with `erase` takes away, what a round pen covers along the path."""
    from tui_cytpix.core.editing.pen import stroke

    if not path:
        return None
    drawn = stroke(old.mask.shape, path, radius)
    return fitted(old.mask & ~drawn if erase else old.mask | drawn, old.centroids)


def outline(old: Segmentation, path: Sequence[Point]) -> Segmentation | None:
    """What the path encloses becomes foreground; objects that lie mostly inside are drawn anew by it."""
    from tui_cytpix.core.editing.pen import enclosed
    from tui_cytpix.core.objects.regions import label_objects

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
    from tui_cytpix.core.editing.pen import stroke

    drawn = stroke(old.mask.shape, path, 0.5 if pen is Pen.OUTLINE else radius)
    return Segmentation(old.mask & ~drawn if pen is Pen.ERASE else old.mask | drawn, old.centroids)


def fill(old: Segmentation, point: Point) -> Segmentation | None:
    """Fills the holes of the object under, or nearest to, the point."""
    from tui_cytpix.core.objects.regions import fill_holes

    region = object_at(old.mask, point, nearest=True)
    return None if region is None else fitted(old.mask | fill_holes(region), old.centroids)


def split(old: Segmentation, point: Point) -> Segmentation | None:
    """Cuts the object under the point in two along the shortest line through it; a part without a centroid gets one."""
    from tui_cytpix.core.editing.pen import cut

    region = object_at(old.mask, point)
    parts = None if region is None else cut(region, point)
    if region is None or parts is None:
        return None
    return fitted((old.mask & ~region) | parts, old.centroids)


def merge(old: Segmentation, point: Point) -> Segmentation | None:
    """Joins the object under, or nearest to, the point with the one next to it; every particle stays."""
    from tui_cytpix.core.editing.pen import bridge
    from tui_cytpix.core.objects.regions import depth

    region = object_at(old.mask, point, nearest=True)
    if region is None or not (old.mask & ~region).any():
        return None
    others = old.mask & ~region
    gap = np.where(others, depth(~region), np.inf)
    y, x = np.unravel_index(int(np.argmin(gap)), gap.shape)
    other = object_at(others, (float(y), float(x)))
    assert other is not None
    return Segmentation(old.mask | bridge(region, other), old.centroids)
