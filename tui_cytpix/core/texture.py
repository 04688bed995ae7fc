"""Texture from the gray-level co-occurrence matrix (Haralick, Shanmugam, Dinstein 1973)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.pixels import Pixels, runs

LEVELS = 64  # of gray/background, 1/32 wide from 0 to 2: the same steps for every image, gain and bit depth
_STEPS = 32
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
_Values = NDArray[np.float64]


class Texture(NamedTuple):
    """Of each region's matrix p, (R,): max p; sum (i - j)^2 p; -sum p log2 p in bits; sum p^2. NaN for a region
    without neighbours.
    """

    maximum: _Values
    contrast: _Values
    entropy: _Values
    angular_second_moment: _Values


def gray_levels(ratio: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """Gray/background in 64 levels of 1/32, what lies beyond 2 in the last; same shape."""
    return np.asarray(np.clip(ratio * _STEPS, 0, LEVELS - 1), np.int32)


def cooccurrence(pixels: Pixels, levels: NDArray[np.int32]) -> Texture:
    """Texture of the pixel pairs that both lie in a region: neighbours at distance 1 in 4 directions, both orders,
    pooled.

    Args:
        levels: of each place on the canvas, 0..63; those of the regions' pixels are looked at.
    """
    own = levels[pixels.at]
    owners, keys = [], []
    for dy, dx in _DIRECTIONS:
        at, same = pixels.neighbour(dy, dx)
        here, there = own[same], levels[at[same]]
        # The matrix is symmetric: a pair and its reverse are counted as one, with the lower level first.
        keys.append(np.minimum(here, there) * LEVELS + np.maximum(here, there))
        owners.append(pixels.owner[same])
    regions = len(pixels.number)
    owner = np.concatenate(owners)
    found = runs(owner, np.concatenate(keys), LEVELS * LEVELS)
    pairs = np.bincount(owner, minlength=regions)
    low, high = np.divmod(found.value, LEVELS)
    entries = np.where(low == high, 1, 2)  # of the matrix, each of them p
    p = found.times / (pairs[found.owner] * entries)
    maximum = np.zeros(regions)
    np.maximum.at(maximum, found.owner, p)
    lonely = np.where(pairs > 0, 0.0, np.nan)
    return Texture(
        maximum=maximum + lonely,
        contrast=found.total((high - low) ** 2 * entries * p, regions) + lonely,
        entropy=found.total(-entries * p * np.log2(p), regions) + lonely,
        angular_second_moment=found.total(entries * p * p, regions) + lonely,
    )
