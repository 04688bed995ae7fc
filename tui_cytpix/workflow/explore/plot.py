"""What a plot of events needs: scales and extents chosen from the data, ticks, counts on a grid, and where gates and
events lie on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.events.axes import logicle_width, ticks_decades, ticks_linear
from tui_cytpix.core.events.population import bins, grid_counts
from tui_cytpix.domain.gate import ARCSINH, LINEAR, LOGICLE, SCALES, Axis, Gate, Scale
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.fcs.spillover import is_fluorescence_area
from tui_cytpix.workflow.explore.event_table import EventTable, off_scale, on_scale
from tui_cytpix.workflow.explore.parameters import Parameter

DECADES = 4.5
WIDE_RANGE = 50.0  # the 99.5th percentile over the median: from here on a linear axis hides most events
USUAL_COFACTOR, USUAL_TOP = 150.0, 1048576.0  # what one knows of such instruments; other ranges in proportion
OUTER = (0.001, 0.999)  # quantiles that an axis shows, and a margin
MARGIN = 0.04
PREFERRED = (("FSC-A", "SSC-A"), ("FSC-H", "SSC-H"), ("AreaSquareMicrons", "CircularityPercent"))
Extent = tuple[float, float]  # low and high, as places on a scale


def scale_for(table: EventTable, parameter: str, kind: str = "", compensated: bool = False) -> Scale:
    """A scale for a column, its numbers from the values: of the kind asked for, else of the usual one (logicle for
    fluorescence areas, arcsinh for what spreads far, linear for the rest). Raises as `EventTable.values`.
    """
    known = table.parameter(parameter)
    values = table.values(parameter, compensated)
    values = values[np.isfinite(values)]
    kind = kind or _usual_kind(known, values)
    largest = float(values.max()) if len(values) else 1.0
    top = known.top if known.top > 1 else max(largest, 1.0)
    if kind == LOGICLE:
        return Scale(LOGICLE, top=top, width=round(logicle_width(values, top, DECADES), 3), decades=DECADES)
    if kind == ARCSINH:
        below = values[values < 0]
        usual = USUAL_COFACTOR * max(min(top, largest), 1e-6) / USUAL_TOP
        cofactor = abs(float(np.quantile(below, 0.05))) if len(below) >= 10 else usual
        return Scale(ARCSINH, cofactor=float(f"{max(cofactor, 1e-6):.3g}"))
    return Scale(LINEAR)


def _usual_kind(known: Parameter, values: NDArray[np.float64]) -> str:
    if is_fluorescence_area(known.name):
        return LOGICLE
    if known.of_images or known.name.lower() in ("time", "event") or not len(values):
        return LINEAR
    middle, high = (float(v) for v in np.quantile(values, [0.5, 0.995]))
    return ARCSINH if high > WIDE_RANGE * abs(middle) > 0 else LINEAR


def axis_for(table: EventTable, parameter: str, kind: str = "", compensated: bool = False) -> Axis:
    """The parameter on a scale of that kind; compensated only where it can be."""
    possible = compensated and table.can_compensate(parameter)
    return Axis(parameter, scale_for(table, parameter, kind, possible), possible)


def next_kind(kind: str) -> str:
    return SCALES[(SCALES.index(kind) + 1) % len(SCALES)]


def first_parameters(table: EventTable) -> tuple[str, str]:
    """What to look at first: scatter, else size and shape, else the first two there are.

    Raises:
        UsageError: there is nothing to plot.
    """
    names = [parameter.name for parameter in table.parameters]
    if not names:
        raise UsageError(
            "There is nothing to plot",
            f"{table.sample} has no FCS, and no model has looked at its images.",
            "Process images in step 1 or 5 first.",
        )
    for pair in PREFERRED:
        found = [next((n for n in names if n == want or n.startswith(f"{want} [")), "") for want in pair]
        if all(found):
            return found[0], found[1]
    return names[0], names[min(1, len(names) - 1)]


def full_extent(table: EventTable, axis: Axis, rows: NDArray[np.bool_]) -> Extent:
    """Places on the axis that show all but the outermost thousandth of the rows (bool (N,)) at each end."""
    places = table.scaled(axis)[rows]
    places = places[np.isfinite(places)]
    if not len(places):
        return 0.0, 1.0
    low, high = (float(v) for v in np.quantile(places, OUTER))
    if len(places) < 1000 or not high > low:
        low, high = float(places.min()), float(places.max())
    if not high > low:
        low, high = low - 0.5, high + 0.5
    margin = MARGIN * (high - low)
    return low - margin, high + margin


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: `share` of the way from its low to its high end."""

    share: float
    label: str


def ticks(axis: Axis, extent: Extent, most: int) -> list[Tick]:
    """At most `most` round values within an extent; powers of ten where the scale shows several."""
    low, high = (float(v) for v in off_scale(np.array(extent), axis.scale))
    if not (math.isfinite(low) and math.isfinite(high)):
        return []
    found = ticks_linear(low, high, most)
    if axis.scale.kind != LINEAR:
        decades = ticks_decades(low, high)
        found = decades if len([v for v in decades if v]) >= 2 else found
    places = on_scale(np.array(found, np.float64), axis.scale) if found else np.zeros(0)
    shares = (places - extent[0]) / (extent[1] - extent[0])
    kept: list[Tick] = []
    # The largest of each sign first, so that what is crowded around 0 gives way.
    for value, share in sorted(
        zip(found, shares.tolist(), strict=True), key=lambda tick: (tick[0] != 0, -abs(tick[0]))
    ):
        if 0 <= share <= 1 and all(abs(share - other.share) >= 1 / (most + 1) for other in kept):
            kept.append(Tick(share, short(value)))
    return sorted(kept, key=lambda tick: tick.share)


def count_ticks(highest: int, most: int) -> list[Tick]:
    """Of a histogram's numbers of events, whole ones; the highest bar reaches the end."""
    found = ticks_linear(0.0, float(highest), most) if highest else []
    return [Tick(value / highest, short(value)) for value in found if value == round(value)]


def short(value: float) -> str:
    """A number in few characters: `0`, `0.25`, `12.5`, `1.5k`, `-1M`."""
    if not math.isfinite(value):
        return "–"
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.99995 * factor:
            return f"{value / factor:.4g}{letter}"
    return f"{value:.4g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.1e}"


def counts_on_grid(
    table: EventTable, axes: Sequence[Axis], extents: Sequence[Extent], size: tuple[int, int], rows: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Events of `rows` (bool (N,)) on a grid of `size` (columns, rows): (rows, columns), the highest y on top; with
    one axis, (1, columns). Raises as `EventTable.values`.
    """
    columns, height = size if len(axes) == 2 else (size[0], 1)
    x = np.where(rows, bins(table.scaled(axes[0]), *extents[0], columns), -1)
    y = bins(table.scaled(axes[1]), *extents[1], height) if len(axes) == 2 else np.zeros(len(x), np.intp)
    return grid_counts(x, y, columns, height)


def values_at(axes: Sequence[Axis], extents: Sequence[Extent], shares: Sequence[float]) -> tuple[float, ...]:
    """The parameters' values at a place of the plot, given as shares of the way from low to high."""
    # Not strict: the axes may be changing in another thread while the crosshair is read out.
    return tuple(
        float(off_scale(np.array([low + share * (high - low)]), axis.scale)[0])
        for axis, (low, high), share in zip(axes, extents, shares, strict=False)
    )


def shares_of(axes: Sequence[Axis], extents: Sequence[Extent], values: Sequence[float]) -> tuple[float, ...]:
    """The inverse of `values_at`; outside the plot below 0 or above 1."""
    return tuple(
        (float(on_scale(np.array([value]), axis.scale)[0]) - low) / (high - low)
        for axis, (low, high), value in zip(axes, extents, values, strict=True)
    )


def event_place(table: EventTable, axes: Sequence[Axis], extents: Sequence[Extent], row: int) -> tuple[float, ...]:
    """Where an event lies, as shares; NaN where it has no value."""
    places = [float(table.scaled(axis)[row]) for axis in axes]
    return tuple((place - low) / (high - low) for place, (low, high) in zip(places, extents, strict=True))


def nearest_image(
    table: EventTable, axes: Sequence[Axis], extents: Sequence[Extent], at: Sequence[float], rows: NDArray[np.bool_]
) -> str:
    """The imaged event of `rows` (bool (N,)) that lies nearest to a place of the plot (shares); "" for none."""
    events = [event for event, row in table.image_rows.items() if rows[row]]
    places = np.array([table.image_rows[event] for event in events], np.intp)
    away = np.zeros(len(places))
    for axis, (low, high), share in zip(axes, extents, at, strict=True):
        away += ((table.scaled(axis)[places] - low) / (high - low) - share) ** 2
    if not np.isfinite(away).any():
        return ""
    return events[int(np.nanargmin(away))]


def outline(gate: Gate, axes: Sequence[Axis], extents: Sequence[Extent]) -> tuple[list[tuple[float, float]], str]:
    """How a gate looks on a plot: its points, (x, y) as shares, and what they are: `polygon`, `x` or `y` (the two ends
    of a range on that axis), or "" where it lies on other parameters.

    A polygon keeps straight sides only on its own scales: on others its sides are drawn by many points.
    """
    names = [(axis.parameter, axis.compensated) for axis in axes]
    own = [(axis.parameter, axis.compensated) for axis in gate.axes]
    if len(own) == 1 and own[0] in names:
        n = names.index(own[0])
        ends = [shares_of([axes[n]], [extents[n]], corner)[0] for corner in gate.corners]
        return [(end, 0.0) if n == 0 else (0.0, end) for end in ends], "xy"[n]
    if len(own) != 2 or sorted(own) != sorted(names) or len(set(own)) != 2:
        return [], ""
    corners = np.array(gate.corners, np.float64)
    placed = np.stack([on_scale(corners[:, n], axis.scale) for n, axis in enumerate(gate.axes)], axis=1)
    if [axes[names.index(o)].scale for o in own] != [axis.scale for axis in gate.axes]:
        steps = np.linspace(0, 1, 16, endpoint=False)[:, None]
        following = np.roll(placed, -1, axis=0)
        placed = np.concatenate([a + steps * (b - a) for a, b in zip(placed, following, strict=True)])
    values = [off_scale(placed[:, n], axis.scale) for n, axis in enumerate(gate.axes)]
    points = []
    for n, name in enumerate(names):
        low, high = extents[n]
        points.append((on_scale(values[own.index(name)], axes[n].scale) - low) / (high - low))
    return list(zip(points[0].tolist(), points[1].tolist(), strict=True)), "polygon"
