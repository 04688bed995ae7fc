"""How well masks lie on other masks of the same image: as they are, or turned and flipped as files at times are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

TURNS: dict[str, Callable[[Mask], Mask]] = {
    "transposed (rows and columns exchanged)": lambda mask: mask.T,
    "flipped left to right": lambda mask: mask[:, ::-1],
    "flipped upside down": lambda mask: mask[::-1],
    "turned by 180 degrees": lambda mask: mask[::-1, ::-1],
    "turned by 90 degrees to the left": np.rot90,
    "turned by 90 degrees to the right": lambda mask: np.rot90(mask, 3),
    "flipped along the diagonal from the lower left": lambda mask: mask[::-1, ::-1].T,
}


def dice(one: Mask, other: Mask) -> float:
    """2 |A and B| / (|A| + |B|), 0 to 1; NaN where both are empty or their shapes differ."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if one.shape == other.shape and total else np.nan
