"""Objects by what the image shows: around a point, and where nothing is marked yet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.editing.closed_edge import closed_edges
from tui_cytpix.core.editing.outline_profiles import Outlines
from tui_cytpix.core.objects.regions import (
    CROSS,
    SQUARE,
    Box,
    Point,
    as_uint8,
    fill_holes,
    label_objects,
    mask_iou,
    part_at,
)

_LEVELS, _DRAWN_OUT, _DRAWN_IN = 12, 2, 7  # px
_LEAST = 1.8  # of the structure of mere noise: what stands out
_SMALLEST, _LARGEST_SHARE = 12, 0.5
_NEAR_PX, _APART_PX = 5, 4
_CHOICES, _ALIKE = 4, 0.85
_AREA_SPREAD = 0.5  # of the logarithm
_STRUCTURE_SIGMA = 0.8
_BLUNT = 0.4  # of a particle's radius: what is narrower is no part of a cell
_STARTS = 2
_EDGE_REACH = 3.5  # of a particle's radius: a long cell's end
_SURROUNDINGS, _LEAST_REACH = 8.0, 40  # of a particle's radius; px
_RIM_SHARES = (0.7, 0.45, 0.3)  # of the structure on the outlines that are there


@dataclass(frozen=True, eq=False)
class Usual:
    """What is known of a sample's particles: the usual area, px, and how their outlines lie; None where unknown."""

    particle_px: float | None = None
    outlines: Outlines | None = None


def structure(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """How much there is to see at each pixel: local root mean square of an image less its background, float32."""
    gray = image.astype(np.float32)
    return np.sqrt(cv2.GaussianBlur(gray * gray, (0, 0), _STRUCTURE_SIGMA))


def wand(
    image: NDArray[np.generic],
    point: Point,
    mask: NDArray[np.bool_],
    usual: Usual,
    likely: Sequence[NDArray[np.bool_]] = (),
) -> list[NDArray[np.bool_]]:
    """The structure around a point, as an object of its own: what it may be, likeliest first.

    Grown from the point over what exceeds a level, holes filled, other objects left alone: as it is, without what is
    narrower than a cell, or the convex hull of that; drawn out by up to 2 px or in by up to 7, as a halo belongs to
    what is seen, not to the cell. The likeliest of these is outlined as the sample's other objects are; then comes the
    one on whose outline the image changes most steeply and that still encloses most of the structure, the nearer to
    the usual area the better; and so on in turn.

    Args:
        image: (H, W), less its background.
        point: (y, x).
        mask: bool (H, W), the other objects.
        likely: further regions, bool (H, W), that it may be.
        likely: further regions, bool (H, W), that it may be.

    Returns:
        bool (H, W) each, at most four that differ clearly; none where nothing stands out.
    """
    signal = structure(image)
    lowest = _LEAST * _floor(signal)
    y, x = round(point[0]), round(point[1])
    near = signal[max(y - _NEAR_PX, 0) : y + _NEAR_PX + 1, max(x - _NEAR_PX, 0) : x + _NEAR_PX + 1]
    highest = float(near.max(initial=0))
    part = _surroundings(point, mask.shape, usual).slices
    here = point[0] - part[0].start, point[1] - part[1].start
    found = [region[part] for region in likely if region[part].any()]
    if highest > lowest:
        free = ~cv2.dilate(as_uint8(mask[part]), SQUARE).view(np.bool_)
        levels = np.geomspace(lowest, highest, _LEVELS)
        found += [region for level in levels for region in _drawn(signal[part] > level, free, here, usual)]
        if usual.particle_px is not None:
            reach = _EDGE_REACH * float(np.sqrt(usual.particle_px / np.pi))
            for start in _starts(here, found):
                for form in closed_edges(image[part], start, free, reach):
                    found += _out_and_in(form, free, here)
    found = list({region.tobytes(): region for region in found}.values())
    regions = []
    for region in _in_turn(image, signal, found, part, usual):
        whole = np.zeros(mask.shape, bool)
        whole[part] = region
        regions.append(whole)
    return regions


def _surroundings(point: Point, shape: tuple[int, ...], usual: Usual) -> Box:
    y, x = round(point[0]), round(point[1])
    if usual.particle_px is None:
        return Box(0, 0, shape[0], shape[1])
    reach = max(_LEAST_REACH, round(_SURROUNDINGS * float(np.sqrt(usual.particle_px / np.pi))))
    return Box(y, x, y + 1, x + 1).grown(reach, shape)


def _drawn(
    above: NDArray[np.bool_], free: NDArray[np.bool_], point: Point, usual: Usual
) -> Iterator[NDArray[np.bool_]]:
    """The region at a point above one level, in its forms, each drawn out, then in px by px."""
    grown = _grown(above, free, point)
    if grown is None:
        return
    forms: list[NDArray[np.bool_] | None] = [grown]
    if usual.particle_px is not None:
        radius = max(1, round(_BLUNT * float(np.sqrt(usual.particle_px / np.pi))))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        blunt = _at_point(cv2.morphologyEx(as_uint8(grown), cv2.MORPH_OPEN, disc).view(np.bool_), point)
        forms += [blunt, _at_point(_hull(grown if blunt is None else blunt) & free, point)]
    for form in forms:
        if form is not None:
            yield from _out_and_in(form, free, point)


def _starts(point: Point, regions: Sequence[NDArray[np.bool_]]) -> list[Point]:
    """The point and the middles of what was grown there, which may lie at a cell's edge: at most two."""
    starts = [point]
    for region in regions:
        ys, xs = np.nonzero(region)
        middle = float(ys.mean()), float(xs.mean())
        if len(starts) < _STARTS and all(np.hypot(middle[0] - y, middle[1] - x) > _NEAR_PX for y, x in starts):
            starts.append(middle)
    return starts


def _out_and_in(form: NDArray[np.bool_], free: NDArray[np.bool_], point: Point) -> Iterator[NDArray[np.bool_]]:
    wide = cv2.dilate(as_uint8(form), CROSS, iterations=_DRAWN_OUT).view(np.bool_)
    region = _at_point(wide & free, point)
    for _ in range(_DRAWN_OUT + 1 + _DRAWN_IN):
        if region is None:
            break
        yield region
        region = _at_point(cv2.erode(as_uint8(region), CROSS).view(np.bool_), point)


def _hull(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    drawn = np.zeros(region.shape, np.uint8)
    corners = np.argwhere(region)[:, ::-1].astype(np.int32)
    cv2.fillConvexPoly(drawn, cv2.convexHull(corners), 1)
    return drawn.view(np.bool_)


def _in_turn(
    image: NDArray[np.generic],
    signal: NDArray[np.float32],
    regions: list[NDArray[np.bool_]],
    part: tuple[slice, slice],
    usual: Usual,
) -> list[NDArray[np.bool_]]:
    """At most four of the regions, each unlike all before it: the best by one measure, then by the other, ..."""
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)
    steep = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))[part]
    worth = [_worth(region, steep, signal[part], usual.particle_px) for region in regions]
    orders = [list(np.argsort(-np.array(worth), kind="stable"))]
    if usual.outlines is not None and len(usual.outlines):
        orders.insert(0, list(np.argsort(-usual.outlines.likeness(image, part, regions), kind="stable")))
    kept: list[NDArray[np.bool_]] = []
    for order in itertools.cycle(orders):
        while order and any(mask_iou(regions[order[0]], other) >= _ALIKE for other in kept):
            order.pop(0)
        if order and len(kept) < _CHOICES:
            kept.append(regions[order.pop(0)])
        elif len(kept) == _CHOICES or not any(orders):
            break
    return kept


def _worth(
    region: NDArray[np.bool_], steep: NDArray[np.float32], signal: NDArray[np.float32], usual_px: float | None
) -> float:
    worth = float(steep[_rim(region)].mean()) * float(np.sqrt(signal[region].sum()))
    if usual_px is not None:
        worth *= float(np.exp(-0.5 * (np.log(region.sum() / usual_px) / _AREA_SPREAD) ** 2))
    return worth


def _grown(above: NDArray[np.bool_], free: NDArray[np.bool_], point: Point) -> NDArray[np.bool_] | None:
    closed = cv2.morphologyEx(as_uint8(above & free), cv2.MORPH_CLOSE, SQUARE).view(np.bool_)
    whole = part_at(fill_holes(closed) & free, point)
    return _at_point(cv2.morphologyEx(as_uint8(whole), cv2.MORPH_OPEN, SQUARE).view(np.bool_), point)


def _at_point(mask: NDArray[np.bool_], point: Point) -> NDArray[np.bool_] | None:
    """The part at the point, where it is of a cell's size and near."""
    region = part_at(mask, point)
    ys, xs = np.nonzero(region)
    if not _SMALLEST <= len(ys) <= _LARGEST_SHARE * region.size:
        return None
    near = float(((ys - point[0]) ** 2 + (xs - point[1]) ** 2).min()) <= _NEAR_PX**2
    return region if near else None


def _rim(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return region & ~cv2.erode(as_uint8(region), SQUARE).view(np.bool_)


def _floor(signal: NDArray[np.float32]) -> float:
    """The structure of mere noise: most of an event image is background."""
    return float(np.quantile(signal, 0.3))


def unclaimed(image: NDArray[np.generic], mask: NDArray[np.bool_]) -> list[Point]:
    """Middles (y, x) of what stands out of an image (less its background) and belongs to no object: first what is seen
    about as well as the objects that are there, then what is fainter; of each the largest first.
    """
    signal = structure(image)
    taken = cv2.dilate(as_uint8(mask), SQUARE, iterations=_APART_PX).view(np.bool_)
    least = 3 * _floor(signal)
    rim = float(np.median(signal[_rim(mask)])) if mask.any() else 0.0
    found: list[Point] = []
    for level in sorted({max(least, share * rim) for share in _RIM_SHARES}, reverse=True):
        regions = sorted(_standing_out((signal > level) & ~taken), key=lambda region: -int(region.sum()))
        found += [_middle(region) for region in regions]
        for region in regions:
            taken |= cv2.dilate(as_uint8(region), SQUARE, iterations=_APART_PX).view(np.bool_)
    return found


def _standing_out(seen: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    closed = cv2.morphologyEx(as_uint8(seen), cv2.MORPH_CLOSE, SQUARE, iterations=2)
    filled = fill_holes(closed.view(np.bool_))
    labels, count = label_objects(cv2.morphologyEx(as_uint8(filled), cv2.MORPH_OPEN, SQUARE).view(np.bool_))
    regions = [labels == number for number in range(1, count + 1)]
    return [region for region in regions if region.sum() >= 2 * _SMALLEST]


def _middle(region: NDArray[np.bool_]) -> Point:
    """The region's pixel nearest to its centre."""
    ys, xs = np.nonzero(region)
    middle = int(np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2))
    return float(ys[middle]), float(xs[middle])
