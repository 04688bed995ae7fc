"""Charts as SVG, coloured by the classes of `html_tags`' style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from tui_cytpix.core.events.axes import ticks_linear

Point = tuple[float, float]
WIDTH, HEIGHT = 640, 260
TICKS = 7  # at most
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 14, 36


@dataclass(frozen=True)
class Series:
    """A line through points; `kind` is a, b, c or rule."""

    name: str
    points: Sequence[Point]
    kind: str = "a"


@dataclass(frozen=True)
class Axes:
    x: str
    y: str
    x_range: Point
    y_range: Point

    def place(self, point: Point) -> Point:
        """Where a point lies on the sheet; beyond the ranges, on its edge."""
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        across = min(1.0, max(0.0, (point[0] - x0) / ((x1 - x0) or 1)))
        up = min(1.0, max(0.0, (point[1] - y0) / ((y1 - y0) or 1)))
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)


def lines(axes: Axes, series: Iterable[Series]) -> str:
    """Lines with a legend of those that have points."""
    drawn, legend = [], []
    for number, one in enumerate(one for one in series if one.points):
        places = " ".join("{:.1f},{:.1f}".format(*axes.place(p)) for p in one.points)
        drawn.append(f'<polyline class="{one.kind}" points="{places}"/>')
        x = _LEFT + 8 + number * 150
        legend.append(
            f'<line class="{one.kind}" x1="{x}" x2="{x + 18}" y1="8" y2="8"/><text x="{x + 23}" y="12">'
            f"{escape(one.name)}</text>"
        )
    return _sheet(axes, [*drawn, *legend])


def scatter(axes: Axes, groups: Iterable[tuple[str, Sequence[Point], float]]) -> str:
    """Dots; groups are (kind, points, radius), the later ones on top."""
    dots = []
    for kind, points, radius in groups:
        for point in points:
            x, y = axes.place(point)
            dots.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>')
    return _sheet(axes, dots)


def _sheet(axes: Axes, content: Iterable[str]) -> str:
    left, bottom = axes.place((axes.x_range[0], axes.y_range[0]))
    right, top = axes.place((axes.x_range[1], axes.y_range[1]))
    marks = [
        f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>',
        f'<line class="axis" x1="{left}" x2="{left}" y1="{bottom}" y2="{top}"/>',
    ]
    for value in ticks_linear(*axes.x_range, TICKS) or axes.x_range[:1]:
        x, _ = axes.place((value, axes.y_range[0]))
        marks.append(f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{value:g}</text>')
    for value in ticks_linear(*axes.y_range, TICKS) or axes.y_range[:1]:
        _, y = axes.place((axes.x_range[0], value))
        marks.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        marks.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    middle = (left + right) / 2
    marks.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(axes.x)}</text>')
    marks.append(
        f'<text x="12" y="{(top + bottom) / 2}" transform="rotate(-90 12 {(top + bottom) / 2})" '
        f'text-anchor="middle">{escape(axes.y)}</text>'
    )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">{"".join([*marks, *content])}</svg>'
