"""The explore screen's tables, of events and of statistics, and writing them to files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from tui_cytpix.domain.run_settings import DEFAULT_MONTAGE
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.plot_pane import PlotPane
from tui_cytpix.ui.widgets.tables.table import Table
from tui_cytpix.workflow.explore import gates, populations
from tui_cytpix.workflow.explore.exploration import EventRow, Exploration
from tui_cytpix.workflow.explore.plot import short
from tui_cytpix.workflow.explore.populations import Population
from tui_cytpix.workflow.report import montage

EVENT_COLUMNS = ("Row", "Image", "x", "y")
STATISTICS_COLUMNS = (
    *("Sample", "Gate", "Events", "% parent", "% all", "Images", "% images"),
    *("per µl", "per µl 95 %", "cells/µl", "cells/µl 95 %", "% imaged", "% support"),
    *(f"{axis} {what}" for axis in "xy" for what in ("median", "mean", "CV %", "rSD")),
)
MOST_EVENTS = 1000
EXPORTED = "(.csv, .parquet, .h5ad: these axes; .fcs: all; .png, .svg: some of their images)"
MOST_REASONS = 4  # in a notice; the exported table has all


class EventTables:
    """Two panes beside the plot, of what is looked at there."""

    def __init__(self, screen: WorkScreen, plotting: PlotPane) -> None:
        self._screen, self._plotting = screen, plotting
        self.events = Table(EVENT_COLUMNS, choose=False, id="events")
        self.statistics = Table(STATISTICS_COLUMNS, choose=False, id="statistics")

    def to_point(self, event: str) -> None:
        """To the plot, where the image's event is pointed out; nothing without an image."""
        if event:
            self._plotting.exploration.event = event
            self._screen.close_panels()
            self._plotting.redraw(lambda _none: self._plotting.point_out(event))

    def take_row(self) -> None:
        """From the row under the cursor to the plot: its event, or its population."""
        if self._screen.pane == "events":
            event = self.events.cursor_key
            if event.startswith("row "):
                self._screen.report("This event has no image; rows that have one come first.")
            else:
                self.to_point(event)
            return
        sample, _, gate = self.statistics.cursor_key.partition("\n")
        self._screen.close_panels()
        self._plotting.change(lambda explored: explored.go_to(sample, "" if gate == gates.ALL else gate))

    def _open(self, table: Table, rows: list[tuple[str, list[str]]]) -> None:
        table.fill(rows)
        self._screen.show_pane(table.id or "")
        self._screen.set_focus(table)
        self._screen.say_next()

    def open_events(self) -> None:
        if self._screen.pane == "events":
            self._screen.close_panels()
        else:
            self._plotting.change(lambda explored: explored.event_rows(MOST_EVENTS), self._show_events)

    def _show_events(self, found: list[EventRow]) -> None:
        rows = []
        for one in found:
            values = [f"{value:.6g}" for value in one.values]
            cells = [str(one.row), one.event or "–", *values, *[""] * (len(EVENT_COLUMNS) - 2 - len(values))]
            rows.append((one.event or f"row {one.row}", cells))
        self._open(self.events, rows)
        total = int(self._plotting.exploration.rows().sum())
        if total > len(found):
            self._screen.report(
                f"The first {len(found)} of {total} events; {self._screen.key('explore.export')} writes all."
            )

    def open_statistics(self) -> None:
        if self._screen.pane == "statistics":
            self._screen.close_panels()
        else:
            self._plotting.change(Exploration.all_populations, self._show_statistics)

    def _show_statistics(self, found: list[Population]) -> None:
        rows = []
        for one in found:
            numbers = populations.statistics_row(one, self._plotting.exploration.axes)
            counts = ["–" if one.problem else str(number) for number in (one.events, one.images)]
            shares = [short(n) for n in (numbers[1], numbers[2], numbers[4])]
            volume = [cell for start in (5, 8) for cell in _in_two(numbers[start : start + 3])]
            support = [short(n) for n in numbers[11:13]]
            sums = [short(n) for start in (13, 18) for n in numbers[start + 1 : start + 5]]
            cells = [counts[0], *shares[:2], counts[1], shares[2], *volume, *support, *sums]
            cells += [""] * (len(STATISTICS_COLUMNS) - 2 - len(cells))
            rows.append((f"{one.sample}\n{one.gate}", [one.sample, "  " * one.depth + one.gate, *cells]))
        self._open(self.statistics, rows)
        reasons = populations.why_empty(found)
        if reasons:
            self._screen.report("\n".join(reasons[:MOST_REASONS]))

    # Files

    def export(self) -> None:
        explored = self._plotting.exploration
        if self._screen.pane == "statistics":
            self._ask_file(
                f"{self._screen.session.run.settings.name}-statistics", "the statistics of all gates and samples"
            )
        else:
            shown = explored.gate or gates.ALL
            self._ask_file(
                f"{explored.table.sample}-{shown}",
                f"the events of {shown} {EXPORTED}",
            )

    def _ask_file(self, stem: str, what: str) -> None:
        default = Path.cwd() / f"{stem}.csv".replace("/", "_")
        statistics = self._screen.pane == "statistics"

        def write(path: Path) -> None:
            if statistics:
                self._plotting.change(
                    lambda explored: explored.export_statistics(path),
                    lambda rows: self._screen.report(f"{rows} rows: {path}"),
                )
            elif montage.is_montage(path):
                self._plotting.change(
                    lambda explored: _draw(explored, path),
                    lambda said: self._screen.report(" ".join((*said, str(path)))),
                )
            else:
                self._plotting.change(
                    lambda explored: explored.export(path),
                    lambda done: self._screen.report(" ".join((f"{done.events} events: {path}.", *done.problems))),
                )

        self._screen.ask_file(f"Write {what} to:", default, write)


def _draw(explored: Exploration, path: Path) -> list[str]:
    """A montage of what is shown; says what is in it, and what isn't."""
    run = explored.run
    drawn, problems = montage.draw(run, [explored.gate], [explored.table.sample], DEFAULT_MONTAGE, seed=0)
    panels, unread = montage.write_montage(path, run, drawn, 0, lambda _done, _total: None)
    return [*map(montage.in_words, panels), *problems, *unread]


def _in_two(estimate: Sequence[float]) -> tuple[str, str]:
    """A number and its interval; dashes for NaN."""
    value, low, high = (short(number) for number in estimate)
    return value, f"{low} to {high}" if math.isfinite(estimate[0]) else value
