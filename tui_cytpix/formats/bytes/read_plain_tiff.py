"""The instrument's own TIFF layout, read with NumPy alone: one gray image, 8 or 16 bits, uncompressed, strips in a row.

That is what an `.acs` holds, and read faster so; everything else is Pillow's.
Source of the tags: TIFF 6.0 specification (Adobe, 1992).
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_MAX_TAGS = 64
_SIZES = {3: ("H", 2), 4: ("I", 4)}
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, STRIP_BYTES = 256, 257, 258, 259, 262, 273, 277, 279
_FILL_ORDER, _PREDICTOR, TILE_WIDTH, SAMPLE_FORMAT = 266, 317, 322, 339
_WANTED = {COMPRESSION: 1, PHOTOMETRIC: 1, SAMPLES: 1, _FILL_ORDER: 1, _PREDICTOR: 1, SAMPLE_FORMAT: 1}


def read_plain_tiff(data: bytes, max_pixels: int) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """Gray pixels (H, W), or None where the file is not of the plain layout (damaged ones included)."""
    try:
        tags, order = _tags(data)
        (height,), (width,), (bits,) = tags[HEIGHT], tags[WIDTH], tags[BITS]
        plain = all(tags.get(tag, (value,)) == (value,) for tag, value in _WANTED.items())
        strips, counts = tags[STRIPS], tags[STRIP_BYTES]
    except (KeyError, ValueError, struct.error):
        return None
    size = height * width * bits // 8
    contiguous = all(a + n == b for a, n, b in zip(strips, counts, strips[1:], strict=False))
    if (
        not (plain and contiguous and bits in (8, 16))
        or TILE_WIDTH in tags
        or not 0 < height * width <= max_pixels
        or len(strips) != len(counts)
        or sum(counts) != size
        or strips[0] + size > len(data)
    ):
        return None
    if bits == 8:
        return np.frombuffer(data, np.uint8, height * width, strips[0]).reshape(height, width)
    pixels = np.frombuffer(data, f"{order}u2", height * width, strips[0]).reshape(height, width)
    return pixels.astype(np.uint16, copy=False)


def _tags(data: bytes) -> tuple[dict[int, tuple[int, ...]], str]:
    """The first directory's SHORT and LONG values, and the byte order's sign.

    Raises:
        ValueError, struct.error: not a classic TIFF with one page, or cut off.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise ValueError("no TIFF")
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    if count > _MAX_TAGS:
        raise ValueError("too many tags")
    tags: dict[int, tuple[int, ...]] = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, at)
        if kind in _SIZES and number <= len(data):
            letter, width = _SIZES[kind]
            place = at + 8 if number * width <= 4 else struct.unpack_from(f"{order}I", data, at + 8)[0]
            tags[tag] = struct.unpack_from(f"{order}{number}{letter}", data, place)
    return tags, order
