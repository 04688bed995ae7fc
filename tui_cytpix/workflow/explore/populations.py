"""Explore (with step 5, and for the gates of step 3): populations, their statistics, and exports of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.events.population import Summary, summary
from tui_cytpix.domain.gate import Axis, Gate, in_order, lineage
from tui_cytpix.domain.sample import labels_of
from tui_cytpix.errors import CytpixError, InputError, refusal
from tui_cytpix.formats.tables.csv_table import csv_rows, csv_table
from tui_cytpix.workflow.explore import gates as gating
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.explore.per_volume import ImageGate, PerVolume, Volumes, looked_at
from tui_cytpix.workflow.run.run import Run

NOT_ASKED = PerVolume()


@dataclass(frozen=True)
class Population:
    """A gate in a sample: `events` of `parent_events`, `images` of them imaged. Of a gate that rests on what was found
    in images, the numbers that it is compared with (its parent's, all) are of events whose images were looked at. `x`
    and `y` sum up parameters, None where the sample lacks them or what the gate needs.
    """

    gate: str
    depth: int
    sample: str
    events: int
    parent_events: int
    all_events: int
    images: int
    all_images: int
    x: Summary | None = None
    y: Summary | None = None
    problem: str = ""
    per_ul: PerVolume = NOT_ASKED

    @property
    def of_parent(self) -> float:
        """Percent; NaN without events."""
        return 100 * self.events / self.parent_events if self.parent_events else math.nan

    @property
    def of_all(self) -> float:
        """Percent of all events, or of all that were imaged and looked at."""
        return 100 * self.events / self.all_events if self.all_events else math.nan

    @property
    def of_images(self) -> float:
        """Its imaged events, in percent of all imaged events."""
        return 100 * self.images / self.all_images if self.all_images else math.nan


def populations(table: EventTable, gates: Sequence[Gate], axes: Sequence[Axis] = ()) -> list[Population]:
    """All events, then each gate as a tree is listed, summed up on up to two axes' parameters."""
    found = [_population(table, gates, "", "", 0, axes)]
    found += [_population(table, gates, gate.name, gate.parent, depth + 1, axes) for gate, depth in in_order(gates)]
    return found


def statistics(table: EventTable, run: Run, axes: Sequence[Axis] = ()) -> list[Population]:
    """As `populations`, of the run's gates, with numbers per volume."""
    gates = run.settings.gates
    volumes = Volumes(table, gates, ImageGate.of(run))
    found = populations(table, gates, axes)
    names = ("", *(gate.name for gate, _ in in_order(gates)))
    return [
        one if one.problem else replace(one, per_ul=volumes.of(name)) for one, name in zip(found, names, strict=True)
    ]


def _population(
    table: EventTable, gates: Sequence[Gate], name: str, parent: str, depth: int, axes: Sequence[Axis]
) -> Population:
    try:
        within = gating.inside(table, gates, name)
        known = looked_at(table, lineage(gates, name))
        outer = int((gating.inside(table, gates, parent) & known).sum())
    except InputError as error:
        whole = (0, 0, table.rows, 0, table.images)
        return Population(name or gating.ALL, depth, table.sample, *whole, problem=str(error))
    x, y = (*(_summed(table, axis, within) for axis in axes[:2]), None, None)[:2]
    images = int((within & table.imaged).sum())
    numbers = (int(within.sum()), outer, int(known.sum()), images, int((known & table.imaged).sum()))
    return Population(name or gating.ALL, depth, table.sample, *numbers, x, y)


def _summed(table: EventTable, axis: Axis, within: NDArray[np.bool_]) -> Summary | None:
    """None where the sample lacks the parameter."""
    try:
        return summary(table.values(axis.parameter, axis.compensated)[within])
    except InputError:
        return None


STATISTICS = (
    *("Events", "% of parent", "% of all", "Images", "% of images"),
    *("Events/µl", "Events/µl low", "Events/µl high", "Cells/µl", "Cells/µl low", "Cells/µl high"),
    *("% imaged", "% supported"),
)
SUMS = ("n", "median", "mean", "CV %", "robust SD")


def statistics_header(axes: Sequence[Axis]) -> list[str]:
    return ["Sample", "Gate", *STATISTICS, *(f"{axis_name(axis)} {sum_}" for axis in axes for sum_ in SUMS)]


def statistics_row(population: Population, axes: Sequence[Axis] = ()) -> list[float]:
    """Its numbers, under the titles after sample and gate; NaN for what is unknown."""
    one = population
    row = [one.events, one.of_parent, one.of_all, one.images, one.of_images]
    for number in (one.per_ul.events, one.per_ul.cells):
        row += [math.nan] * 3 if number is None else astuple(number)
    row += [100 * one.per_ul.imaged, 100 * one.per_ul.support]
    if one.problem:
        row = [math.nan] * len(row)
    for _, part in zip(axes, (one.x, one.y), strict=False):
        row += [math.nan] * len(SUMS) if part is None else astuple(part)
    return [float(value) for value in row]


def why_empty(found: Sequence[Population]) -> list[str]:
    """Sentences on numbers per volume that are empty, one for each reason in a sample."""
    gates: dict[tuple[str, str], list[str]] = {}
    for one in found:
        if one.per_ul.why:
            gates.setdefault((one.sample, one.per_ul.why), []).append(one.gate)
    return [f"{sample} ({', '.join(names)}): {why}" for (sample, why), names in gates.items()]


def axis_name(axis: Axis) -> str:
    return f"{axis.parameter} (compensated)" if axis.compensated else axis.parameter


def export_statistics(
    path: Path,
    run: Run,
    found: Sequence[Population],
    axes: Sequence[Axis],
) -> int:
    """Writes statistics as CSV, with the samples' labels, as tubes of one unit are no independent numbers, and why
    numbers per volume are empty; returns the rows.

    Raises:
        CytpixError: it can't be written.
    """
    rows = np.array([statistics_row(population, axes) for population in found])
    shown = labels_of(run.settings.samples)
    labels = {sample.name: sample.labels(shown) for sample in run.settings.samples}
    first, gate, *others = statistics_header(axes)
    heads = [(p.sample, *labels[p.sample], p.gate, p.problem or p.per_ul.why) for p in found]
    _write_csv(path, [first, *shown.values(), gate, "Empty because", *others], csv_rows(heads, rows))
    return len(found)


def _write_csv(path: Path, header: Sequence[str], lines: str) -> None:
    try:
        with csv_table(path, header) as out:
            out.write(lines)
    except OSError as error:
        raise CytpixError(*refusal(error, path, "The table can't be written")) from error
