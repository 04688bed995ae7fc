"""Which part of an image is shown, and how: contrast, overlay, colours."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images import render
from tui_cytpix.core.images.render import RGB, Window
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.graphics.text_cells import HALF_CELL, QUADRANT_CELL, WHITE, Drawing
from tui_cytpix.ui.theming import rgb

if TYPE_CHECKING:
    from textual.app import App

OVERLAYS = ("outline", "fill", "off")
TEXT_CELLS = (HALF_CELL, QUADRANT_CELL)
ROOM = 1.2  # times the content's box
Box = tuple[int, int, int, int]
Size = tuple[int, int]


@dataclass(frozen=True)
class DisplaySettings:
    """How pictures are drawn: `overlay` is one of OVERLAYS, `levels` how many grays are told apart. Particles that are
    on average fewer pixels across than `outlined_from` get no outline: it would hide them.
    """

    overlay: str = "outline"
    gamma: float = 1.0
    invert: bool = False
    contrast: float = 1.0
    levels: int = render.GRAY_LEVELS
    outlined_from: float = 0.0


@dataclass(frozen=True)
class Palette:
    """The theme's colours for pictures."""

    outline: RGB = (255, 210, 63)
    mark: RGB = (255, 79, 163)
    crosshair: RGB = (55, 226, 255)
    background: RGB = (18, 22, 27)
    text: RGB = (128, 128, 128)
    waiting: RGB = (27, 33, 40)  # of a tile whose picture is not there yet

    @classmethod
    def of(cls, app: App[object]) -> Palette:
        """From the current theme; white under NO_COLOR, where hue is lost and only brightness and shape tell."""
        variables = app.theme_variables
        if "NO_COLOR" in os.environ:
            rest = (rgb(variables, name) for name in ("background", "secondary", "surface"))
            return cls(WHITE, WHITE, WHITE, *rest)
        return cls(
            rgb(variables, "mask-outline"),
            rgb(variables, "centroid-mark"),
            rgb(variables, "crosshair"),
            rgb(variables, "background"),
            rgb(variables, "secondary"),
            rgb(variables, "surface"),
        )

    @cached_property
    def colours(self) -> NDArray[np.uint8]:
        """uint8 (INKS, 3): what the inks are."""
        return render.colours(self.outline, self.mark, self.crosshair, self.background)


def whole(shape: tuple[int, ...], rows: int, columns: int) -> Window:
    """All of an image, centred in `rows` x `columns` square pixels without distortion."""
    scale = max(shape[0] / rows, shape[1] / columns)
    height, width = scale * rows, scale * columns
    return Window((shape[0] - height) / 2, (shape[1] - width) / 2, height, width)


def pixels(cells: Size, cell: Size) -> Size:
    """(rows, columns) of pixels in (rows, columns) of cells."""
    return cells[0] * cell[0], cells[1] * cell[1]


def drawing(
    picture: NDArray[np.uint8],
    segmentation: Segmentation | None,
    window: Window,
    sizes: tuple[Size, Size],
    settings: DisplaySettings,
    palette: Palette,
    *,
    particles: NDArray[np.uint16] | None = None,
) -> Drawing:
    """Draws the window; `sizes` are the (rows, columns) of cells and of pixels in a cell. `particles` (H, W) labels
    them, where the line between touching ones is wanted.
    """
    rows, columns = pixels(*sizes)
    cell = sizes[1]
    covered = edges = None
    points: list[tuple[int, int]] = []
    if segmentation is not None and settings.overlay != "off" and segmentation.mask.shape == picture.shape:
        covered = render.coverage(segmentation.mask, window, rows, columns)
        across = math.sqrt(float(covered.sum()) / max(1, len(segmentation.centroids)))
        edges = (
            render.outline(covered, width=line_width(cell))
            if across >= settings.outlined_from
            else np.zeros_like(covered)
        )
        if particles is not None and particles.shape == picture.shape:
            edges |= render.divisions(render.sample_labels(particles, window, rows, columns))
        found = (render.to_screen((y, x), window, rows, columns) for y, x in segmentation.centroids.tolist())
        points = [(int(y), int(x)) for y, x in found if 0 <= y < rows and 0 <= x < columns]
    inks = render.compose(
        render.resized(picture, window, rows, columns),
        render.tone_table(settings.gamma, invert=settings.invert, levels=settings.levels, contrast=settings.contrast),
        outlined=edges,
        filled=covered if settings.overlay == "fill" else None,
        outside=~render.inside(picture.shape, window, rows, columns),
    )
    if cell not in TEXT_CELLS:  # where a mark is a character
        for point in points:
            render.stamp(inks, render.disc(mark_radius(cell)), point)
    return Drawing(inks, palette.colours, _marks(points, sizes), cell)


def _marks(points: Iterable[tuple[int, int]], sizes: tuple[Size, Size]) -> frozenset[tuple[int, int]]:
    """A cell for each point, its own or the nearest that is free: as many marks show as there are centroids."""
    (rows, columns), (tall, wide) = sizes
    taken: set[tuple[int, int]] = set()
    for y, x in points:
        row, column = y // tall, x // wide
        near = [(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        free = [at for at in near if at not in taken and 0 <= at[0] < rows and 0 <= at[1] < columns]
        if free:
            taken.add(min(free, key=lambda at: ((at[0] + 0.5) * tall - y) ** 2 + ((at[1] + 0.5) * wide - x) ** 2))
    return frozenset(taken)


def line_width(cell: Size) -> int:
    """Pixels: a line is as wide as a stroke of the terminal's font."""
    return max(1, cell[1] // 7)


def mark_radius(cell: Size) -> int:
    return max(2, round(cell[1] * 0.4))


def around(shape: tuple[int, ...], boxes: Iterable[Box], rows: int, columns: int, least: float) -> Window:
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
    return kept(((top + bottom - 1) / 2, (left + right - 1) / 2), (height, width), shape)


def kept(centre: tuple[float, float], size: tuple[float, float], shape: tuple[int, ...]) -> Window:
    """A window of that size around a point (y, x), kept inside the image, or centred where it is larger."""
    top, left = (
        (whole - span) / 2 if span >= whole else min(max(at + 0.5 - span / 2, 0.0), whole - span)
        for at, span, whole in zip(centre, size, shape, strict=True)
    )
    return Window(top, left, *size)


def box_of(segmentation: Segmentation | None) -> list[Box]:
    """The foreground's (top, left, bottom, right); empty where there is none."""
    if segmentation is None:
        return []
    ys, xs = np.flatnonzero(segmentation.mask.any(1)), np.flatnonzero(segmentation.mask.any(0))
    return [(int(ys[0]), int(xs[0]), int(ys[-1]) + 1, int(xs[-1]) + 1)] if len(ys) else []
