"""Kitty's graphics protocol: pictures are sent once, under a number, and shown by placeholder characters.

https://sw.kovidgoyal.net/kitty/graphics-protocol: a cell with the placeholder character, the picture's number as its
text colour and row and column as combining characters shows that cell of the picture. A cell to its right that has
no combining characters goes on with the next column.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.render import NOTHING

PLACEHOLDER = "\U0010eeee"
CHUNK = 4096
# Combining characters that stand for 0, 1, 2, ...: those of class 230 without decomposition in Unicode 6.0.
# fmt: off
NUMBERS = "".join(map(chr, (
    0x0305, 0x030D, 0x030E, 0x0310, 0x0312, *range(0x033D, 0x0340), 0x0346, *range(0x034A, 0x034D),
    *range(0x0350, 0x0353), 0x0357, 0x035B, *range(0x0363, 0x0370), *range(0x0483, 0x0488), *range(0x0592, 0x0596),
    *range(0x0597, 0x059A), *range(0x059C, 0x05A2), 0x05A8, 0x05A9, 0x05AB, 0x05AC, 0x05AF, 0x05C4,
    *range(0x0610, 0x0618), *range(0x0657, 0x065C), 0x065D, 0x065E, *range(0x06D6, 0x06DD), *range(0x06DF, 0x06E3),
    0x06E4, 0x06E7, 0x06E8, 0x06EB, 0x06EC, 0x0730, 0x0732, 0x0733, 0x0735, 0x0736, 0x073A, 0x073D,
    *range(0x073F, 0x0742), 0x0743, 0x0745, 0x0747, 0x0749, 0x074A, *range(0x07EB, 0x07F2), 0x07F3,
    *range(0x0816, 0x081A), *range(0x081B, 0x0824), *range(0x0825, 0x0828), *range(0x0829, 0x082E), 0x0951, 0x0953,
    0x0954, 0x0F82, 0x0F83, 0x0F86, 0x0F87, *range(0x135D, 0x1360), 0x17DD, 0x193A, 0x1A17, *range(0x1A75, 0x1A7D),
    0x1B6B, *range(0x1B6D, 0x1B74), *range(0x1CD0, 0x1CD3), 0x1CDA, 0x1CDB, 0x1CE0, 0x1DC0, 0x1DC1,
    *range(0x1DC3, 0x1DCA), 0x1DCB, 0x1DCC, *range(0x1DD1, 0x1DE7), 0x1DFE, 0x20D0, 0x20D1, *range(0x20D4, 0x20D8),
    0x20DB, 0x20DC, 0x20E1, 0x20E7, 0x20E9, 0x20F0, *range(0x2CEF, 0x2CF2), *range(0x2DE0, 0x2E00), 0xA66F, 0xA67C,
    0xA67D, 0xA6F0, 0xA6F1, *range(0xA8E0, 0xA8F2), 0xAAB0, 0xAAB2, 0xAAB3, 0xAAB7, 0xAAB8, 0xAABE, 0xAABF, 0xAAC1,
    *range(0xFE20, 0xFE27), 0x10A0F, 0x10A38, *range(0x1D185, 0x1D18A), *range(0x1D1AA, 0x1D1AE),
    *range(0x1D242, 0x1D245),
)))
# fmt: on


def png(inks: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """A PNG with a palette; pixels of NOTHING are transparent (ISO/IEC 15948: colour type 3, one byte a pixel)."""
    height, width = inks.shape
    last = len(colours)
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = np.where(inks == NOTHING, last, inks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _piece(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _piece(b"PLTE", colours.tobytes() + bytes(3)),
            _piece(b"tRNS", b"\xff" * last + b"\x00"),
            _piece(b"IDAT", zlib.compress(rows.tobytes(), 6)),
            _piece(b"IEND", b""),
        )
    )


def _piece(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def command(keys: dict[str, str | int], payload: bytes = b"") -> str:
    """A command, its payload in pieces of the size that the protocol asks for; the terminal is to answer nothing."""
    head = ",".join(f"{name}={value}" for name, value in {**keys, "q": 2}.items())
    if not payload:
        return f"\x1b_G{head}\x1b\\"
    text = b64encode(payload).decode("ascii")
    pieces = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    more = [1] * (len(pieces) - 1) + [0]
    heads = [head + ",", *[""] * (len(pieces) - 1)]
    return "".join(f"\x1b_G{h}m={m};{p}\x1b\\" for h, m, p in zip(heads, more, pieces, strict=True))


def cells(number: int, row: int, column: int, width: int) -> str:
    """Cells of one row of a picture, from `column` on."""
    colour = f"\x1b[38;2;{number >> 16 & 255};{number >> 8 & 255};{number & 255}m"
    return f"{colour}{PLACEHOLDER}{NUMBERS[row]}{NUMBERS[column]}{PLACEHOLDER * (width - 1)}\x1b[39m"
