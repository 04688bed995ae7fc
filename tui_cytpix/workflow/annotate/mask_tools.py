"""The editor's tools for outlines: what each does to a segmentation, and at the end what each is called. Points are
(y, x) in image pixels.

As in centroid_tools, every function returns the new segmentation, or None where there is nothing to change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.annotate.tool import Point, Tool, fitted, object_at

LINE_PX = 0.5  # radius of an outline that is being drawn


def tighten(old: Segmentation, point: Point | None) -> Segmentation:
    """The outline 1 px further in, of the object at the point, of all without one."""
    from tui_cytpix.core.editing.adjust import tighten as smaller

    return Segmentation(smaller(old.mask, old.centroids, point), old.centroids)


def loosen(old: Segmentation, point: Point | None) -> Segmentation:
    """The outline 1 px further out, of the object at the point, of all without one."""
    from tui_cytpix.core.editing.adjust import loosen as larger

    return Segmentation(larger(old.mask, point), old.centroids)


def sketch(old: Segmentation, path: Sequence[Point], radius: float, *, erase: bool = False) -> Segmentation:
    """What a round pen adds, or with `erase` takes away, along the path; centroids stay as they are."""
    from tui_cytpix.core.editing.pen import stroke

    drawn = stroke(old.mask.shape, path, radius)
    return Segmentation(old.mask & ~drawn if erase else old.mask | drawn, old.centroids)


def paint(old: Segmentation, path: Sequence[Point], radius: float, *, erase: bool = False) -> Segmentation | None:
    """Adds, or with `erase` takes away, what a round pen covers along the path."""
    return fitted(sketch(old, path, radius, erase=erase).mask, old.centroids) if path else None


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


TOOLS = (
    Tool(
        "tighten",
        "Tighter",
        "Masks 1 px tighter, looser: all of them, or the one you moved to.",
        lambda old, aim, _: tighten(old, aim.target),
        "Tighter.",
        "It can't be tighter.",
    ),
    Tool("loosen", "Looser", "", lambda old, aim, _: loosen(old, aim.target), "Looser.", "It can't be looser."),
    Tool(
        "brush",
        "Brush",
        "Brush: moving paints; again, or Enter: done. Erase likewise.",
        lambda old, aim, _: paint(old, aim.path, aim.radius),
        "Brush: done.",
        sketch=lambda old, aim: sketch(old, aim.path, aim.radius),
    ),
    Tool(
        "erase",
        "Erase",
        "",
        lambda old, aim, _: paint(old, aim.path, aim.radius, erase=True),
        "Erase: done.",
        sketch=lambda old, aim: sketch(old, aim.path, aim.radius, erase=True),
    ),
    Tool(
        "outline",
        "Outline",
        "Outline: move around a cell; again, or Enter: it becomes an object.",
        lambda old, aim, _: outline(old, aim.path),
        "Outline: done.",
        sketch=lambda old, aim: sketch(old, aim.path, LINE_PX),
    ),
    Tool(
        "fill",
        "Fill",
        "Fill the holes of the object at the crosshair.",
        lambda old, aim, _: fill(old, aim.point),
        "Filled.",
        "It has no holes.",
    ),
    Tool(
        "split",
        "Split",
        "Cut the object at the crosshair in two; join it with the one next to it.",
        lambda old, aim, _: split(old, aim.point),
        "Split.",
        "There is no object to split here.",
    ),
    Tool("merge", "Merge", "", lambda old, aim, _: merge(old, aim.point), "Merged.", "There is no second object."),
)
