"""Small charts of a batch, as SVG, coloured by the classes of `html_tags`' style: a course over Time, and a plate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from tui_cytpix.workflow.report.html_tags import Markup

PLATES = ((8, 12), (16, 24))  # rows and columns, 96 and 384 wells
_SPARK_WIDTH, _SPARK_HEIGHT = 110, 24
_CELL = {8: 26, 16: 15}  # px, of a plate of so many rows
_LEFT, _TOP = 20, 16
_MOST_NUMBERED = 12  # columns, of which each has its number
_FAINTEST = 0.08  # opacity of the lowest value


def spark(values: Sequence[float], kind: str, said: str) -> Markup:
    """A line through values from the left to the right, the lowest line of the chart being 0; `said` tells in words
    what it shows, and appears under the pointer.
    """
    most = max(values, default=0.0) or 1.0
    step = _SPARK_WIDTH / max(1, len(values) - 1)
    heights = (_SPARK_HEIGHT - 2 - value / most * (_SPARK_HEIGHT - 4) for value in values)
    points = " ".join(f"{n * step:.1f},{y:.1f}" for n, y in enumerate(heights))
    bottom = f'<line class="axis" x1="0" x2="{_SPARK_WIDTH}" y1="{_SPARK_HEIGHT - 1}" y2="{_SPARK_HEIGHT - 1}"/>'
    size = f'viewBox="0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}" width="{_SPARK_WIDTH}" height="{_SPARK_HEIGHT}"'
    title = f"<title>{escape(said)}</title>"
    return Markup(f'<svg {size} role="img">{title}{bottom}<polyline class="{kind}" points="{points}"/></svg>')


@dataclass(frozen=True)
class Well:
    """What a plate shows of a well: `value` 0 to 1 for the colour, None where there is none; `said` appears under the
    pointer. It is framed where it stands `apart`, crossed where nothing is `done`, and has the first letter of its
    `control`.
    """

    value: float | None
    said: str
    apart: bool = False
    done: bool = True
    control: str = ""


def plate_size(wells: Sequence[str]) -> tuple[int, int] | None:
    """Rows and columns of the smallest plate that has all these wells; None where none has."""
    places = [_place(well) for well in wells]
    fitting = (size for size in PLATES if all(row < size[0] and column < size[1] for row, column in places))
    return next(fitting, None)


def _place(well: str) -> tuple[int, int]:
    """Row and column, from 0; a row of two letters comes after Z."""
    letters, number = re.fullmatch(r"([A-Z]+)(\d+)", well).groups()  # type: ignore[union-attr]  # domain.sample.well_of
    row = 0
    for letter in letters:
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1, int(number) - 1


def plate(size: tuple[int, int], wells: Mapping[str, Well]) -> str:
    """A plate as a heat map; wells that are not among `wells` are empty."""
    rows, columns = size
    side = _CELL[rows]
    parts = []
    for column in range(0, columns, 1 if columns <= _MOST_NUMBERED else 2):
        x = _LEFT + (column + 0.5) * side
        parts.append(f'<text x="{x:.1f}" y="{_TOP - 4}" text-anchor="middle">{column + 1}</text>')
    for row in range(rows):
        y = _TOP + (row + 0.5) * side + 4
        parts.append(f'<text x="{_LEFT - 5}" y="{y:.1f}" text-anchor="end">{chr(ord("A") + row)}</text>')
    known = {_place(name): well for name, well in wells.items()}
    parts += [
        _well(_LEFT + column * side, _TOP + row * side, side, known.get((row, column)))
        for row in range(rows)
        for column in range(columns)
    ]
    width, height = _LEFT + columns * side + 4, _TOP + rows * side + 4
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">{"".join(parts)}</svg>'


def _well(x: int, y: int, side: int, well: Well | None) -> str:
    box = f'x="{x + 1}" y="{y + 1}" width="{side - 2}" height="{side - 2}" rx="2"'
    frame = f'<rect class="axis" {box} fill="none"/>'
    if well is None:
        return frame
    inside = ""
    if well.value is not None:
        opacity = _FAINTEST + (1 - _FAINTEST) * min(1.0, max(0.0, well.value))
        inside = f'<rect class="a" stroke="none" {box} fill-opacity="{opacity:.2f}" stroke-opacity="0"/>'
    if not well.done:
        ends = f"M{x + 4} {y + 4}L{x + side - 4} {y + side - 4}M{x + side - 4} {y + 4}L{x + 4} {y + side - 4}"
        inside = f'<path class="rule" d="{ends}"/>'
    elif well.control:
        inside += f'<text x="{x + side / 2}" y="{y + side / 2 + 4}" text-anchor="middle">{well.control[0]}</text>'
    if well.apart:
        frame = f'<rect class="b" {box} fill-opacity="0" stroke-width="2"/>'
    return f"<g><title>{escape(well.said)}</title>{inside}{frame}</g>"
