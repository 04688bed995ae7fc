"""Doublets made of annotated cells: one that lies alone in its image is laid against a cell of another image.

Where few clumps are annotated, this is what tells a network where one cell ends and the next begins. Phases of cells
side by side add up, and so do, nearly, their rims and halos in the normalised image (background 0): the images are
added.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.normalise import CLIP, noise
from tui_cytpix.core.regions import as_uint8
from tui_cytpix.engine.scene import Scene, scene_of

HALO_PX = 7  # what lies so near to a cell is of its making
TOUCHING_SHARE = 0.75
GAP_PX = 6.0
LEAST_PX = 12


class _Cutting(NamedTuple):
    """A cell cut out: `gray` with its halo, 0 further out; `mask`; (H, W) both."""

    gray: NDArray[np.float32]
    mask: NDArray[np.bool_]


def with_another(host: Scene, donor: Scene, rng: np.random.Generator) -> Scene:
    """The host with one of the donor's loners, turned at random, against one of its particles or a few px away.

    The host as it is where there is nothing to lay or nothing to lay it against. The image grows where the cell would
    lie beyond its border; there is noise like the host's there.
    """
    if not donor.loners or not len(host.centroids):
        return host
    cell = _cut_out(donor, rng)
    anchor = host.centroids[int(rng.integers(len(host.centroids)))]
    place = _place(host.mask, cell.mask, anchor, rng)
    y0, x0 = place
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
    middle = np.argwhere(free).mean(axis=0) + np.array([y0, x0])
    centroids = (np.concatenate([host.centroids, middle[None]]) + np.array(before)).astype(np.float32)
    return scene_of(gray, labels, mask, centroids)


def _cut_out(donor: Scene, rng: np.random.Generator) -> _Cutting:
    label, box = donor.loners[int(rng.integers(len(donor.loners)))]
    wide = box.grown(HALO_PX, donor.gray.shape)
    mask = donor.labels[wide.slices] == label
    near = cv2.dilate(as_uint8(mask), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * HALO_PX - 3,) * 2))
    near[(donor.mask[wide.slices]) & ~mask] = 0
    soft = cv2.GaussianBlur(near.astype(np.float32), (0, 0), 1.5)
    gray = donor.gray[wide.slices] * soft
    side = int(np.ceil(np.hypot(*mask.shape)))
    middle = (np.array(mask.shape[::-1]) - 1) / 2
    right_angle = rng.random() < 0.5
    turn = float(rng.integers(4)) * 90 if right_angle else float(rng.uniform(0, 360))
    matrix = cv2.getRotationMatrix2D(middle.tolist(), turn, 1.0)
    matrix[:, 2] = matrix[:, 2] + (side - 1) / 2 - middle
    if rng.random() < 0.5:
        gray, mask = np.ascontiguousarray(gray[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])
    turned = cv2.warpAffine(gray, matrix, (side, side), flags=cv2.INTER_LINEAR)
    outline = cv2.warpAffine(mask.astype(np.float32), matrix, (side, side), flags=cv2.INTER_LINEAR)
    return _Cutting(np.asarray(turned, np.float32), outline >= 0.5)


def _place(
    host: NDArray[np.bool_], cell: NDArray[np.bool_], anchor: NDArray[np.float32], rng: np.random.Generator
) -> tuple[int, int]:
    """The cell's top left corner (y, x), which may lie outside of the host: the nearest place in some direction from
    the anchor at which the two don't overlap; sometimes some px further out.
    """
    angle = rng.uniform(0, 2 * np.pi)
    step = np.array([np.sin(angle), np.cos(angle)])
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
    gap = rng.integers(2) if rng.random() < TOUCHING_SHARE else rng.uniform(1, GAP_PX)
    y, x = np.round(corner + (away + gap) * step).astype(int)
    return int(y), int(x)


def _grown(
    gray: NDArray[np.float32], room: tuple[tuple[int, int], tuple[int, int]], rng: np.random.Generator
) -> NDArray[np.float32]:
    grown = np.pad(gray, room)
    new = np.pad(np.zeros(gray.shape, bool), room, constant_values=True)
    grown[new] = rng.normal(0, noise(gray), int(new.sum()))
    return grown
