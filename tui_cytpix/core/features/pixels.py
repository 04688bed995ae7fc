"""The pixels of many regions of many images in flat arrays, so that each statistic is one pass over all of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_COUNTED = 1 << 22  # possible keys: a table of their counts is much faster than sorting, and so small it may be


class Canvas:
    """Patches one after the other in one flat array, each with a rim of one pixel around it, so that neighbours can be
    indexed without a test of where a patch ends. A patch is a part of an image that holds all of its foreground.

    Args:
        grays: (h, w) each, as recorded.
        backgrounds: the same, gray units.
    """

    def __init__(self, grays: Sequence[NDArray[np.generic]], backgrounds: Sequence[NDArray[np.float32]]) -> None:
        self._shapes = [gray.shape for gray in grays]
        sizes = [(height + 2) * (width + 2) for height, width in self._shapes]
        self.starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.intp)])
        self.strides = np.array([width + 2 for _, width in self._shapes], np.intp)
        self.gray = self.filled(grays, np.float64)
        self.background = self.filled(backgrounds, np.float64)
        self.y = self.filled([np.arange(height)[:, None] for height, _ in self._shapes], np.int32)
        self.x = self.filled([np.arange(width) for _, width in self._shapes], np.int32)

    def filled(self, parts: Sequence[NDArray[Any] | None], dtype: type[np.number[Any]]) -> NDArray[Any]:
        """The patches' arrays (h, w) on a canvas, 0 on the rims and where a patch has None."""
        flat = np.zeros(self.starts[-1], dtype)
        for start, (height, width), part in zip(self.starts.tolist(), self._shapes, parts, strict=False):
            inner = flat[start : start + (height + 2) * (width + 2)].reshape(height + 2, width + 2)
            inner[1:-1, 1:-1] = 0 if part is None else part
        return flat


class Neighbours(NamedTuple):
    """Of each pixel the one beside it: its place on the canvas `at` (P,), whether it belongs to the `same` region (P,),
    and `number`, in how many pixels of each region (R,) that is so.
    """

    at: NDArray[np.intp]
    same: NDArray[np.bool_]
    number: NDArray[np.intp]


class Pixels:
    """The pixels of numbered regions, sorted by region; `regions` (R,) are the numbers of those that have any.

    Args:
        canvas: where they lie.
        labels: on the canvas: 0 or a region's number within its patch, 1..
        counts: how many numbers each patch has: regions are numbered on from patch to patch.
    """

    def __init__(self, canvas: Canvas, labels: NDArray[np.int32], counts: Sequence[int]) -> None:
        at = np.flatnonzero(labels != 0)  # faster than of the labels themselves
        numbers = labels[at]
        inside = np.diff(np.searchsorted(at, canvas.starts))
        patch = np.repeat(np.arange(len(counts)), inside)
        owners = numbers + np.repeat(np.cumsum([0, *counts])[:-1], inside)
        if (owners[1:] < owners[:-1]).any():
            order = np.argsort(owners, kind="stable")
            at, numbers, owners, patch = at[order], numbers[order], owners[order], patch[order]
        self._labels, self._numbers, self.at = labels, numbers, at
        self._first = np.flatnonzero(np.concatenate([[True], owners[1:] != owners[:-1]])) if len(at) else at
        self.regions = owners[self._first]
        self.number = np.diff(np.append(self._first, len(at)))
        self.owner = np.repeat(np.arange(len(self.regions)), self.number)
        self.patch = patch[self._first]
        self._stride = canvas.strides[patch]
        self.y, self.x = canvas.y[at], canvas.x[at]
        self._neighbours: dict[tuple[int, int], Neighbours] = {}
        self.gray, self.background = canvas.gray[at], canvas.background[at]

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sums of values (P,) over each region, (R,)."""
        return np.add.reduceat(values, self._first) if len(self._first) else values[:0]

    def mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Means over each region, (R,)."""
        return np.asarray(self.total(values) / self.number, np.float64)

    def highest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Maxima, (R,)."""
        return np.maximum.reduceat(values, self._first) if len(self._first) else values[:0]

    def lowest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Minima, (R,)."""
        return np.minimum.reduceat(values, self._first) if len(self._first) else values[:0]

    @functools.cached_property
    def away(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How far each pixel is from its region's middle in y and x, (P,) each, px."""
        return self.y - self.mean(self.y)[self.owner], self.x - self.mean(self.x)[self.owner]

    def neighbour(self, dy: int, dx: int) -> Neighbours:
        """The pixels at an offset of at most 1."""
        if (dy, dx) not in self._neighbours:
            at = self.at + (dy * self._stride + dx)
            same = self._labels[at] == self._numbers
            self._neighbours[dy, dx] = Neighbours(at, same, self.total(same.view(np.int8).astype(np.intp)))
        return self._neighbours[dy, dx]


class Runs(NamedTuple):
    """How often each value occurs in each region: `value`, `times` and `owner`, (N,) each, sorted by owner."""

    owner: NDArray[np.intp]
    value: NDArray[np.intp]
    times: NDArray[np.intp]

    def total(self, values: NDArray[Any], regions: int) -> NDArray[np.float64]:
        """Sums of values (N,) over each of `regions` regions."""
        return np.bincount(self.owner, values, regions).astype(np.float64, copy=False)

    def highest(self, values: NDArray[Any], regions: int) -> NDArray[np.float64]:
        """Maxima of values (N,), >= 0, over each of `regions` regions; 0 where one has none."""
        first = np.searchsorted(self.owner, np.arange(regions))
        return np.maximum.reduceat(np.append(values, 0.0), first) * (np.bincount(self.owner, minlength=regions) > 0)


def runs(owner: NDArray[np.intp], values: NDArray[np.integer[Any]]) -> Runs:
    """Counts equal values (P,) of equal owners (P,); in `Runs.value` the least of all is 0."""
    lowest = values.min(initial=np.iinfo(values.dtype).max)
    span = int(values.max(initial=lowest)) - int(lowest) + 1
    return runs_of_keys(owner * span + (values - lowest), int(owner.max(initial=0)) + 1, span)


def runs_of_keys(keys: NDArray[np.integer[Any]], owners: int, span: int) -> Runs:
    """`runs` where the keys (P,), owner * span + value, are there already."""
    if owners * span <= _COUNTED:
        counts = np.bincount(keys)
        found = np.flatnonzero(counts != 0)  # faster than of the counts themselves
        times = counts[found]
    else:
        found, times = np.unique(keys, return_counts=True)
    return Runs(*np.divmod(found, span), times)
