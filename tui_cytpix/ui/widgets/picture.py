"""A picture as terminal cells: half-blocks (two pixels a cell), or shades where colours are few."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style

from tui_cytpix.core import render
from tui_cytpix.core.render import RGB, View
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.theming import rgb

if TYPE_CHECKING:
    from textual.app import App

OVERLAYS = ("outline", "fill", "off")
HALF = "▀"
SHADES = " ░▒▓█"
ROOM = 1.3  # times the content's box
LEAST_SHARE = 0.4  # of the image's longer side: thumbnails of small things keep one scale
Box = tuple[int, int, int, int]
WHITE: RGB = (255, 255, 255)
BLACK: RGB = (0, 0, 0)
ONE_LEVEL = 256 // render.GRAY_LEVELS + 1
MARK = "●"


@dataclass(frozen=True)
class Look:
    """How pictures are drawn: `overlay` is one of OVERLAYS."""

    overlay: str = "outline"
    gamma: float = 1.0
    invert: bool = False
    shades: bool = False


@dataclass(frozen=True)
class Palette:
    """The theme's colours for pictures."""

    outline: RGB = (255, 210, 63)
    mark: RGB = (255, 79, 163)
    crosshair: RGB = (55, 226, 255)
    background: RGB = (18, 22, 27)
    text: RGB = (128, 128, 128)

    @classmethod
    def of(cls, app: App[object]) -> Palette:
        """From the current theme; white under NO_COLOR, where hue is lost and only brightness and shape tell."""
        variables = app.theme_variables
        if "NO_COLOR" in os.environ:
            background, text = rgb(variables, "background"), rgb(variables, "secondary")
            return cls(WHITE, WHITE, WHITE, background, text)
        return cls(
            rgb(variables, "mask-outline"),
            rgb(variables, "centroid-mark"),
            rgb(variables, "crosshair"),
            rgb(variables, "background"),
            rgb(variables, "secondary"),
        )


@dataclass(frozen=True)
class Frame:
    """A picture ready for cells: `pixels` uint8 (2 * rows, columns, 3); `marks` the centroids' cells (row, column);
    `edges` bool (2 * rows, columns), where the outline runs.
    """

    pixels: NDArray[np.uint8]
    marks: frozenset[tuple[int, int]]
    edges: NDArray[np.bool_]


def whole(shape: tuple[int, ...], rows: int, columns: int) -> View:
    """All of an image, centred in `rows` x `columns` square pixels without distortion."""
    scale = max(shape[0] / rows, shape[1] / columns)
    height, width = scale * rows, scale * columns
    return View((shape[0] - height) / 2, (shape[1] - width) / 2, height, width)


def frame(
    picture: NDArray[np.uint8],
    segmentation: Segmentation | None,
    view: View,
    cells: tuple[int, int],
    look: Look,
    palette: Palette,
    *,
    particles: NDArray[np.uint16] | None = None,
) -> Frame:
    """Draws the view into (rows, columns) cells. `particles` (H, W) labels them, where the line between touching ones
    is wanted.
    """
    rows, columns = cells[0] * 2, cells[1]
    gray = render.scale(picture, view, rows, columns)
    covered = np.zeros((rows, columns), bool)
    marks: set[tuple[int, int]] = set()
    drawn = segmentation is not None and look.overlay != "off" and segmentation.mask.shape == picture.shape
    if drawn and segmentation is not None:
        covered = render.coverage(segmentation.mask, view, rows, columns)
        for y, x in segmentation.centroids.tolist():
            row, column = render.to_screen((y, x), view, rows, columns)
            if 0 <= row < rows and 0 <= column < columns:
                marks.add((int(row) // 2, int(column)))
    edges = render.outline(covered)
    if drawn and particles is not None and particles.shape == picture.shape:
        edges |= render.divisions(render.sample_labels(particles, view, rows, columns))
    pixels = render.compose(
        gray,
        render.tone_table(look.gamma, invert=look.invert),
        outlined=edges,
        filled=covered if look.overlay == "fill" else None,
        colour=palette.outline,
        outside=~render.inside(picture.shape, view, rows, columns),
        backdrop=palette.background,
    )
    return Frame(pixels, frozenset(marks), edges)


@lru_cache(maxsize=16384)
def _style(front: RGB, back: RGB, bold: bool) -> Style:
    return Style(color=RichColor.from_rgb(*front), bgcolor=RichColor.from_rgb(*back), bold=bold or None)


def cells(drawn: Frame, row: int, start: int, stop: int, look: Look, palette: Palette) -> list[Segment]:
    """The cells `start` to `stop` of one row. Neighbours of equal colours share a segment, and so do grays that are one
    level apart: sensor noise would otherwise cost 40 bytes a cell.
    """
    if look.shades:
        return _shades(drawn, row, start, stop, palette)
    top = drawn.pixels[2 * row, start:stop].tolist()
    bottom = drawn.pixels[2 * row + 1, start:stop].tolist()
    marked = {column for mark_row, column in drawn.marks if mark_row == row and start <= column < stop}
    segments: list[Segment] = []
    length, current = 0, None
    for column, (above, below) in enumerate(zip(top, bottom, strict=True), start):
        pair = (tuple(above), tuple(below))
        if column in marked:
            segments.extend(_run(length, current))
            length, current = 0, None
            segments.append(Segment(MARK, _style(palette.mark, _behind_mark(above, below), True)))
        elif current is not None and (pair == current or (_near(pair[0], current[0]) and _near(pair[1], current[1]))):
            length += 1
        else:
            segments.extend(_run(length, current))
            length, current = 1, pair
    segments.extend(_run(length, current))
    return segments


def _near(one: RGB, other: RGB) -> bool:
    """Two grays at most a level apart."""
    return one[0] == one[1] == one[2] and other[0] == other[1] == other[2] and abs(one[0] - other[0]) <= ONE_LEVEL


def _run(length: int, pair: tuple[RGB, RGB] | None) -> list[Segment]:
    if pair is None or not length:
        return []
    if pair[0] == pair[1]:
        return [Segment(" " * length, _style(pair[0], pair[1], False))]
    return [Segment(HALF * length, _style(pair[0], pair[1], False))]


def _behind_mark(above: list[int], below: list[int]) -> RGB:
    """Dark, so that the mark stands out on any picture, in any theme."""
    level = (sum(above) + sum(below)) // 6
    dark = min(level // 3, 50)
    return dark, dark, dark


def _shades(drawn: Frame, row: int, start: int, stop: int, palette: Palette) -> list[Segment]:
    pair = drawn.pixels[2 * row : 2 * row + 2, start:stop].astype(np.uint16)
    level = pair.mean(axis=(0, 2))
    edges = np.asarray(drawn.edges[2 * row : 2 * row + 2, start:stop].any(0))
    segments = []
    for offset, value in enumerate(level.tolist()):
        if (row, start + offset) in drawn.marks:
            segments.append(Segment(MARK, _style(palette.mark, BLACK, True)))
        elif edges[offset]:
            segments.append(Segment("o", _style(palette.outline, BLACK, False)))
        else:
            segments.append(Segment(SHADES[min(4, int(value / 256 * 5))], _style(WHITE, BLACK, False)))
    return segments


def around(shape: tuple[int, ...], boxes: Iterable[Box], rows: int, columns: int, least: float) -> View:
    """The part of an image that holds all boxes with some room and at least `least` px each way, in `rows` x `columns`
    square pixels, kept inside the image; the whole where there is no box.
    """
    found = list(boxes)
    full = whole(shape, rows, columns)
    if not found:
        return full
    top, left = min(b[0] for b in found), min(b[1] for b in found)
    bottom, right = max(b[2] for b in found), max(b[3] for b in found)
    tall, wide = max((bottom - top) * ROOM, least), max((right - left) * ROOM, least)
    scale = min(max(tall / rows, wide / columns), full.height / rows)
    height, width = scale * rows, scale * columns
    return View(
        kept((top + bottom - height) / 2, height, shape[0]),
        kept((left + right - width) / 2, width, shape[1]),
        height,
        width,
    )


def kept(start: float, span: float, size: int) -> float:
    """The start of a stretch kept inside the image, or centred where it is longer than the image."""
    return (size - span) / 2 if span >= size else min(max(start, 0.0), size - span)


def box_of(segmentation: Segmentation | None) -> list[Box]:
    """The foreground's (top, left, bottom, right); empty where there is none."""
    if segmentation is None:
        return []
    ys, xs = np.flatnonzero(segmentation.mask.any(1)), np.flatnonzero(segmentation.mask.any(0))
    return [(int(ys[0]), int(xs[0]), int(ys[-1]) + 1, int(xs[-1]) + 1)] if len(ys) else []


def draw(
    picture: NDArray[np.uint8] | None,
    segmentation: Segmentation | None,
    size: tuple[int, int],
    look: Look,
    palette: Palette,
    *,
    content: Box | None = None,
    words: str = "",
) -> list[list[Segment]]:
    """A picture of (rows, columns) cells, cropped to what is in it (`content`, whether or not a model saw it, and the
    mask); `words` stand in where there is none.
    """
    rows, columns = size
    if picture is None:
        text = words or "…"
        style = _style(palette.text, palette.background, False)
        lines = [[Segment(" " * columns, style)] for _ in range(rows)]
        lines[rows // 2] = [Segment(text[:columns].center(columns), style)]
        return lines
    boxes = ([] if content is None else [content]) + box_of(segmentation)
    view = around(picture.shape, boxes, rows * 2, columns, LEAST_SHARE * max(picture.shape))
    drawn = frame(picture, segmentation, view, size, look, palette)
    return [cells(drawn, row, 0, columns, look, palette) for row in range(rows)]
