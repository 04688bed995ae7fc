"""Texture from the gray-level co-occurrence matrix (Haralick, Shanmugam, Dinstein 1973)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.pixels import Pixels, runs_of_keys

LEVELS = 64  # of gray/background, 1/32 wide from 0 to 2: the same steps for every image, gain and bit depth
_STEPS = 32
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
_Values = NDArray[np.float64]


def gray_levels(ratio: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Gray/background in 64 levels of 1/32, what lies beyond 2 in the last; same shape."""
    return np.asarray(np.clip(ratio * _STEPS, 0, LEVELS - 1), np.uint8)


def cooccurrence(pixels: Pixels, levels: NDArray[np.uint8]) -> dict[str, _Values]:
    """Texture features of each region, (R,), from the pixel pairs that both lie in it: neighbours at distance 1 in 4
    directions, both orders, pooled. NaN for a region without such pairs.

    Args:
        levels: of each place on the canvas, 0..63; those of the regions' pixels are looked at.
    """
    own, regions = levels[pixels.at], len(pixels.number)
    bases = pixels.owner * LEVELS**2
    keys, pairs = [], np.zeros(regions, np.intp)
    for dy, dx in _DIRECTIONS:
        beside = pixels.neighbour(dy, dx)
        there = levels[beside.at]
        # The matrix is symmetric: a pair and its reverse are counted as one, with the lower level first.
        pair = np.minimum(own, there).astype(np.uint16) * LEVELS + np.maximum(own, there)
        keys.append((bases + pair)[beside.same])
        pairs += beside.number
    found = runs_of_keys(np.concatenate(keys), regions, LEVELS**2)
    low, high = np.divmod(found.value, LEVELS)
    entries = np.where(low == high, 1, 2)  # of the matrix, each of them p
    p = found.times / (pairs[found.owner] * entries)
    weight = entries * p
    lonely = np.where(pairs > 0, 0.0, np.nan)
    return {
        "MaximumCoOccurrence": found.highest(p, regions) + lonely,
        "ContrastCoOccurrence": found.total((high - low) ** 2 * weight, regions) + lonely,
        "EntropyCoOccurrence": found.total(-weight * np.log2(p), regions) + lonely,
        "AngularSecondMomentCoOccurrence": found.total(weight * p, regions) + lonely,
    }
