"""The particles of a segmentation: as its labels say, else as the watershed divides its objects; and what becomes of
them when it is edited.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import boxes, label_objects
from tui_cytpix.core.objects.watershed import divided, flood, object_of, particle_labels
from tui_cytpix.domain.segmentation import Segmentation


def particles_of(segmentation: Segmentation) -> NDArray[np.uint16]:
    """Whose each pixel is: uint16 (H, W), k + 1 for centroid k, 0 elsewhere; not to be written to."""
    if segmentation.labels is not None:
        return segmentation.labels
    return particle_labels(segmentation.mask, segmentation.centroids)


class _Objects(NamedTuple):
    """A segmentation's objects as `label_objects` numbers them, int32 (H, W), their `total`, and of each centroid the
    object that it belongs to, int32 (K,), 0 for none.
    """

    numbered: NDArray[np.int32]
    total: int
    owners: NDArray[np.int32]

    @classmethod
    def of(cls, segmentation: Segmentation) -> _Objects:
        numbered, count = label_objects(segmentation.mask)
        return cls(numbered, count, object_of(numbered, segmentation.centroids))

    def members(self, number: int) -> NDArray[np.intp]:
        return np.flatnonzero(self.owners == number) + 1


def need_telling(segmentation: Segmentation) -> bool:
    """Whether its labels say what its objects don't: which part of an object is whose, or that a particle isn't all of
    its object.
    """
    if segmentation.labels is None:
        return False
    objects = _Objects.of(segmentation)
    several = bool((np.bincount(objects.owners)[1:] > 1).any())
    return several or not np.array_equal(segmentation.labels, divided(*objects, segmentation.centroids))


def carried_over(old: Segmentation, new: Segmentation) -> Segmentation:
    """`new`, which an edit made of `old`, with labels: its own where the edit said them; none where `old` has none.

    An object that the edit left alone keeps its particles. So does a changed one if each of its centroids lies on, or
    is nearest to, one of its own of the particles that were there; new pixels are flooded from these. Else, and where
    nobody said that division (it is the watershed's own), the object is divided anew.
    """
    if old.labels is None or new.labels is not None:
        return new
    before, now = _Objects.of(old), _Objects.of(new)
    sizes = np.bincount(before.numbered.ravel())
    said = old.labels != divided(*before, old.centroids)
    labels = divided(*now, new.centroids)
    numbers = _numbers(old.centroids, new.centroids)
    for number, box in enumerate(boxes(now.numbered, now.total), start=1):
        inside = now.numbered[box.slices] == number
        was, there = old.labels[box.slices] * inside, before.numbered[box.slices][inside]
        members, first = now.members(number), int(there[0])
        left_alone = first > 0 and (there == first).all() and len(there) == sizes[first]
        kept: NDArray[np.uint16] | None = None
        if left_alone and np.array_equal(numbers[before.members(first)], members) and numbers[was[was > 0]].all():
            kept = numbers[was]
        elif len(members) > 1 and (said[box.slices] & inside).any():
            kept = _kept(was, inside, members, new.centroids[members - 1] - np.array([box.y0, box.x0], np.float32))
        if kept is not None:
            labels[box.slices][inside] = kept[inside]
    return replace(new, labels=labels)


def told(segmentation: Segmentation, parts: NDArray[np.uint16]) -> Segmentation:
    """The same with particles as `parts`, uint16 (H, W), says: k + 1 for centroid k, 0 where it says nothing.

    Where a segmentation has no labels and the parts are the watershed's, nobody need say them.
    """
    known = particles_of(segmentation)
    labels = np.where(parts > 0, parts, known)
    if segmentation.labels is None and np.array_equal(labels, known):
        return segmentation
    return replace(segmentation, labels=labels)


def _numbers(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The new number of each old label: that of the centroid at the same place, 0 where it is gone. uint16 (K + 1,)."""
    places: dict[tuple[float, ...], list[int]] = defaultdict(list)
    for k, point in enumerate(new.tolist(), start=1):
        places[tuple(point)].append(k)
    free = (places[tuple(point)] for point in old.tolist())
    return np.array([0, *(same.pop(0) if same else 0 for same in free)], np.uint16)


def _kept(
    was: NDArray[np.uint16], inside: NDArray[np.bool_], members: NDArray[np.intp], points: NDArray[np.float32]
) -> NDArray[np.uint16] | None:
    """An object's particles of before, uint16 (h, w), numbered as its centroids are now (`members`, at `points`) and
    grown to all of it; None where they don't match one to one.
    """
    ys, xs = np.nonzero(was)
    present = np.unique(was[ys, xs])
    if len(present) != len(members):
        return None
    nearest = [int(np.argmin((ys - y) ** 2 + (xs - x) ** 2)) for y, x in points.tolist()]
    theirs = was[ys[nearest], xs[nearest]]
    if len(np.unique(theirs)) != len(members):
        return None
    numbers = np.zeros(int(present[-1]) + 1, np.uint16)
    numbers[theirs] = members
    kept = numbers[was]
    flood(kept, inside & (kept == 0))
    return kept
