"""Signs in a label image that values mark something else than particles: classes, rims, borders, the background.

Measured on 639 reference label images of seven sets of real cells (909 labels): not one label has a second region, lies
within the rim of another or is as thin as 2 px, and the background is 0 in all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tui_cytpix.core.objects.regions import SQUARE, as_uint8, label_objects

IGNORE_VALUES = (255, 65535)
_OTHERS_BELOW = 0.5  # of an ignore value: the labels beside it are numbered from 1 on
_BORDER_DEPTH = 6.0  # px; no pixel of a border around cells lies deeper in it
_LINED = 0.5  # of the other labels' outlines
_LINE_DEPTH = 3.0  # px; the same of a line between cells
_BETWEEN, _LEAST_BESIDE = 0.75, 2  # of such a line's own outline; cells
_WRAPPED = 0.9  # of a label's outline
_MOST = 0.5  # of the frame, and of its edge
_PART = 0.1  # of the largest region of the same label: what is smaller is a speck
_HOLE = 0.02  # of a label with its holes filled; right ones have 0.001 at most
_LONG, _WIDE = 5, 2  # px; right labels are 6 px long and more, and wider than 2
_LOWEST = 4  # values that are told


@dataclass(frozen=True)
class LabelFacts:
    """What is odd in one label image. Values are those of the file.

    Attributes:
        labels: how many values above 0 there are; a border's doesn't count.
        value: the only one, 0 where there is none or several.
        parts: regions of one value (as by `by_region`) over all values, specks apart.
        cells: labels that `by_region` makes.
        shared: the value that lies in most regions, specks apart, 0 where each has one; `shared_by`: how many.
        specked: a value with specks, less than a tenth of its largest region, 0 where none has.
        rimmed: a value that has a rim of other values: its outline lies to 90 % on one other label, or on labels that
            are 2 px wide at most, or it encloses others, or it has specks and one lies beside another label. 0 where
            there is none.
        background: the value, not 0, that covers more than half of the frame and of its edge; 0 where none does.
        inverted: that value is the highest, and lower ones stand beside it.
        lowest: the lowest values, 4 at most, ascending.
        hollow: the value with the largest hole of background, where that is 2 % of it and more; 0 where none has one.
            `hole`: the hole's share of its area with the hole filled.
        slight: there are labels, none is longer than 5 px and wider than 2, and none is `hollow`.
        strip: a value, not the background, that fills one edge of the frame from end to end; 0 where none does.
        ignored: 255 or 65535, where all other labels are below half of it; 0 where that is not so.
        border: `ignored`, if it is the line around cells (it lies along half of the other labels' outlines and is
            nowhere deeper than 6 px) or between them (each of its regions lies by three quarters of its own outline on
            other labels, on two at least, and is nowhere deeper than 3 px), else 0.
    """

    labels: int = 0
    value: int = 0
    parts: int = 0
    cells: int = 0
    shared: int = 0
    shared_by: int = 0
    specked: int = 0
    rimmed: int = 0
    background: int = 0
    inverted: bool = False
    lowest: tuple[int, ...] = ()
    hollow: int = 0
    hole: float = 0.0
    slight: bool = False
    strip: int = 0
    ignored: int = 0
    border: int = 0


class _Label(NamedTuple):
    """One label in the part of the image that reaches 1 px beyond it: its number, its pixels there, bool (h, w), and
    the labels there, (h, w).
    """

    number: int
    own: NDArray[np.bool_]
    around: NDArray[np.int32]

    def beside(self, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
        """The other labels, or 0, of the pixels around some of its own, (P,)."""
        grown = cv2.dilate(as_uint8(mask), SQUARE) > 0
        return np.asarray(self.around[grown & ~self.own])

    @property
    def thin(self) -> bool:
        return not cv2.erode(np.pad(as_uint8(self.own), 1), SQUARE).any()

    @property
    def slight(self) -> bool:
        rows, columns = (np.flatnonzero(self.own.any(axis=axis)) for axis in (1, 0))
        return self.thin or max(int(np.ptp(rows)), int(np.ptp(columns))) < _LONG

    def holes(self) -> tuple[float, bool]:
        """The share that holes have of its area with these filled, and whether most of them is other labels."""
        outlines, _ = cv2.findContours(as_uint8(self.own), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = cv2.drawContours(np.zeros(self.own.shape, np.uint8), outlines, -1, 1, cv2.FILLED) > 0
        inside = self.around[filled & ~self.own]
        return len(inside) / int(filled.sum()), 2 * int((inside > 0).sum()) > len(inside)


def label_facts(labels: NDArray[np.integer[Any]], values: NDArray[np.integer[Any]]) -> LabelFacts:
    """What is odd in a label image.

    Args:
        labels: (H, W), 0 background, 1..K.
        values: (K,), what these labels are in the file, ascending.
    """
    numbers = labels.astype(np.int32)
    background = _background(numbers)
    ignored = int(values[-1]) if _has_ignore_value(values) else 0
    border = ignored if ignored and (_is_border(numbers, len(values)) or _is_between(numbers, len(values))) else 0
    if border:
        numbers[numbers == len(values)] = 0
    found = list(_each(numbers))
    thin = {one.number for one in found if one.thin}
    parts, cells, shared, shared_by, specked, rimmed, hollow, hole = 0, 0, 0, 1, 0, 0, 0, 0.0
    for one in found:
        regions, count = _parted(one.own)
        areas = np.bincount(regions.ravel())[1:]
        specks = np.flatnonzero(areas < _PART * areas.max()) + 1
        large, value = count - len(specks), int(values[one.number - 1])
        parts += large
        cells += count
        if large > shared_by:
            shared, shared_by = value, large
        if len(specks):
            specked = value
        if _has_rim(one, thin) or (len(specks) and one.beside(np.isin(regions, specks)).any()):
            rimmed = value
        share, of_others = (0.0, False) if one.number == background else one.holes()
        if share >= _HOLE and of_others:
            rimmed = value
        elif share >= max(_HOLE, hole):
            hollow, hole = value, share
    return LabelFacts(
        labels=len(found),
        value=int(values[found[0].number - 1]) if len(found) == 1 else 0,
        parts=parts,
        cells=cells,
        shared=shared,
        shared_by=shared_by if shared else 0,
        specked=specked,
        rimmed=rimmed,
        background=int(values[background - 1]) if background else 0,
        inverted=bool(background) and background == len(values) and bool((numbers != background).any()),
        lowest=tuple(int(values[one.number - 1]) for one in found[:_LOWEST]),
        hollow=hollow,
        hole=hole,
        slight=bool(found) and not hollow and all(one.slight for one in found),
        strip=int(values[strip - 1]) if (strip := _strip(numbers)) and strip != background else 0,
        ignored=ignored,
        border=border,
    )


def by_region(labels: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """A label for each region of a label, numbered from 1 on, label after label; (H, W). What hangs together at corners
    only is parted, as a thin line that somebody drew leaves it so, but for specks: they go with the part beside them.
    """
    split, count = np.zeros(labels.shape, np.int32), 0
    for one, place in _placed(labels.astype(np.int32)):
        regions, more = _parted(one.own)
        split[place][one.own] = regions[one.own] + count
        count += more
    return split


def _parted(own: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """The regions of `by_region`, 1..count, and their count: 4-connected ones, of which those below a tenth of the
    largest in their 8-connected region are specks.
    """
    objects, _ = label_objects(own)
    count, parts = cv2.connectedComponents(as_uint8(own), connectivity=4, ltype=cv2.CV_32S)
    if count - 1 == objects.max():
        return objects, count - 1
    areas = np.bincount(parts.ravel(), minlength=count)
    whose = np.zeros(count, np.int32)
    whose[parts[own]] = objects[own]
    largest = np.zeros(objects.max() + 1)
    np.maximum.at(largest, whose[1:], areas[1:])
    kept = np.flatnonzero((whose > 0) & (areas >= _PART * largest[whose]))
    specks = own & ~np.isin(parts, kept)
    found = np.zeros(own.shape, np.int32)
    for number, part in enumerate(kept, start=1):
        found[parts == part] = number
    for number in np.unique(objects[specks]):
        _, (rows, columns) = ndimage.distance_transform_edt((objects != number) | (found == 0), return_indices=True)
        mine = specks & (objects == number)
        found[mine] = found[rows[mine], columns[mine]]
    return found, len(kept)


def _has_ignore_value(values: NDArray[np.integer[Any]]) -> bool:
    return len(values) > 1 and int(values[-1]) in IGNORE_VALUES and bool(values[-2] < _OTHERS_BELOW * values[-1])


def _is_border(labels: NDArray[np.int32], number: int) -> bool:
    mine = np.pad(as_uint8(labels == number), 1)
    if cv2.distanceTransform(mine, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max() > _BORDER_DEPTH:
        return False
    outlines = np.concatenate([one.beside(one.own) for one in _each(labels) if one.number != number])
    return len(outlines) > 0 and bool((outlines == number).mean() >= _LINED)


def _is_between(labels: NDArray[np.int32], number: int) -> bool:
    for one, place in _placed(label_objects(labels == number)[0]):
        depth = cv2.distanceTransform(np.pad(as_uint8(one.own), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max()
        beside = _Label(number, one.own, labels[place]).beside(one.own)
        cells = beside[beside > 0]
        if depth > _LINE_DEPTH or len(cells) < _BETWEEN * len(beside) or len(np.unique(cells)) < _LEAST_BESIDE:
            return False
    return True


def _each(labels: NDArray[np.int32]) -> Iterator[_Label]:
    return (one for one, _ in _placed(labels))


def _placed(labels: NDArray[np.int32]) -> Iterator[tuple[_Label, tuple[slice, slice]]]:
    """Each label that has a pixel, and where its part of the image is."""
    for number, found in enumerate(ndimage.find_objects(labels), start=1):
        if found is not None:
            rows, columns = (slice(max(part.start - 1, 0), part.stop + 1) for part in found)
            around = labels[rows, columns]
            yield _Label(number, around == number, around), (rows, columns)


def _has_rim(one: _Label, thin: set[int]) -> bool:
    outline = one.beside(one.own)
    if one.number in thin or not len(outline):
        return False
    beside, times = np.unique(outline, return_counts=True)
    thinly = sum(int(n) for number, n in zip(beside, times, strict=True) if int(number) in thin)
    solid = max((int(n) for number, n in zip(beside, times, strict=True) if number > 0), default=0)
    return max(thinly, solid) >= _WRAPPED * len(outline)


def _strip(labels: NDArray[np.int32]) -> int:
    """The number of the label that fills one edge of the frame; 0 for none."""
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    return next((int(edge[0]) for edge in edges if edge[0] and (edge == edge[0]).all()), 0)


def _background(labels: NDArray[np.int32]) -> int:
    """The number of the label that is the background; 0 for none."""
    edge = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    most = int(np.bincount(edge).argmax())
    covers = min(float((edge == most).mean()), float((labels == most).mean()))
    return most if covers > _MOST else 0
