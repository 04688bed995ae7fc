"""A drawing as text: half-blocks (two pixels a cell), quadrants (eight, in two colours; see `blocks`), or shades where
colours are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tui_cytpix.core.images.render import BACKDROP, GRAY_LEVELS, MARK, OUTLINE, RGB
from tui_cytpix.ui.graphics.blocks import BLANK, CHARACTERS, Blocks, fitted

HALF_CELL, QUADRANT_CELL = (2, 1), (4, 2)  # pixels (rows, columns) in a cell of text
HALF = "▀"
SHADES = " ░▒▓█"
DOT = "●"
WHITE: RGB = (255, 255, 255)
BLACK: RGB = (0, 0, 0)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture ready for the screen: `inks` uint8 (rows of cells * pixels a cell, columns likewise) and what they are,
    `colours` uint8 (INKS, 3); `marks` the centroids' cells (row, column); `cell` the pixels (rows, columns) in one.
    """

    inks: NDArray[np.uint8]
    colours: NDArray[np.uint8]
    marks: frozenset[tuple[int, int]]
    cell: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of cells."""
        return self.inks.shape[0] // self.cell[0], self.inks.shape[1] // self.cell[1]

    @cached_property
    def rgb(self) -> list[RGB]:
        """Red, green and blue by ink; at hand, as every cell asks."""
        return [(red, green, blue) for red, green, blue in self.colours.tolist()]

    @cached_property
    def blocks(self) -> Blocks:
        """Of every cell of text, where one has eight pixels."""
        return fitted(self.inks, self.colours)

    def behind(self, row: int, column: int) -> RGB:
        """The mean colour of a cell."""
        tall, wide = self.cell
        inks = self.inks[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
        red, green, blue = self.colours[inks].mean(axis=(0, 1)).astype(int).tolist()
        return red, green, blue

    @cached_property
    def marked(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for row, column in self.marks:
            found.setdefault(row, set()).add(column)
        return found


@lru_cache(maxsize=16384)
def style(front: RGB, back: RGB, *, bold: bool = False) -> Style:
    return Style(color=Color.from_rgb(*front), bgcolor=Color.from_rgb(*back), bold=bold or None)


def line(drawing: Drawing, row: int, start: int, stop: int, *, shades: bool) -> list[Segment]:
    """The cells `start` to `stop` of one row. Neighbours of equal colours share a segment, and so do grays that are one
    level apart: sensor noise would otherwise cost a colour change a cell.
    """
    if shades:
        return _shades(drawing, row, start, stop)
    if drawing.cell == QUADRANT_CELL:
        return _quadrants(drawing, row, start, stop)
    top = drawing.inks[2 * row, start:stop].tolist()
    bottom = drawing.inks[2 * row + 1, start:stop].tolist()
    marked = drawing.marked.get(row, ())
    segments: list[Segment] = []
    length, first = 0, (-1, -1)
    for column, pair in enumerate(zip(top, bottom, strict=True), start):
        if column in marked:
            segments.extend(_run(drawing, length, first))
            length, first = 0, (-1, -1)
            segments.append(_mark(drawing, row, column))
        elif length and _near(pair[0], first[0]) and _near(pair[1], first[1]):
            length += 1
        else:
            segments.extend(_run(drawing, length, first))
            length, first = 1, pair
    segments.extend(_run(drawing, length, first))
    return segments


def _near(one: int, other: int) -> bool:
    """The same, or two grays a level apart."""
    return one == other or (one < GRAY_LEVELS and other < GRAY_LEVELS and abs(one - other) == 1)


def _run(drawing: Drawing, length: int, pair: tuple[int, int]) -> list[Segment]:
    if not length:
        return []
    front, back = drawing.rgb[pair[0]], drawing.rgb[pair[1]]
    return [Segment((" " if front == back else HALF) * length, style(front, back))]


def _quadrants(drawing: Drawing, row: int, start: int, stop: int) -> list[Segment]:
    """As `line`; a flat cell continues whatever has its colour behind."""
    found, marked = drawing.blocks, drawing.marked.get(row, ())
    cells = (part[row, start:stop].tolist() for part in found)
    segments: list[Segment] = []
    text, front, back = "", _NONE, _NONE
    for column, (shape, ahead, behind) in enumerate(zip(*cells, strict=True), start):
        if column in marked:
            if text:
                segments.append(Segment(text, style(_rgb(front), _rgb(back))))
            segments.append(_mark(drawing, row, column))
            text = ""
        elif text and _alike(behind, back) and (shape == BLANK or front == _NONE or _alike(ahead, front)):
            text += CHARACTERS[shape]
            front = ahead if front == _NONE and shape != BLANK else front
        else:
            if text:
                segments.append(Segment(text, style(_rgb(front), _rgb(back))))
            text, front, back = CHARACTERS[shape], _NONE if shape == BLANK else ahead, behind
    if text:
        segments.append(Segment(text, style(_rgb(front), _rgb(back))))
    return segments


_NONE = [-1, -1, -1]  # a run of flat cells has no colour in front yet
ALIKE = 9  # of 255; grays that differ by less share a segment


def _alike(one: list[int], other: list[int]) -> bool:
    """The same, or two grays a level apart."""
    grays = one[0] == one[1] == one[2] and other[0] == other[1] == other[2]
    return one == other or (grays and abs(one[0] - other[0]) < ALIKE)


def _rgb(colour: list[int]) -> RGB:
    red, green, blue = colour
    return (red, green, blue) if colour != _NONE else BLACK


def _mark(drawing: Drawing, row: int, column: int) -> Segment:
    """A centroid; dark behind, so that it stands out on any picture, in any theme."""
    dark = min(sum(drawing.behind(row, column)) // 9, 50)
    return Segment(DOT, style(drawing.rgb[MARK], (dark, dark, dark), bold=True))


def _shades(drawing: Drawing, row: int, start: int, stop: int) -> list[Segment]:
    pair = drawing.inks[2 * row : 2 * row + 2, start:stop]
    level = drawing.colours[pair].mean(axis=(0, 2))
    edges = (pair == OUTLINE).any(axis=0)
    outside = (pair == BACKDROP).all(axis=0)
    segments = []
    for offset, value in enumerate(level.tolist()):
        if (row, start + offset) in drawing.marks:
            segments.append(Segment(DOT, style(drawing.rgb[MARK], BLACK, bold=True)))
        elif outside[offset]:
            segments.append(Segment(" ", style(WHITE, drawing.rgb[BACKDROP])))
        elif edges[offset]:
            segments.append(Segment("o", style(drawing.rgb[OUTLINE], BLACK)))
        else:
            segments.append(Segment(SHADES[min(4, int(value / 256 * 5))], style(WHITE, BLACK)))
    return segments
