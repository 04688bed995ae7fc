"""Divides an object among a stated number of particles, by its shape and by what the image shows inside it.

An object that falls into that many parts when it is eroded has necks, and they decide: it is flooded from the parts.
Others (two rods side by side) are cut by straight lines, one after the other. Of the lines in 24 directions and 15
places, that one is taken which is short, leaves convex parts of the sizes that particles alike would have, and runs
along something that the image shows: where two cells touch there is a dark or a bright line, which way round depends on
the focus. The weights of these four are a conditional logit's, fitted on simulated doublets (rods, yeast, round cells,
beads), none of which a test or benchmark uses.

Where the parts are long, the lines stand: a flood from their centres would part rods that lie side by side straight
across. Where they are round it knows better, as the lines' corners are not where discs meet; it is flooded from the
centres of the last flood's parts, which draw nearer to the particles' with each. `python -m tests.benchmarks division`
measures all this.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.regions import as_uint8, bounding_box, depth, ellipses
from tui_cytpix.core.objects.watershed import in_one_piece, particle_labels

_PART_RISE, _PART_SHARE = 1.0, 0.15
_ANGLES, _PLACES = 24, 15
_LENGTH, _DENTS, _UNEVEN, _LINE = -10.0, -21.0, -6.3, 4.1
_LEAST_SHARE = 0.2  # of a particle's mean area
_SMOOTH_PX = 0.7
_LONG = 1.8  # times as long as wide
_ROUNDS = 3
_LARGEST = 4000  # px: of larger parts every second, third, ... pixel is looked at


class _Cut(NamedTuple):
    worth: float
    first: NDArray[np.bool_]
    particles: int  # on the first side


def divide(object_mask: NDArray[np.bool_], count: int, image: NDArray[np.generic] | None = None) -> NDArray[np.uint16]:
    """The parts of an object in which `count` particles are said to be.

    Args:
        object_mask: bool (H, W), one object.
        image: (H, W), any real dtype; without it only the shape decides.

    Returns:
        uint16 (H, W): 0 outside the object, 1..count on its parts, top to bottom by their `centroids.centres`. Each
        is in one piece, 4-connected where the object is.

    Raises:
        ValueError: the object has fewer pixels than `count`, or `count` is below 1.
    """
    box = bounding_box(object_mask)
    size = int(object_mask.sum())
    if box is None or not 1 <= count <= size:
        raise ValueError(f"{count} particles don't fit into {size} pixels")
    box = box.grown(2, object_mask.shape)
    inside = object_mask[box.slices]
    found = _parts(inside, count, None if image is None else _smooth(image[box.slices]))
    parts = np.zeros(object_mask.shape, np.uint16)
    parts[box.slices] = in_one_piece(found, inside)
    return _downwards(parts)  # of the whole image: there halves of a pixel are rounded another way


def _parts(inside: NDArray[np.bool_], count: int, gray: NDArray[np.float32] | None) -> NDArray[np.uint16]:
    """`divide` on the object's own box, smoothed image included; in no order, and perhaps in pieces."""
    necks = _thick_parts(inside, count)
    if count > 1 and len(necks) == count:
        return particle_labels(inside, necks)
    parts = np.zeros(inside.shape, np.uint16)
    for number, (ys, xs) in enumerate((part.T for part in _cut(np.argwhere(inside), count, gray)), start=1):
        parts[ys, xs] = number
    if np.mean([ellipse.major / ellipse.minor for ellipse in ellipses(parts, count)]) < _LONG:
        for _ in range(_ROUNDS):
            parts = particle_labels(inside, centres(parts))
    return parts


def _downwards(parts: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The same, numbered from the top by their centres."""
    points = centres(parts)
    numbers = np.zeros(len(points) + 1, np.uint16)
    numbers[1 + np.lexsort((points[:, 1], points[:, 0]))] = np.arange(1, len(points) + 1)
    return numbers[parts]


def dents(region: NDArray[np.bool_]) -> float:
    """The share of a region's convex hull that is not in the region, 0 for a convex one."""
    return 1 - int(region.sum()) / max(_hull(np.argwhere(region)), 1.0) if region.any() else 0.0


def _smooth(image: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), _SMOOTH_PX), np.float32)


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


def _cut(pixels: NDArray[np.intp], count: int, gray: NDArray[np.float32] | None) -> list[NDArray[np.intp]]:
    if count == 1:
        return [pixels]
    best = max(_cuts(pixels, count, gray), key=lambda cut: cut.worth, default=None)
    if best is None:  # too small for lines
        order = np.lexsort((pixels[:, 1], pixels[:, 0]))
        return [pixels[part] for part in np.array_split(order, count)]
    one = _cut(pixels[best.first], best.particles, gray)
    return one + _cut(pixels[~best.first], count - best.particles, gray)


def _cuts(pixels: NDArray[np.intp], count: int, gray: NDArray[np.float32] | None) -> list[_Cut]:
    """The lines that could part pixels (N, 2) of `count` particles, with what each is worth."""
    area = len(pixels)
    shades = None if gray is None else _standardised(gray[pixels[:, 0], pixels[:, 1]])
    coarse = slice(None, None, 1 + area // _LARGEST)
    found = []
    for angle in np.arange(_ANGLES) * np.pi / _ANGLES:
        along = pixels @ np.array([np.cos(angle), np.sin(angle)])  # (N,)
        for at in np.quantile(along, np.linspace(0.15, 0.85, _PLACES)):
            first, away = along > at, np.abs(along - at)
            size = int(first.sum())
            particles = min(max(round(size / area * count), 1), count - 1)
            least = max(_LEAST_SHARE * area / count, 1.0)
            if size < max(least, particles) or area - size < max(least, count - particles):
                continue
            hulls = _hull(pixels[first][coarse]) + _hull(pixels[~first][coarse])
            worth = (
                _LENGTH * float((away <= 0.5).sum()) / np.sqrt(2 * area / count)
                + _DENTS * (1 - area / max(hulls, area))
                + _UNEVEN * count * abs(size / area - particles / count)
            )
            if shades is not None:
                worth += _LINE * _line(shades, away)
            found.append(_Cut(worth, first, particles))
    return found


def _standardised(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-6), np.float32)


def _line(shades: NDArray[np.float32], away: NDArray[np.float64]) -> float:
    """How much darker or brighter a line is than what lies 2 to 4 px beside it."""
    on, beside = shades[away <= 1.0], shades[(away > 2.0) & (away <= 4.0)]
    return abs(float(on.mean()) - float(beside.mean())) if len(on) and len(beside) else 0.0


def _hull(pixels: NDArray[np.intp]) -> float:
    """Area of the convex hull, in pixels as they are counted (Pick's theorem)."""
    hull = cv2.convexHull(pixels.astype(np.float32))
    return float(cv2.contourArea(hull)) + float(cv2.arcLength(hull, closed=True)) / 2 + 1
