"""How a plot of events is drawn in characters: density in half-blocks, a histogram in eighths, gates in braille."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.ui.widgets.plots import braille

LEVELS = 8  # of density, above none
HALF, BLOCKS, SHADES = "▀", " ▁▂▃▄▅▆▇█", " ░▒▓█"
MARGIN = 7  # columns left of the plotting area, the axis line included
BELOW = 3  # rows below it: the axis line, its labels, the parameter's name
ABOVE = 1
Ink = int | str  # a level of density, or what the character belongs to
Cell = tuple[str, Ink, int]  # character, its ink, the level behind it
Point = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """A gate on the plot: points (x, y) as shares of the area, y upwards; `form` is polygon, open (being drawn), x or
    y (the ends of a range); `ink` is gate, other or drawn.
    """

    points: tuple[Point, ...]
    form: str
    ink: str


@dataclass(frozen=True, eq=False)
class Picture:
    """What a plot shows.

    `counts` is (2 x rows, columns) of the area, row 0 on top, or (1, columns) for a histogram. Ticks are (share,
    label). `event` is where the highlighted event lies, None for none.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    x_name: str = ""
    y_name: str = ""
    x_ticks: Sequence[tuple[float, str]] = ()
    y_ticks: Sequence[tuple[float, str]] = ()
    marks: Sequence[Mark] = ()
    event: Point | None = None


def levels(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 where there is no event, else 1 to LEVELS on a logarithmic scale up to the fullest cell."""
    fullest = int(counts.max(initial=0))
    if fullest <= 1:
        return np.where(counts > 0, LEVELS // 2, 0).astype(np.int64)
    share = np.log1p(counts) / math.log1p(fullest)
    return np.where(counts > 0, np.clip(np.ceil(share * LEVELS), 2, LEVELS), 0).astype(np.int64)


def density_cells(counts: NDArray[np.int64], *, shades: bool) -> list[list[Cell]]:
    """Two counts a cell, one above the other."""
    found = levels(counts)
    rows: list[list[Cell]] = []
    for top, bottom in zip(found[0::2].tolist(), found[1::2].tolist(), strict=True):
        if shades:
            mean = [(a + b + 1) // 2 for a, b in zip(top, bottom, strict=True)]
            rows.append([(SHADES[math.ceil(m / LEVELS * (len(SHADES) - 1))], "many", 0) for m in mean])
        else:
            rows.append([(" " if a == b else HALF, a, b) for a, b in zip(top, bottom, strict=True)])
    return rows


def histogram_cells(counts: NDArray[np.int64], rows: int) -> list[list[Cell]]:
    """A bar for each column; the highest fills all rows."""
    fullest = max(1, int(counts.max(initial=0)))
    eighths = np.ceil(counts / fullest * rows * 8).astype(int).tolist()
    found: list[list[Cell]] = []
    for row in range(rows):
        floor = (rows - 1 - row) * 8
        found.append([(BLOCKS[max(0, min(8, height - floor))], LEVELS // 2 + 1, 0) for height in eighths])
    return found


def draw_marks(cells: list[list[Cell]], marks: Sequence[Mark]) -> None:
    """Gates over the cells, in place: sides as braille lines before the density's mean, corners as diamonds."""
    rows, columns = len(cells), len(cells[0]) if cells else 0
    for mark in sorted(marks, key=lambda mark: ("other", "gate", "drawn").index(mark.ink)):
        dots = braille.layer(columns, rows)
        for start, end in _sides(mark):
            _line(dots, start, end)
        for y, text in enumerate(braille.characters(dots)):
            for x, character in enumerate(text):
                if character != " ":
                    cells[y][x] = (character, mark.ink, behind(cells[y][x]))
        if mark.ink == "drawn":
            for point in mark.points:
                put(cells, point, "◆", mark.ink)


def put(cells: list[list[Cell]], point: Point, character: str, ink: str) -> None:
    rows, columns = len(cells), len(cells[0]) if cells else 0
    if rows and all(0 <= share <= 1 for share in point):
        x, y = min(columns - 1, int(point[0] * columns)), min(rows - 1, int((1 - point[1]) * rows))
        cells[y][x] = (character, ink, behind(cells[y][x]))


def behind(cell: Cell) -> int:
    """The level behind a character that is put over a cell."""
    character, ink, level = cell
    if isinstance(ink, str):
        return level
    return (ink + level + 1) // 2 if character == HALF else ink if character == BLOCKS[-1] else level


def _sides(mark: Mark) -> list[tuple[Point, Point]]:
    points = mark.points
    if mark.form == "x":
        return [((x, 0.0), (x, 1.0)) for x, _ in points]
    if mark.form == "y":
        return [((0.0, y), (1.0, y)) for _, y in points]
    following = points[1:] + points[:1] if mark.form == "polygon" else points[1:]
    return list(zip(points, following, strict=False))


def _line(dots: NDArray[np.bool_], start: Point, end: Point) -> None:
    height, width = dots.shape
    inside = _clipped(start, end)
    if inside is None:
        return
    (x0, y0), (x1, y1) = inside
    xs, ys = np.array([x0, x1]) * (width - 1), (1 - np.array([y0, y1])) * (height - 1)
    braille.polyline(dots, xs, ys)


def _clipped(start: Point, end: Point) -> tuple[Point, Point] | None:
    """The part of a line within the unit square (Liang, Barsky 1984); None where there is none."""
    first, last = 0.0, 1.0
    for axis in (0, 1):
        step = end[axis] - start[axis]
        for direction, room in ((-step, start[axis]), (step, 1 - start[axis])):
            if direction == 0 and room < 0:
                return None
            if direction < 0:
                first = max(first, room / direction)
            elif direction > 0:
                last = min(last, room / direction)
    if not first <= last:
        return None

    def along(share: float) -> Point:
        return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])

    return along(first), along(last)


def x_labels(ticks: Sequence[tuple[float, str]], width: int) -> tuple[str, str]:
    """The axis line and the labels below it, `width` columns each; labels that would touch are left out."""
    line, text = ["─"] * width, [" "] * width
    for share, label in ticks:
        at = min(width - 1, max(0, int(share * width)))
        start = max(0, min(at - len(label) // 2, width - len(label)))
        if all(c == " " for c in text[max(0, start - 1) : start + len(label) + 1]):
            line[at] = "┬"
            text[start : start + len(label)] = label
    return "".join(line), "".join(text)[:width]


def y_labels(ticks: Sequence[tuple[float, str]], rows: int) -> list[str]:
    """What stands left of each row, MARGIN columns with the axis line."""
    found = [" " * (MARGIN - 1) + "│"] * rows
    for share, label in ticks:
        at = min(rows - 1, max(0, int((1 - share) * rows)))
        found[at] = f"{label[: MARGIN - 2]:>{MARGIN - 2}} ┤"
    return found
