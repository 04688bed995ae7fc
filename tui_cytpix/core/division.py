"""Divides an object among a stated number of particles, by its shape and by what the image shows inside it.

An object that falls into that many parts when it is eroded has necks, and they decide. Others (two rods side by side)
are cut by straight lines, one after the other. Of the lines in 24 directions and 15 places, that one is
taken which is short, leaves convex parts of the sizes that particles alike would have, and runs along something that
the image shows: where two cells touch there is a dark or a bright line, which way round depends on the focus. The
weights of these four are a conditional logit's, fitted on 353 simulated doublets of six kinds (rods, yeast, round
cells, beads), none of which a test or benchmark uses.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.centroids import centre, centres
from tui_cytpix.core.regions import as_uint8, bounding_box, depth
from tui_cytpix.core.watershed import particle_labels

_PART_RISE, _PART_SHARE = 1.0, 0.15
_ANGLES, _PLACES = 24, 15
_LENGTH, _DENTS, _UNEVEN, _LINE = -10.0, -21.0, -6.3, 4.1
_LEAST_SHARE = 0.2  # of a particle's mean area
_SMOOTH_PX = 0.7
_LARGEST = 4000  # px: of larger parts every second, third, ... pixel is looked at


class _Cut(NamedTuple):
    worth: float
    first: NDArray[np.bool_]
    particles: int  # on the first side


def place(object_mask: NDArray[np.bool_], count: int, image: NDArray[np.generic] | None = None) -> NDArray[np.float32]:
    """Centroids for an object in which `count` particles are said to be: the centres of its parts.

    Args:
        object_mask: bool (H, W), one object.
        image: (H, W), any real dtype; without it only the shape decides.

    Returns:
        float32 (count, 2), (y, x) px, all different and inside the object, top to bottom.

    Raises:
        ValueError: the object has fewer pixels than `count`, or `count` is below 1.
    """
    box = bounding_box(object_mask)
    size = int(object_mask.sum())
    if box is None or not 1 <= count <= size:
        raise ValueError(f"{count} centroids don't fit into {size} pixels")
    box = box.grown(2, object_mask.shape)
    inside = object_mask[box.slices]
    corner = np.array([box.y0, box.x0])
    necks = _thick_parts(inside, count)
    if count > 1 and len(necks) == count:
        points = centres(particle_labels(object_mask, necks + corner)).astype(np.float64)
    else:
        gray = None if image is None else _smooth(image[box.slices])
        parts = _divide(np.argwhere(inside), count, gray)
        points = np.array([centre(_region(part + corner, object_mask.shape)) for part in parts])
    return np.asarray(points[np.lexsort((points[:, 1], points[:, 0]))], np.float32)


def dents(region: NDArray[np.bool_]) -> float:
    """The share of a region's convex hull that is not in the region, 0 for a convex one."""
    return 1 - int(region.sum()) / max(_hull(np.argwhere(region)), 1.0) if region.any() else 0.0


def _smooth(image: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), _SMOOTH_PX), np.float32)


def _region(pixels: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    region = np.zeros(shape, bool)
    region[pixels[:, 0], pixels[:, 1]] = True
    return region


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


def _divide(pixels: NDArray[np.intp], count: int, gray: NDArray[np.float32] | None) -> list[NDArray[np.intp]]:
    if count == 1:
        return [pixels]
    best = max(_cuts(pixels, count, gray), key=lambda cut: cut.worth, default=None)
    if best is None:  # too small for lines
        order = np.lexsort((pixels[:, 1], pixels[:, 0]))
        return [pixels[part] for part in np.array_split(order, count)]
    one = _divide(pixels[best.first], best.particles, gray)
    return one + _divide(pixels[~best.first], count - best.particles, gray)


def _cuts(pixels: NDArray[np.intp], count: int, gray: NDArray[np.float32] | None) -> list[_Cut]:
    """The lines that could part pixels (N, 2) of `count` particles, with what each is worth."""
    area = len(pixels)
    shades = None if gray is None else _standardised(gray[pixels[:, 0], pixels[:, 1]])
    coarse = slice(None, None, 1 + area // _LARGEST)
    found = []
    for angle in np.arange(_ANGLES) * np.pi / _ANGLES:
        along = pixels @ np.array([np.cos(angle), np.sin(angle)])
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
