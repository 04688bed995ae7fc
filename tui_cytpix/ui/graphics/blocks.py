"""Pictures in the block characters that every monospaced font has: eight pixels a cell, in two colours.

Of halves, quadrants and quarters each cell gets the shape, with a colour in front and one behind, that comes closest to
its four rows of two pixels by least squares. A shape stands for its complement, too, with the colours exchanged.
Sextants and octants would fit more exactly, but few fonts have them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.render import GRAY_LEVELS

ROWS, COLUMNS = 4, 2
PIXELS = ROWS * COLUMNS
BLANK = 0
CHARACTERS = " ▀▌▘▝▖▗▚▂▆"
# The pixels that each fills, row by row.
_SHAPES = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 1, 0, 1, 0],
        [1, 0, 1, 0, 0, 0, 0, 0],
        [0, 1, 0, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 1, 0, 1],
        [1, 0, 1, 0, 0, 1, 0, 1],
        [0, 0, 0, 0, 0, 0, 1, 1],
        [0, 0, 1, 1, 1, 1, 1, 1],
    ],
    np.float32,
)
FAINT = 16.0  # of 255: halves of a cell that differ by less are one colour, and noise stays calm
STEP = 8  # colours are multiples of it: equal ones cost no bytes


class Blocks(NamedTuple):
    """Of each cell (H, W): `shape` uint8, a place in CHARACTERS; `front` and `back` uint8 (H, W, 3), the colours."""

    shape: NDArray[np.uint8]
    front: NDArray[np.uint8]
    back: NDArray[np.uint8]


_FILLED = _SHAPES.sum(axis=1)
_LEFT = PIXELS - _FILLED


def fitted(inks: NDArray[np.uint8], colours: NDArray[np.uint8]) -> Blocks:
    """The shapes and colours closest to a picture of (4 H, 2 W) inks, of which the first GRAY_LEVELS are grays."""
    high, wide = inks.shape[0] // ROWS, inks.shape[1] // COLUMNS
    parts = inks.reshape(high, ROWS, wide, COLUMNS).transpose(0, 2, 1, 3).reshape(high * wide, PIXELS)
    gray = (parts < GRAY_LEVELS).all(axis=1)
    shape = np.empty(len(parts), np.uint8)
    front, back = np.empty((2, len(parts), 3), np.uint8)
    table = colours.astype(np.float32).T
    for which, channels in ((gray, table[:1]), (~gray, table)):
        if which.any():
            shape[which], front[which], back[which] = _closest(channels[:, parts[which]])
    return Blocks(shape.reshape(high, wide), front.reshape(high, wide, 3), back.reshape(high, wide, 3))


def _closest(
    values: NDArray[np.float32],
) -> tuple[NDArray[np.intp], NDArray[np.uint8], NDArray[np.uint8]]:
    """Of (channels, cells, PIXELS) values: the shape, and the colours in front and behind, (cells, channels)."""
    ahead = values @ _SHAPES.T
    behind = values.sum(axis=2, keepdims=True) - ahead
    closer = (ahead**2).sum(0) / np.maximum(_FILLED, 1) + (behind**2).sum(0) / _LEFT
    closer[:, BLANK] += len(values) * PIXELS / 4 * FAINT**2
    shape = closer.argmax(axis=1)
    cells = np.arange(len(shape))
    front = ahead[:, cells, shape] / np.maximum(_FILLED, 1)[shape]
    return shape, _stepped(front), _stepped(behind[:, cells, shape] / _LEFT[shape])


def _stepped(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.minimum(np.round(colours / STEP) * STEP, 255), np.uint8).T
