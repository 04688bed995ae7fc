"""Doublets made of annotated cells: one that lies alone in its image is laid against a cell of another image.

Where few clumps are annotated, this is what tells a network where one cell ends and the next begins. Phases of cells
side by side add up, and so do, nearly, their rims and halos in the normalised image (background 0): the images are
added.

Elongated cells lie side by side more often than chance would have it, and that is where they are hardest to tell apart:
two rods then look much like a broad one. So most are laid along their neighbour.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import CLIP, noise
from tui_cytpix.core.objects.regions import as_uint8
from tui_cytpix.engine.network.flows import flow
from tui_cytpix.engine.train.scene import Scene, is_long, scene_of

HALO_PX = 7  # what lies so near to a cell is of its making
TOUCHING_SHARE = 0.75
GAP_PX = 6.0
LEAST_PX = 12
ALONG_SHARE = 0.6  # of the cells laid against a long one
ALONG_TURN, ALONG_SIDE = 0.25, 0.3  # radians, standard deviations from parallel and from side by side


class _Cutting(NamedTuple):
    """A cell cut out: `gray` with its halo, 0 further out; `mask`; (H, W) both."""

    gray: NDArray[np.float32]
    mask: NDArray[np.bool_]


def with_another(host: Scene, donor: Scene, rng: np.random.Generator) -> Scene:
    """The host with one of the donor's loners, against one of its particles or a few px away.

    The host as it is where there is nothing to lay or nothing to lay it against. The image grows where the cell would
    lie beyond its border; there is noise like the host's there.
    """
    if not donor.loners or not len(host.centroids):
        return host
    neighbour = int(rng.integers(len(host.centroids)))
    beside = host.ellipses[neighbour]
    if is_long(beside) and rng.random() < ALONG_SHARE:
        cell = _cut_out(donor, beside.angle + rng.normal(0, ALONG_TURN), rng)
        towards = beside.angle + rng.choice((-0.5, 0.5)) * np.pi + rng.normal(0, ALONG_SIDE)
    else:
        cell, towards = _cut_out(donor, None, rng), rng.uniform(0, 2 * np.pi)
    y0, x0 = _place(host.mask, cell.mask, host.centroids[neighbour], towards, rng)
    height, width = host.gray.shape
    before = (max(-y0, 0), max(-x0, 0))
    after = (max(y0 + cell.mask.shape[0] - height, 0), max(x0 + cell.mask.shape[1] - width, 0))
    room = ((before[0], after[0]), (before[1], after[1]))
    gray = _grown(host.gray, room, rng)
    labels, mask = np.pad(host.labels, room), np.pad(host.mask, room)
    inside = np.s_[
        y0 + before[0] : y0 + before[0] + cell.mask.shape[0], x0 + before[1] : x0 + before[1] + cell.mask.shape[1]
    ]
    free = cell.mask & ~mask[inside]
    if free.sum() < LEAST_PX:
        return host
    gray[inside] = np.clip(gray[inside] + cell.gray, -CLIP, CLIP)
    labels[inside][free] = len(host.centroids) + 1
    mask[inside] = mask[inside] | free
    vectors = np.pad(host.flow, ((0, 0), *room))
    vectors[:, *inside] += flow(free.astype(np.uint16))
    middle = np.argwhere(free).mean(axis=0) + np.array([y0, x0])
    centroids = (np.concatenate([host.centroids, middle[None]]) + np.array(before)).astype(np.float32)
    return scene_of(gray, labels, mask, centroids, vectors)


def _cut_out(donor: Scene, axis: float | None, rng: np.random.Generator) -> _Cutting:
    """A loner of the donor, turned to lie along `axis` (radians from +x to +y), or at random."""
    label, box = donor.loners[int(rng.integers(len(donor.loners)))]
    wide = box.grown(HALO_PX, donor.gray.shape)
    mask = donor.labels[wide.slices] == label
    near = cv2.dilate(as_uint8(mask), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * HALO_PX - 3,) * 2))
    near[(donor.mask[wide.slices]) & ~mask] = 0
    soft = cv2.GaussianBlur(near.astype(np.float32), (0, 0), 1.5)
    gray = donor.gray[wide.slices] * soft
    side = int(np.ceil(np.hypot(*mask.shape)))
    middle = (np.array(mask.shape[::-1]) - 1) / 2
    own = donor.ellipses[label - 1].angle
    if rng.random() < 0.5:
        gray, mask, own = np.ascontiguousarray(gray[:, ::-1]), np.ascontiguousarray(mask[:, ::-1]), -own
    matrix = cv2.getRotationMatrix2D(middle.tolist(), _turn(own, axis, rng), 1.0)
    matrix[:, 2] = matrix[:, 2] + (side - 1) / 2 - middle
    turned = cv2.warpAffine(gray, matrix, (side, side), flags=cv2.INTER_LINEAR)
    outline = cv2.warpAffine(mask.astype(np.float32), matrix, (side, side), flags=cv2.INTER_LINEAR)
    return _Cutting(np.asarray(turned, np.float32), outline >= 0.5)


def _turn(own: float, axis: float | None, rng: np.random.Generator) -> float:
    """Degrees from a cell's own axis to another, either way round; at random without one, often by right angles, which
    leave its pixels as the sensor saw them.
    """
    if axis is not None:
        return math.degrees(own - axis) + 180 * float(rng.integers(2))
    if rng.random() < 0.5:
        return 90 * float(rng.integers(4))
    return float(rng.uniform(0, 360))


def _place(
    host: NDArray[np.bool_],
    cell: NDArray[np.bool_],
    anchor: NDArray[np.float32],
    towards: float,
    rng: np.random.Generator,
) -> tuple[int, int]:
    """The cell's top left corner (y, x), which may lie outside of the host: the nearest place in the direction
    `towards` (radians from +x to +y) from the anchor at which the two don't overlap; sometimes some px further out.
    """
    step = np.array([math.sin(towards), math.cos(towards)])
    size = np.array(cell.shape)
    corner = np.asarray(anchor, np.float64) - (size - 1) / 2
    room = int(max(*size.tolist(), *host.shape)) + 1
    padded = np.pad(host, room)
    away = 0
    while away < room:
        y, x = np.round(corner + away * step).astype(int) + room
        if not (padded[y : y + size[0], x : x + size[1]] & cell).any():
            break
        away += 1
    gap = 0.0 if rng.random() < TOUCHING_SHARE else rng.uniform(1, GAP_PX)
    y, x = np.round(corner + (away + gap) * step).astype(int)
    return int(y), int(x)


def _grown(
    gray: NDArray[np.float32], room: tuple[tuple[int, int], tuple[int, int]], rng: np.random.Generator
) -> NDArray[np.float32]:
    grown = np.pad(gray, room)
    new = np.pad(np.zeros(gray.shape, bool), room, constant_values=True)
    grown[new] = rng.normal(0, noise(gray), int(new.sum()))
    return grown
