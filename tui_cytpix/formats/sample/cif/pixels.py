"""The two encodings of an ImageStream `.cif`, as far as real files tell; pixels were compared with another reader's.

Images (compression 30817): from each pixel its left and its upper neighbour are taken away and the one at the upper
left is added, which leaves small numbers; each is written in pieces of 3 bits, the lowest first, the topmost bit of the
last piece its sign. A piece takes half a byte, the lower half first; the half's fourth bit says that another follows.

Masks (30818): pairs of bytes, a value and how often it comes again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS = 1 << 22  # of all channels of an object; while one is decoded, a pixel takes up to 100 bytes
_MOST_PIECES = 6  # of a difference of 16-bit pixels, which takes 18 bits at most


def decode_image(data: bytes, height: int, width: int) -> NDArray[np.uint16]:
    """An object's image, (H, W).

    Raises:
        ValueError: it is damaged or too large; the message says why.
    """
    _check_size(height, width)
    pixels = height * width
    if not pixels <= 2 * len(data) <= _MOST_PIECES * pixels + 1:
        raise ValueError(f"{len(data)} bytes can't hold {width} x {height} pixels")
    both = np.frombuffer(data, np.uint8)
    pieces = np.stack([both & 0xF, both >> 4], axis=1).ravel()  # (P,)
    ends = np.flatnonzero(pieces < 8)  # (N,)
    if not pixels <= len(ends) <= pixels + 1:  # the last half of a byte may be left over
        raise ValueError(f"it holds {len(ends)} pixels, not {width} x {height}")
    ends = ends[:pixels]
    lengths = np.diff(ends, prepend=-1)
    longest = int(lengths.max())
    if longest > _MOST_PIECES:
        raise ValueError("a pixel takes more than 16 bits")
    values = np.zeros(pixels, np.int32)
    starts = ends - lengths + 1
    for k in range(longest):
        there = lengths > k
        values[there] |= (pieces[starts[there] + k] & 7).astype(np.int32) << (3 * k)
    negative = pieces[ends] & 4 != 0
    values[negative] -= 1 << (3 * lengths[negative])
    image = values.reshape(height, width).cumsum(axis=0, dtype=np.int64)
    np.cumsum(image, axis=1, out=image)
    if image.min() < 0 or image.max() > 0xFFFF:
        raise ValueError("its pixels don't fit into 16 bits")
    return image.astype(np.uint16)


def decode_mask(data: bytes, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels an object's mask covers, (H, W).

    Raises:
        ValueError: it is damaged or too large; the message says why.
    """
    _check_size(height, width)
    if len(data) % 2 or len(data) > 2 * height * width:
        raise ValueError(f"{len(data)} bytes can't hold a mask of {width} x {height} pixels")
    values, repeats = np.frombuffer(data, np.uint8).reshape(-1, 2).T
    runs = repeats.astype(np.int64) + 1
    if runs.sum() != height * width:
        raise ValueError(f"it holds {runs.sum()} pixels, not {width} x {height}")
    return np.repeat(values != 0, runs).reshape(height, width)


def _check_size(height: int, width: int) -> None:
    if not 0 < height * width <= MOST_PIXELS:
        raise ValueError(f"{width} x {height} pixels are none, or more than the {MOST_PIXELS:,} that are read")
