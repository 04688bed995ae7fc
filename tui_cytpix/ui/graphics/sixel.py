"""Sixel: a picture as text, six rows of pixels to a line (DEC STD 070, chapter 9)."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.render import NOTHING

BAND = 6
_HEAD = "\x1bP0;1;0q"
_BITS = np.asarray([1, 2, 4, 8, 16, 32], np.uint8)
_DEFINED = re.compile(r"#(\d+);2;\d+;\d+;\d+")
_LONG = re.compile(rb"([?-~])\1{3,}")


def sixel(inks: NDArray[np.uint8], colours: NDArray[np.uint8]) -> str:
    """The device control string for inks (H, W), colours (N, 3); pixels of NOTHING leave what is on the screen.

    Only the colours that occur are defined, as terminals may give each picture registers of its own. textual-image
    writes several colours on the way to a line's end, which saves bytes; but it fills what is not drawn, so pictures
    with holes are written here.
    """
    return _with_holes(inks, colours) if (inks == NOTHING).any() else _whole(inks, colours)


def _whole(inks: NDArray[np.uint8], colours: NDArray[np.uint8]) -> str:
    from PIL import Image
    from textual_image._sixel import image_to_sixels

    image = Image.fromarray(inks)
    image.putpalette(colours.tobytes())
    text = str(image_to_sixels(image))
    # As ours: nothing is filled beforehand, and no new line at the end, which could scroll the screen. And xterm takes
    # a colour's definition for no more than that.
    body = _DEFINED.sub(r"\g<0>#\1", text.partition("q")[2].removesuffix("-\x1b\\"))
    return f"{_HEAD}{body}\x1b\\"


def _with_holes(inks: NDArray[np.uint8], colours: NDArray[np.uint8]) -> str:
    height, width = inks.shape
    used = np.flatnonzero(np.bincount(inks.ravel(), minlength=NOTHING + 1)[:NOTHING])
    percent = np.round(colours[used] * (100 / 255)).astype(int).tolist()
    names = {ink: b"#%d" % place for place, ink in enumerate(used.tolist())}
    parts = [b'%s"1;1;%d;%d' % (_HEAD.encode(), width, height)]
    parts += [b"#%d;2;%d;%d;%d" % (place, *rgb) for place, rgb in enumerate(percent)]
    for top in range(0, height, BAND):
        parts.append(_band(inks[top : top + BAND], names))
        parts.append(b"-")
    parts[-1] = b"\x1b\\"
    return b"".join(parts).decode("ascii")


def _band(rows: NDArray[np.uint8], names: dict[int, bytes]) -> bytes:
    """Six rows or fewer: for each colour the pixels that have it, then back to the line's start."""
    found = np.flatnonzero(np.bincount(rows.ravel(), minlength=NOTHING + 1)[:NOTHING])
    lines = []
    for ink in found.tolist():
        bits = _BITS[: len(rows)] @ (rows == ink).view(np.uint8)
        line = (bits + 63).astype(np.uint8).tobytes().rstrip(b"?")
        lines.append(names[ink] + _LONG.sub(_repeat, line))
    return b"$".join(lines)


def _repeat(run: re.Match[bytes]) -> bytes:
    return b"!%d%s" % (run.end() - run.start(), run[1])
