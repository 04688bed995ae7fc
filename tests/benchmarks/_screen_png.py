"""A screen of the app as a picture: what its cells look like in a font that fills each, as terminals draw blocks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.segment import Segment
from textual.screen import Screen

WIDE, TALL = 10, 20  # pixels a cell
RGB = tuple[int, int, int]
FRONT, BACK = (208, 214, 220), (18, 22, 27)
# Each block as the parts of its cell that are filled: (top, left, bottom, right) in eighths.
_UPPER, _LOWER, _LEFT, _RIGHT = (0, 0, 4, 8), (4, 0, 8, 8), (0, 0, 8, 4), (0, 4, 8, 8)
_NW, _NE, _SW, _SE = (0, 0, 4, 4), (0, 4, 4, 8), (4, 0, 8, 4), (4, 4, 8, 8)
BLOCKS: dict[str, tuple[tuple[int, int, int, int], ...]] = {
    "▀": (_UPPER,),
    "▄": (_LOWER,),
    "▌": (_LEFT,),
    "▐": (_RIGHT,),
    "▂": ((6, 0, 8, 8),),
    "▆": ((2, 0, 8, 8),),
    "█": ((0, 0, 8, 8),),
    "▘": (_NW,),
    "▝": (_NE,),
    "▖": (_SW,),
    "▗": (_SE,),
    "▚": (_NW, _SE),
    "▞": (_NE, _SW),
    "▙": (_LEFT, _SE),
    "▛": (_LEFT, _NE),
    "▜": (_UPPER, _SE),
    "▟": (_LOWER, _NE),
}


def picture(screen: Screen[object]) -> Image.Image:
    """What is on the screen now."""
    width, height = screen.size
    pixels = np.empty((height * TALL, width * WIDE, 3), np.uint8)
    pixels[:] = BACK
    words: list[tuple[tuple[int, int], str, RGB]] = []
    for y, strip in enumerate(screen._compositor.render_strips(screen.size)):
        words.extend(_line(pixels[y * TALL : (y + 1) * TALL], y, strip))
    image = Image.fromarray(pixels)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    for at, character, colour in words:
        draw.text(at, character, colour, font)
    return image


def _line(pixels: NDArray[np.uint8], y: int, segments: Iterable[Segment]) -> Iterable[tuple[tuple[int, int], str, RGB]]:
    """Paints one row of cells; gives what is to be written on it."""
    x = 0
    for text, style, _control in segments:
        front, back = FRONT, BACK
        if style is not None:
            front = tuple(style.color.get_truecolor()) if style.color else FRONT  # type: ignore[assignment]
            back = tuple(style.bgcolor.get_truecolor()) if style.bgcolor else BACK  # type: ignore[assignment]
            front, back = (back, front) if style.reverse else (front, back)
        for character in text:
            cell = pixels[:, x * WIDE : (x + 1) * WIDE]
            cell[:] = back
            for top, left, bottom, right in BLOCKS.get(character, ()):
                cell[top * TALL // 8 : bottom * TALL // 8, left * WIDE // 8 : right * WIDE // 8] = front
            if character not in BLOCKS and character != " ":
                yield (x * WIDE, y * TALL + 1), character, front
            x += 1
