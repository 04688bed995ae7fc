"""One gray image in an uncompressed TIFF, strips in a row, read with NumPy alone: 8 or 16 bits, or floating point.

That is what an `.acs` holds, and read faster so; everything else is Pillow's. What the tags say of it is honoured by
both alike: which end of the gray scale is white, and which way up it is.
Source of the tags: TIFF 6.0 specification (Adobe, 1992).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_TAGS = 64
_SIZES = {3: ("H", 2), 4: ("I", 4)}
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, STRIP_BYTES = 256, 257, 258, 259, 262, 273, 277, 279
SUBFILE, FILL_ORDER, ORIENTATION, _PREDICTOR, TILE_WIDTH, SAMPLE_FORMAT = 254, 266, 274, 317, 322, 339
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
REDUCED = 0b101  # of SUBFILE: a smaller copy of another page, or a mask of one
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # of SAMPLE_FORMAT
_WANTED = {COMPRESSION: 1, SAMPLES: 1, FILL_ORDER: 1, _PREDICTOR: 1}
_KINDS = {(UNSIGNED, 8): "u1", (UNSIGNED, 16): "u2", (FLOAT, 32): "f4", (FLOAT, 64): "f8"}
_NAMES = {
    BITS: "BitsPerSample",
    COMPRESSION: "Compression",
    PHOTOMETRIC: "PhotometricInterpretation",
    SAMPLES: "SamplesPerPixel",
    SAMPLE_FORMAT: "SampleFormat",
    FILL_ORDER: "FillOrder",
}


def read_plain_tiff(data: bytes, max_pixels: int) -> NDArray[Any] | None:
    """Gray pixels (H, W), uint8, uint16, float32 or float64, or None where the file is not of the plain layout (damaged
    ones included).
    """
    try:
        tags, order = _tags(data)
        (height,), (width,), (bits,) = tags[HEIGHT], tags[WIDTH], tags[BITS]
        plain = all(tags.get(tag, (value,)) == (value,) for tag, value in _WANTED.items())
        (photometric,), (format_,) = tags.get(PHOTOMETRIC, (BLACK_IS_ZERO,)), tags.get(SAMPLE_FORMAT, (UNSIGNED,))
        (orientation,) = tags.get(ORIENTATION, (1,))
        strips, counts = tags[STRIPS], tags[STRIP_BYTES]
    except (KeyError, ValueError, struct.error):
        return None
    size = height * width * bits // 8
    contiguous = all(a + n == b for a, n, b in zip(strips, counts, strips[1:], strict=False))
    kind = _KINDS.get((format_, bits))
    if (
        kind is None
        or not (plain and contiguous and 1 <= orientation <= 8)
        or photometric not in ((BLACK_IS_ZERO,) if format_ == FLOAT else (WHITE_IS_ZERO, BLACK_IS_ZERO))
        or TILE_WIDTH in tags
        or tags.get(SUBFILE, (0,))[0] & REDUCED
        or not 0 < height * width <= max_pixels
        or len(strips) != len(counts)
        or sum(counts) != size
        or strips[0] + size > len(data)
    ):
        return None
    pixels: NDArray[Any] = np.frombuffer(data, f"{order}{kind}", height * width, strips[0]).reshape(height, width)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if photometric == WHITE_IS_ZERO:
        if leaves_black_open(pixels):
            return None
        pixels = np.bitwise_not(pixels)
    return upright(pixels, orientation)


def leaves_black_open(pixels: NDArray[Any]) -> bool:
    """Whether values (H, W) of an image in which white is zero seem to be of fewer bits than they are stored in: then
    nobody says which value is black, 1023 or 65535.
    """
    return pixels.dtype.itemsize == 2 and int(pixels.max()) < 1 << 12


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An image (H, W) the way up that its tag Orientation, 1 to 8, says it is to be seen."""
    if orientation in (5, 7):
        pixels = pixels.T
    turns = {3: 2, 4: 2, 6: -1, 7: 2, 8: 1}.get(orientation, 0)  # quarters, to the left
    if turns:
        pixels = np.rot90(pixels, turns)
    if orientation in (2, 4):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def described(data: bytes) -> str:
    """What a TIFF's tags say of how its pixels are stored, in words; "" where it is none, or damaged."""
    if data[:4] in (b"II+\0", b"MM\0+"):
        return "BigTIFF"
    try:
        tags, _ = _tags(data)
    except (ValueError, struct.error):
        return ""
    return ", ".join(f"{name} {'/'.join(map(str, tags[tag][:4]))}" for tag, name in _NAMES.items() if tag in tags)


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
