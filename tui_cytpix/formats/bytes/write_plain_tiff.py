"""Gray pixels as the content of a TIFF file: one strip, uncompressed, which `read_plain_tiff` reads without a copy."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.formats.bytes import read_plain_tiff as tags

_ENTRY, _SHORT, _LONG = struct.Struct("<HHII"), 3, 4
_ROWS_PER_STRIP = 278


def encode_plain_tiff(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Args:
    pixels: (H, W).
    """
    height, width = pixels.shape
    data = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    entries = [
        (tags.WIDTH, _LONG, width),
        (tags.HEIGHT, _LONG, height),
        (tags.BITS, _SHORT, 8 * pixels.itemsize),
        (tags.COMPRESSION, _SHORT, 1),
        (tags.PHOTOMETRIC, _SHORT, 1),
        (tags.STRIPS, _LONG, 0),
        (tags.SAMPLES, _SHORT, 1),
        (_ROWS_PER_STRIP, _LONG, height),
        (tags.STRIP_BYTES, _LONG, len(data)),
    ]
    start = 8 + 2 + len(entries) * _ENTRY.size + 4
    filled = [(tag, kind, start if tag == tags.STRIPS else value) for tag, kind, value in entries]
    directory = b"".join(_ENTRY.pack(tag, kind, 1, value) for tag, kind, value in filled)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + b"\0\0\0\0" + data
