"""Lines of background that some draw between touching cells: with them each is an object of its own."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import label_objects

_AROUND = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, -1), (-1, 1))  # the nearest first
LEAST_CONTACT = 4  # pairs of neighbouring pixels along which two cells meet


@dataclass(frozen=True)
class Contacts:
    """Pairs of labels that touch: `joined` in one object, `parted` in two by a line of 1 or 2 px. `objects` there are,
    of which so many fewer, `too_many`, if the lines were closed.
    """

    joined: int = 0
    parted: int = 0
    objects: int = 0
    too_many: int = 0

    def __add__(self, other: Contacts) -> Contacts:
        return Contacts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def contacts(labels: NDArray[np.integer[Any]]) -> Contacts:
    """Of a label image, (H, W), 0 background."""
    objects, count = label_objects(labels > 0)
    # A label may lie in several objects; two labels are joined where any of theirs is the same.
    inside = labels > 0
    found = np.unique(np.stack([labels[inside].astype(np.int64), objects[inside]]), axis=1)
    objects_of: dict[int, set[int]] = {}
    for label, one in found.T.tolist():
        objects_of.setdefault(label, set()).add(one)
    closed = without_gaps(labels)
    pairs = _neighbours(closed)
    joined = sum(not objects_of[a].isdisjoint(objects_of[b]) for a, b in pairs)
    return Contacts(joined, len(pairs) - joined, count, count - label_objects(closed > 0)[1])


def without_gaps(labels: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """The labels, (H, W), with lines of background of 1 or 2 px between two objects given to the nearer label."""
    objects, filled = label_objects(labels > 0)[0], labels.copy()
    for dy, dx in _AROUND:
        near, beyond = _shifted(objects, (dy, dx)), _shifted(objects, (-dy, -dx))
        beyond = np.where(beyond > 0, beyond, _shifted(objects, (-2 * dy, -2 * dx)))
        between = (filled == 0) & (near > 0) & (beyond > 0) & (near != beyond)
        filled[between] = _shifted(labels, (dy, dx))[between]
    return filled


def _neighbours(labels: NDArray[np.integer[Any]]) -> list[tuple[int, int]]:
    """Pairs of labels that meet along 4 pairs of pixels and more."""
    met = []
    for step in ((0, 1), (1, 0), (1, 1), (1, -1)):
        beside = _shifted(labels, step)
        differ = (labels > 0) & (beside > 0) & (labels != beside)
        met.append(np.sort(np.stack([labels[differ], beside[differ]]).astype(np.int64), axis=0))
    pairs, times = np.unique(np.concatenate(met, axis=1), axis=1, return_counts=True)
    return [(int(a), int(b)) for a, b in pairs.T[times >= LEAST_CONTACT]]


def _shifted(labels: NDArray[np.integer[Any]], step: tuple[int, int]) -> NDArray[np.integer[Any]]:
    """What lies `step` (dy, dx), at most 2 px, further, 0 beyond the border."""
    height, width = labels.shape
    padded = np.pad(labels, 2)
    return padded[2 + step[0] : 2 + step[0] + height, 2 + step[1] : 2 + step[1] + width]
