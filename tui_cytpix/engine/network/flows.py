"""Particles by flows: at each pixel of a particle a unit vector; following the vectors leads to the particle's middle.

The vectors run up the logarithm of heat that spreads from the middle and is lost at the particle's border: in a rod
first to its axis, then along it, however it is bent. Where two particles touch, side by side or end to end, the vectors
part, which a small part of the image shows; nothing far away needs to be known there. Source: Cellpose (Stringer, Wang,
Michaelos, Pachitariu 2021, Nature Methods 18, 100).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.kernel import library
from tui_cytpix.core.objects.centroids import centre
from tui_cytpix.core.objects.regions import boxes
from tui_cytpix.core.objects.watershed import in_one_piece

LEAST_STEP = 0.3  # px: a shorter vector is one of a network in doubt, and is not lengthened to 1 px
_JOINED = 1.5  # px of the network's input
_NEAR = 3.0  # px of the network's input: so near to the middle vectors may point anywhere
Field = NDArray[np.float32]  # (2, H, W): x and y, px


def warped(field: Field, matrix: NDArray[np.float64], size: int) -> Field:
    """The vectors as a view of (size, size) shows them; `matrix`: 2 x 3, from (x, y) of the image to the view's."""
    # Not interpolated: vectors of two particles that touch point in opposite directions.
    x, y = (cv2.warpAffine(part, matrix, (size, size), flags=cv2.INTER_NEAREST) for part in field)
    return _unit(np.tensordot(matrix[:, :2], np.stack([x, y]), axes=1))


def flow(labels: NDArray[np.uint16]) -> Field:
    """The vectors on a label image (H, W), unit length; 0 outside the particles and on pixels from which no way within
    the particle leads to its middle.
    """
    field = np.zeros((2, *labels.shape), np.float32)
    for label, box in enumerate(boxes(labels.astype(np.int32), int(labels.max())), start=1):
        inside = labels[box.slices] == label
        if inside.any():
            field[:, *box.slices] += _diffusion(inside)
    return field


def _diffusion(inside: NDArray[np.bool_]) -> Field:
    """Of one particle, bool (h, w): the gradient of the logarithm of heat that comes up in its middle, spreads by means
    over 3 x 3 pixels and is lost at its border, after as many steps as take it from end to end and back.
    """
    body = np.pad(inside, 1).astype(np.float64)  # far from the middle little heat is left
    y, x = (round(at) + 1 for at in centre(inside))
    heat = np.zeros_like(body)
    for _ in range(2 * sum(inside.shape)):
        heat[y, x] += 1
        heat = cv2.blur(heat, (3, 3), borderType=cv2.BORDER_CONSTANT) * body
    slope_y, slope_x = np.gradient(np.log1p(heat))
    return _unit(np.stack([slope_x, slope_y])[:, 1:-1, 1:-1] * inside)


def _unit(vectors: NDArray[np.float64]) -> Field:
    """Vectors (2, h, w) of length 1, or 0 where they were."""
    length = np.hypot(*vectors)
    return np.asarray(vectors / np.where(length > 0, length, 1), np.float32)


def ends(field: Field, inside: NDArray[np.bool_]) -> Field:
    """How far each pixel gets that follows the vectors by steps of 1 px, to its end; (2, h, w), px.

    A way of 2 n steps is one of n steps and from there one of n steps more, so a few look-ups do for all of it. Outside
    of `inside` nothing moves.
    """
    x, y = field * (inside / np.maximum(np.hypot(*field), LEAST_STEP))
    rows, columns = (np.asarray(at, np.float32) for at in np.indices(inside.shape))
    for _ in range(math.ceil(math.log2(max(inside.shape)))):
        at = columns + x, rows + y
        further = [cv2.remap(part, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for part in (x, y)]
        x, y = x + further[0], y + further[1]
    return np.stack([x, y])


def near(px: float) -> float:
    """Square of the distance from an object's middle, px, within which its vectors may point anywhere; arguments as of
    `particles`.
    """
    return (_NEAR * px) ** 2


def particles(
    field: Field, inside: NDArray[np.bool_], least_share: float, px: float = 1.0
) -> tuple[NDArray[np.uint16], float]:
    """The particles of one object: pixels that flow to the same place.

    Places that nearly touch are one. One that gathers less than `least_share` of the mean particle's pixels is none:
    its pixels go to the nearest other.

    Args:
        field: (2, h, w).
        inside: bool (h, w), the object.
        px: of the image, per pixel of the network's input: the vectors are no finer than that, and are followed on
            every second, third, ... pixel only.

    Returns:
        uint16 (h, w): 0 outside, 1..K, each in one piece; and the doubt in 0..1 of the least clear decision (1: on the
        threshold), which is also that of a particle whose pixels do not quite come together.
    """
    step, radius = max(int(px), 1), max(round(_JOINED * px), 1)
    if step == 1 or not inside[::step, ::step].any():
        return _followed(field, inside, least_share, radius)
    coarse = field[:, ::step, ::step], inside[::step, ::step]
    labels, doubt = _followed(*coarse, least_share, max(radius // step, 1))
    return _refined(labels, step, inside), doubt


def _followed(
    field: Field, inside: NDArray[np.bool_], least_share: float, radius: int
) -> tuple[NDArray[np.uint16], float]:
    """As `particles`; places within twice the radius, px, are one."""
    found = library.owners(field, inside, least_share, _disc(radius)) or plain_owners(
        field, inside, least_share, radius
    )
    labels, number, doubt = found
    return (in_one_piece(labels, inside) if number > 1 else labels), doubt


def plain_owners(
    field: Field, inside: NDArray[np.bool_], least_share: float, radius: int
) -> tuple[NDArray[np.uint16], int, float]:
    """Labels by where following the vectors ends, not yet in one piece each, how many there are, and the doubt. Without
    the compiled library.
    """
    ys, xs = np.nonzero(inside)
    at = np.stack([xs, ys]) + ends(field, inside)[:, ys, xs]  # (2, N): where each pixel ends
    owner = _gathered(at, inside.shape, radius)
    doubt = _scatter(at, owner)
    sizes = np.bincount(owner)
    while len(sizes) > 1:
        worst = int(sizes.argmin())
        clear = sizes[worst] / (least_share * sizes.mean()) - 1
        doubt = max(doubt, 1 - min(abs(clear), 1.0))
        if clear >= 0:
            break
        owner = _without(worst, at, owner)
        sizes = np.bincount(owner)
    labels = np.zeros(inside.shape, np.uint16)
    labels[ys, xs] = owner + 1
    return labels, len(sizes), doubt


def _refined(labels: NDArray[np.uint16], step: int, inside: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Labels of every `step`-th pixel, brought to all of the object."""
    if labels.max() == 1:
        return inside.astype(np.uint16)
    height, width = inside.shape
    return in_one_piece(labels.repeat(step, 0).repeat(step, 1)[:height, :width] * inside, inside)


def _gathered(at: NDArray[Any], shape: tuple[int, ...], radius: int) -> NDArray[np.intp]:
    """For each place (2, N) the number from 0 of its group; groups are more than twice the radius (px) apart."""
    columns, rows = (np.clip(np.rint(part).astype(np.intp), 0, n - 1) for part, n in zip(at, shape[::-1], strict=True))
    reached = np.zeros(shape, np.uint8)
    reached[rows, columns] = 1
    _, groups = cv2.connectedComponents(cv2.dilate(reached, _disc(radius)), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(groups[rows, columns] - 1, np.intp)


@functools.lru_cache(maxsize=8)
def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.uint8)


def _scatter(at: NDArray[Any], owner: NDArray[np.intp]) -> float:
    """The largest group's root mean square distance from its middle, in its particle's equivalent radii, at most 1."""
    sizes = np.bincount(owner)
    squares = sum(np.bincount(owner, part * part) / sizes - (np.bincount(owner, part) / sizes) ** 2 for part in at)
    return float(min(1.0, math.sqrt(max(0.0, np.max(squares * np.pi / sizes)))))


def _without(group: int, at: NDArray[Any], owner: NDArray[np.intp]) -> NDArray[np.intp]:
    """Its members go to the group whose middle is nearest."""
    sizes = np.bincount(owner)
    middles = np.stack([np.bincount(owner, part) / sizes for part in at])  # (2, groups)
    middles[:, group] = np.inf
    members = owner == group
    away = ((at[:, members, None] - middles[:, None]) ** 2).sum(axis=0)  # (members, groups)
    owner = owner.copy()
    owner[members] = away.argmin(axis=1)
    return owner - (owner > group)
