"""Co-occurrence parameters by every formula that their names leave open: gray levels, directions, order, region."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.intensity_variants import Variant
from tui_cytpix.core.features.texture import LEVELS, gray_levels
from tui_cytpix.core.objects.regions import bounding_box

_DIRECTIONS = {"1 direction": ((0, 1),), "2 directions": ((0, 1), (1, 0))}
_DIRECTIONS["4 directions"] = (*_DIRECTIONS["2 directions"], (1, 1), (1, -1))
_NUMBERS = (8, 16, 32, 64, 256)
_DENSE = 64  # levels up to which a matrix of all pairs is quicker than a list of those that occur
_LARGE = 10_000  # pixels of a region of which only the usual numbers of levels are tried
_Keys = NDArray[np.intp]


def texture_variants(
    gray: NDArray[np.generic], background: NDArray[np.float32], mask: NDArray[np.bool_], bit_depth: int
) -> Iterator[Variant]:
    """Parameters of a region's co-occurrence matrix, from pairs of pixels at 1 px that both lie in it; arguments as of
    `intensity_variants`. Of a large region the levels are 8 and 64.
    """
    box = bounding_box(mask)
    assert box is not None
    inside = mask[box.slices]
    few = int(np.count_nonzero(inside)) > _LARGE
    for kind, levels, number in _quantised(gray[box.slices], background[box.slices], inside, bit_depth, few):
        pairs = {offset: _pairs(levels, inside, number, *offset) for offset in _DIRECTIONS["4 directions"]}
        for directions, offsets in _DIRECTIONS.items():
            keys = np.concatenate([pairs[offset] for offset in offsets])
            if len(keys):
                yield from _both_orders(keys, number, f"{kind}, {directions}")


def _quantised(
    gray: NDArray[np.generic], background: NDArray[np.float32], inside: NDArray[np.bool_], bit_depth: int, few: bool
) -> Iterator[tuple[str, NDArray[np.intp], int]]:
    """Words, levels (h, w), and how many there are at most."""
    values = gray.astype(np.float64)
    low, high = float(values[inside].min()), float(values[inside].max())
    for number in (_NUMBERS[0], _NUMBERS[3]) if few else _NUMBERS:
        yield f"{number} levels over full scale", (values * number / 2.0**bit_depth).astype(np.intp), number
        stretched = (values - low) * number / max(high - low, 1)
        levels = np.clip(stretched, 0, number - 1).astype(np.intp)
        yield f"{number} levels from minimum to maximum", levels, number
    if not few:
        yield "a level for each gray value", gray.astype(np.intp), 1 << bit_depth
        ratio = values / np.maximum(background, 1)
        yield "64 levels of 1/32 of gray/background", gray_levels(ratio).astype(np.intp), LEVELS


def _pairs(levels: NDArray[np.intp], inside: NDArray[np.bool_], number: int, dy: int, dx: int) -> _Keys:
    """first * number + second of each pair at that offset, dy >= 0."""
    height, width = levels.shape
    left, right = max(0, -dx), width - max(0, dx)
    first = np.s_[: height - dy, left:right]
    second = np.s_[dy:, left + dx : right + dx]
    both = inside[first] & inside[second]
    return np.asarray((levels[first] * number + levels[second])[both], np.intp)


def _both_orders(keys: _Keys, number: int, kind: str) -> Iterator[Variant]:
    """Each pair once, and each in both orders (the symmetric matrix)."""
    if number <= _DENSE:
        matrix = np.bincount(keys, minlength=number * number)
        square = matrix.reshape(number, number)
        orders: dict[str, NDArray[Any]] = {"one order": matrix, "symmetric": (square + square.T).ravel()}
        found = {words: (at := np.flatnonzero(counts), counts[at]) for words, counts in orders.items()}
    else:
        first, second = np.divmod(keys, number)
        turned = np.concatenate([keys, second * number + first])
        found = {"one order": np.unique(keys, return_counts=True), "symmetric": np.unique(turned, return_counts=True)}
    for order, (places, counts) in found.items():
        words = f"{kind}, {order}"
        p = counts / counts.sum()
        apart = places // number - places % number
        bits = float(-(p * np.log2(p)).sum())
        yield "MaximumCoOccurrence", words, float(p.max())
        if order == "symmetric":  # either order has the same
            yield "ContrastCoOccurrence", kind, float((apart * apart * p).sum())
        yield "EntropyCoOccurrence", f"{words}, bits", bits
        yield "EntropyCoOccurrence", f"{words}, nats", bits * math.log(2)
        yield "AngularSecondMomentCoOccurrence", words, float((p * p).sum())
