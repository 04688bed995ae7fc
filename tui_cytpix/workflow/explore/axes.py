"""The two axes (or one) that someone looks at, and the sample under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tui_cytpix.domain.gate import Axis
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.explore import plot
from tui_cytpix.workflow.explore.event_table import EventTable, on_scale
from tui_cytpix.workflow.explore.plot import Extent

X, Y = 0, 1
CLOSEST, FARTHEST = 1e-6, 16.0  # extents shown, as shares of the whole


class PlotAxes:
    """Every change leaves axes that can be drawn, or raises and leaves things as they were."""

    def __init__(self) -> None:
        self.axes: tuple[Axis, ...] = ()
        self.extents: tuple[Extent, ...] = ()
        self.corners: list[tuple[float, ...]] = []  # of a gate being drawn: values; other axes end it
        self._table: EventTable | None = None

    @property
    def table(self) -> EventTable:
        """The sample that is shown; raises as `require_table`."""
        return self.require_table()

    def require_table(self) -> EventTable:
        """Raises:
        UsageError: no sample is open.
        """
        if self._table is None:
            raise UsageError("There is nothing to plot", "", "Add a sample with an FCS, or process its images.")
        return self._table

    def show_table(self, table: EventTable) -> None:
        """Another sample, on the same axes where it has their parameters.

        Raises:
            UsageError: it has nothing to plot.
        """
        names = [parameter.name for parameter in table.parameters]
        if self.axes and all(axis.parameter in names for axis in self.axes):
            axes = [replace(a, compensated=a.compensated and table.can_compensate(a.parameter)) for a in self.axes]
            self._table, self.axes = table, tuple(axes)
            return
        axes = [plot.axis_for(table, name) for name in plot.first_parameters(table)]
        self._table, self.axes, self.corners = table, tuple(axes), []
        self.whole()

    def set_parameter(self, which: int, name: str) -> None:
        """Another parameter along x or y; "" along y makes a histogram. Raises as `EventTable.values`."""
        axes = list(self.axes)
        if not name:
            axes = axes[:1]
        else:
            compensated = any(axis.compensated for axis in axes)
            axes[which : which + 1] = [plot.axis_for(self.table, name, compensated=compensated)]
        self._take(tuple(axes), renewed=which)

    def next_scale(self, which: int) -> None:
        if which < len(self.axes):
            old = self.axes[which]
            kind = plot.next_kind(old.scale.kind)
            scale = plot.scale_for(self.table, old.parameter, kind, old.compensated)
            axes = list(self.axes)
            axes[which] = replace(old, scale=scale)
            self._take(tuple(axes), renewed=which)

    def compensate(self) -> str:
        on = not any(axis.compensated for axis in self.axes)
        axes = tuple(plot.axis_for(self.table, axis.parameter, axis.scale.kind, on) for axis in self.axes)
        spillover = self.table.spillover
        if on and not any(axis.compensated for axis in axes):
            return spillover.problem or "Neither axis is a fluorescence area: there is nothing to compensate."
        for which in range(len(axes)):
            self._take((*self.axes[:which], axes[which], *self.axes[which + 1 :]), renewed=which)
        if not on:
            return "Not compensated."
        if spillover.is_identity:
            return "Compensated, but the matrix is the identity: nothing changes."
        return f"Compensated by the file's matrix over {len(spillover.names)} fluorescence areas."

    def _take(self, axes: tuple[Axis, ...], renewed: int) -> None:
        extents = list(self.extents[: len(axes)])
        extents[renewed : renewed + 1] = self._full(axes[renewed : renewed + 1])
        self.axes, self.extents, self.corners = axes, tuple(extents), []

    def _full(self, axes: Sequence[Axis]) -> tuple[Extent, ...]:
        table = self.table
        everything = np.ones(table.rows, bool)
        return tuple(plot.full_extent(table, axis, everything) for axis in axes)

    def set_range(self, which: int, low: float, high: float) -> None:
        """Shows the values from `low` to `high` along x or y.

        Raises:
            UsageError: low is not below high.
        """
        if not low < high:
            raise UsageError("This is no range", f"{low:g} to {high:g}.", "Give a low and a higher number.")
        scale = self.axes[which].scale
        ends = [on_scale(np.array([value]), scale)[0] for value in (low, high)]
        extents = list(self.extents)
        extents[which] = (float(ends[0]), float(ends[1]))
        self.extents = tuple(extents)

    def zoom(self, factor: float, at: Sequence[float]) -> None:
        """Shows `factor` of each extent about a place, shares of the area; that place stays where it is. Where nothing
        more is to be seen, nothing happens.
        """
        extents = []
        for (low, high), share in zip(self.extents, at, strict=False):
            span = (high - low) * factor
            start = low + share * (high - low) - share * span
            extents.append((start, start + span))
        whole = self._full(self.axes)
        shares = [(b - a) / (d - c) for (a, b), (c, d) in zip(extents, whole, strict=True)]
        if all(CLOSEST < share < FARTHEST for share in shares):
            self.extents = tuple(extents)

    def whole(self) -> None:
        self.extents = self._full(self.axes)
