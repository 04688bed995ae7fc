"""Texture from the gray-level co-occurrence matrix (Haralick, Shanmugam, Dinstein 1973)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVELS = 64  # of gray/background, 1/32 wide from 0 to 2: the same steps for every image, gain and bit depth
_STEPS = 32


class Texture(NamedTuple):
    """Of the matrix p: max p; sum (i - j)^2 p; -sum p log2 p in bits; sum p^2. NaN for a region without neighbours."""

    maximum: float
    contrast: float
    entropy: float
    angular_second_moment: float


def gray_levels(ratio: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Gray/background in 64 levels of 1/32, what lies beyond 2 in the last; same shape."""
    return np.asarray(np.clip(ratio * _STEPS, 0, LEVELS - 1), np.intp)


def cooccurrence(levels: NDArray[np.intp], region: NDArray[np.bool_]) -> Texture:
    """Texture of the pixel pairs that both lie in a region: neighbours at distance 1 in 4 directions, both orders,
    pooled.

    Args:
        levels: (H, W), 0..63.
        region: bool (H, W).
    """
    # A level of its own for what is outside: its row and column are cut off.
    codes = np.where(region, levels, LEVELS)
    width = LEVELS + 1
    pairs = np.concatenate(
        [
            (codes[:, :-1] * width + codes[:, 1:]).ravel(),
            (codes[:-1] * width + codes[1:]).ravel(),
            (codes[:-1, :-1] * width + codes[1:, 1:]).ravel(),
            (codes[:-1, 1:] * width + codes[1:, :-1]).ravel(),
        ]
    )
    counts = np.bincount(pairs, minlength=width * width).reshape(width, width)[:LEVELS, :LEVELS]
    total = int(counts.sum())
    if total == 0:
        return Texture(*[float("nan")] * 4)
    matrix = (counts + counts.T) / (2 * total)
    rows, columns = np.nonzero(matrix)
    p = matrix[rows, columns]
    return Texture(
        maximum=float(p.max()),
        contrast=float(((rows - columns) ** 2) @ p),
        entropy=float(-(p @ np.log2(p))),
        angular_second_moment=float(p @ p),
    )
