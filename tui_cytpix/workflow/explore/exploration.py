"""What someone looks at while exploring: a sample, a population, two axes (or one), a gate being drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.gate import FEWEST_CORNERS, Gate, in_order
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError, InputError, UsageError
from tui_cytpix.workflow.explore import gates, plot
from tui_cytpix.workflow.explore.axes import PlotAxes, X
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.explore.exported_events import Exported, export_events
from tui_cytpix.workflow.explore.per_volume import name_image_gate
from tui_cytpix.workflow.explore.plot import Tick
from tui_cytpix.workflow.explore.populations import (
    Population,
    axis_name,
    export_statistics,
    populations,
    statistics,
)
from tui_cytpix.workflow.run.run import Run

LABEL_COLUMNS, LABEL_ROWS = 7, 3  # room for a tick's label


@dataclass(frozen=True)
class Outline:
    """A gate on the plot: `points` as shares; `form` is polygon, x or y; `shown` where its events are those shown."""

    points: tuple[tuple[float, float], ...]
    form: str
    shown: bool


@dataclass(frozen=True, eq=False)
class PlotData:
    """A plot for one size. `counts` is (2 x rows, columns), or (1, columns) for a histogram; `ticks` are those of x and
    of y (a histogram's: of events, up to the highest bar). Of the population's `events`, `empty` have no value on an
    axis, and `off` lie outside the extents.
    """

    counts: NDArray[np.int64]
    names: tuple[str, ...]
    ticks: tuple[list[Tick], ...]
    outlines: tuple[Outline, ...]
    events: int
    empty: int
    off: int


class EventRow(NamedTuple):
    """An event: its row in the FCS from 0, its image ("" for none), its values along the axes."""

    row: int
    event: str
    values: tuple[float, ...]


class Exploration(PlotAxes):
    """The axes, with the population that is shown on them. Every change leaves a state that can be drawn."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.samples = tuple(sample.name for sample in run.settings.in_use)
        self.gate = ""
        self.event = ""  # the image that is pointed out
        self._tables: dict[str, EventTable] = {}
        self._counted: tuple[object, list[Population]] = (None, [])

    @property
    def gates(self) -> tuple[Gate, ...]:
        return self.run.settings.gates

    def open(self, sample: str) -> None:
        """Shows a sample.

        Raises:
            SampleError: it can't be read.
            UsageError: it has nothing to plot.
        """
        self.show_table(self._table_of(sample))
        self.event = ""

    def _table_of(self, sample: str) -> EventTable:
        if sample not in self._tables:
            self._tables[sample] = EventTable(self.run, sample)
        return self._tables[sample]

    def open_first(self) -> None:
        """Shows the first sample that can be shown.

        Raises:
            SampleError, UsageError: none can; as the first one said.
        """
        problem: CytpixError | None = None
        for sample in self.samples:
            try:
                self.open(sample)
                return
            except CytpixError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    def step_sample(self, by: int) -> None:
        """The next sample, or the one before; raises as `open`."""
        place = self.samples.index(self.table.sample) + by
        self.open(self.samples[place % len(self.samples)])

    def read_ahead(self) -> None:
        """Reads the next sample on the axes that are shown: going to it is quick then."""
        following = self.samples[(self.samples.index(self.table.sample) + 1) % len(self.samples)]
        with contextlib.suppress(CytpixError):  # going there tells
            table = self._tables.get(following) or EventTable(self.run, following)
            for axis in self.axes:
                table.scaled(axis)
            self._tables.setdefault(following, table)

    def all_tables(self) -> list[EventTable]:
        found = []
        for sample in self.samples:
            with contextlib.suppress(CytpixError):
                found.append(self._table_of(sample))
        return found

    # Gates

    @property
    def order(self) -> list[str]:
        """All events, then the gates as they are listed."""
        return ["", *(gate.name for gate, _ in in_order(self.gates))]

    def step_gate(self, by: int) -> None:
        order = self.order
        self.gate = order[(order.index(self.gate) + by) % len(order)]

    def go_to(self, sample: str, gate: str) -> None:
        """Shows a population; raises as `open`."""
        if gate in self.order:
            self.gate = gate
        self.open(sample)

    def name_image_gate(self, gate: str, counter: str) -> list[str]:
        """As `per_volume.name_image_gate`, for the samples that can be read."""
        return name_image_gate(self.run, self.all_tables(), gate, counter)

    @property
    def counters(self) -> list[str]:
        """Whose counts of particles there are in any sample."""
        return list(dict.fromkeys(counter for table in self.all_tables() for counter in table.counters))

    def add_corner(self, at: Sequence[float]) -> None:
        """Of the gate being drawn, at a place of the plot (shares).

        Raises:
            UsageError: no sample is open.
        """
        self.require_table()
        if len(self.axes) == 1 and len(self.corners) == 2:
            self.corners = self.corners[1:]
        self.corners.append(self.values_at(at))

    @property
    def missing(self) -> str:
        """Why the gate can't be closed yet, "" where it can. Two corners on two axes make a rectangle."""
        if len(self.corners) < 2:
            what = "two ends" if len(self.axes) == 1 else f"two corners (a rectangle) or {FEWEST_CORNERS} and more"
            return f"A gate on this plot needs {what}."
        if len(self.axes) == 2 and len(self.corners) == 2:
            (x0, y0), (x1, y1) = self.corners
            return "The two corners lie in one line." if x0 == x1 or y0 == y1 else ""
        return "Both ends are the same." if len(self.axes) == 1 and self.corners[0] == self.corners[1] else ""

    def close_gate(self, name: str) -> Gate:
        """Keeps the gate that was drawn, within the one that is shown.

        Raises:
            UsageError: too few corners, or no good name.
        """
        if self.missing:
            raise UsageError("The gate can't be closed", self.missing)
        corners = list(self.corners)
        if len(self.axes) == 1:
            corners.sort()
        elif len(corners) == 2:
            (x0, y0), (x1, y1) = corners
            corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        try:
            gate = Gate(name, self.axes, tuple(corners), self.gate)
        except ValueError as error:
            raise UsageError("The gate can't be kept", f"{error}.") from error
        gates.add(self.run, gate)
        self.corners = []
        return gate

    def delete_gate(self) -> tuple[str, ...]:
        """Removes the gate that is shown and those in it; its parent is shown. Returns their names.

        Raises:
            UsageError: all events are shown.
        """
        parent = gates.find(self.run, self.gate).parent
        gone = gates.remove(self.run, self.gate)
        self.gate = parent
        return gone

    # What is shown

    def rows(self) -> NDArray[np.bool_]:
        """The events shown, bool (N,): none where the sample lacks what the gate needs."""
        try:
            return gates.inside(self.table, self.gates, self.gate)
        except InputError:
            return np.zeros(self.table.rows, bool)

    def plot_data(self, columns: int, rows: int) -> PlotData:
        """The plot on an area of so many cells."""
        shown = self.rows()
        size = (columns, 2 * rows)
        counts = plot.counts_on_grid(self.table, self.axes, self.extents, size, shown)
        most = (max(2, columns // LABEL_COLUMNS), max(2, rows // LABEL_ROWS))
        ticks = [plot.ticks(axis, extent, n) for axis, extent, n in zip(self.axes, self.extents, most, strict=False)]
        if len(self.axes) == 1:
            ticks.append(plot.count_ticks(int(counts.max(initial=0)), most[1]))
        known = shown.copy()
        for axis in self.axes:
            known &= np.isfinite(self.table.scaled(axis))
        events, valued = int(shown.sum()), int(known.sum())
        names = tuple(f"{axis_name(axis)} · {axis.scale.kind}" for axis in self.axes)
        off = valued - int(counts.sum())
        return PlotData(counts, names, tuple(ticks), tuple(self._outlines()), events, events - valued, off)

    def _outlines(self) -> list[Outline]:
        found = []
        for gate in self.gates:
            points, form = plot.outline(gate, self.axes, self.extents)
            if form and self.gate in (gate.parent, gate.name):
                found.append(Outline(tuple(points), form, gate.name == self.gate))
        return found

    def drawn(self) -> list[tuple[float, float]]:
        """The corners put so far, as shares."""
        found = [plot.shares_of(self.axes, self.extents, corner) for corner in self.corners]
        return [(place[0], place[1] if len(place) == 2 else 0.0) for place in found]

    def values_at(self, at: Sequence[float]) -> tuple[float, ...]:
        """The parameters' values at a place of the plot (shares)."""
        return plot.values_at(self.axes, self.extents, list(at)[: len(self.axes)])

    def populations(self) -> list[Population]:
        """Of the sample that is shown, summed up on its axes; counted anew only where one of these changed."""
        asked = (self.table, self.gates, self.axes)
        if asked != self._counted[0]:
            self._counted = (asked, populations(*asked))
        return self._counted[1]

    def all_populations(self) -> list[Population]:
        """With numbers per volume."""
        return [one for table in self.all_tables() for one in statistics(table, self.run, self.axes)]

    def export(self, path: Path) -> Exported:
        """Writes the events shown; raises as `export_events`."""
        return export_events(path, self.table, self.gates, self.gate, self.axes)

    def export_statistics(self, path: Path) -> int:
        """Writes the statistics of every sample; raises as `populations.export_statistics`."""
        return export_statistics(path, self.run, self.all_populations(), self.axes)

    def images(self) -> list[tuple[ImageKey, float]]:
        """Of the events shown, in order, with their value along x."""
        within = self.rows()
        values = self.table.values(self.axes[X].parameter, self.axes[X].compensated)
        found = []
        for event, row in self.table.image_rows.items():
            if within[row]:
                found.append((ImageKey(self.table.sample, event), float(values[row])))
        return found

    def event_rows(self, most: int) -> list[EventRow]:
        """Of the events shown, those with an image first, with their values along the axes."""
        event_of = {row: event for event, row in self.table.image_rows.items()}
        rows = np.flatnonzero(self.rows()).tolist()
        rows = [*(row for row in rows if row in event_of), *(row for row in rows if row not in event_of)][:most]
        columns = [self.table.values(axis.parameter, axis.compensated) for axis in self.axes]
        return [EventRow(row, event_of.get(row, ""), tuple(float(c[row]) for c in columns)) for row in rows]

    def nearest(self, at: Sequence[float]) -> str:
        """The imaged event shown that is nearest to a place; it is pointed out from now on. "" for none."""
        self.event = plot.nearest_image(self.table, self.axes, self.extents, list(at)[: len(self.axes)], self.rows())
        return self.event

    def event_values(self) -> tuple[float, ...]:
        row = self.table.image_rows[self.event]
        return tuple(float(self.table.values(axis.parameter, axis.compensated)[row]) for axis in self.axes)

    def event_place(self) -> tuple[float, float] | None:
        """Where it lies, as shares; None where it has no value, or nothing is pointed out."""
        if not self.event:
            return None
        place = plot.event_place(self.table, self.axes, self.extents, self.table.image_rows[self.event])
        if not np.isfinite(place).all():
            return None
        return place[0], place[1] if len(place) == 2 else 0.0
