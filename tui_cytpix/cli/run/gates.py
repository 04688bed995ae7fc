"""`run gate DIR list|range|polygon|import|remove|use|image|export`: the gates of a run."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from tui_cytpix.cli import options
from tui_cytpix.cli.output import note, say, say_json, table, tell
from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import RunError, UsageError
from tui_cytpix.workflow.explore import flowjo, gates, per_volume, plot
from tui_cytpix.workflow.explore import populations as explore_populations
from tui_cytpix.workflow.explore.event_table import EventTable, open_tables
from tui_cytpix.workflow.explore.exported_events import export_events
from tui_cytpix.workflow.explore.populations import Population
from tui_cytpix.workflow.run.refuse_existing import refuse_existing
from tui_cytpix.workflow.run.run import Run


def _tables(run: Run) -> list[EventTable]:
    """Of the samples that can be read; the others are named."""
    tables, problems = open_tables(run, [sample.name for sample in run.settings.in_use])
    note(*problems)
    if not tables:
        raise RunError("No sample of the run can be read", f"{run.path}.", "Put them back where they were.")
    return tables


def list_gates(arguments: argparse.Namespace) -> int:
    """Statistics of all; reads only, so that it works beside an open app."""
    if len(arguments.parameters) > 2:
        raise UsageError("Too many parameters", ", ".join(arguments.parameters), "Give one or two.")
    if arguments.out is not None:
        refuse_existing(arguments.out)
    with Run.open(arguments.run, writing=False) as run:
        axes = [Axis(name) for name in arguments.parameters]
        tables = _tables(run)
        for axis in axes:
            _having(tables, axis.parameter)
        found = [one for each in tables for one in explore_populations.statistics(each, run, axes)]
        if arguments.out is not None:
            explore_populations.export_statistics(arguments.out, run, found, axes)
    if arguments.json:
        gates = [{"name": g.name, "parent": g.parent, "definition": g.describe()} for g in run.settings.gates]
        used = run.settings.selection.gate
        populations = [asdict(one) | {"percent_of_parent": one.of_parent} for one in found]
        named = {"image_gate": run.settings.image_gate, "counter": run.settings.counter}
        say_json({"run": str(run.path), "gates": gates, "selection": used, **named, "populations": populations})
        return 0
    note(*(f"{gate.name}: {gate.describe()}" for gate in run.settings.gates))
    say(*table(explore_populations.statistics_header(axes), [_row(one, axes) for one in found]))
    if run.settings.selection.gate:
        note(f"The selection draws from {run.settings.selection.gate}.")
    note(*explore_populations.why_empty(found))
    return 0


def _row(one: Population, axes: list[Axis]) -> list[str]:
    numbers = explore_populations.statistics_row(one, axes)
    return [one.sample, "  " * one.depth + one.gate, *(f"{n:.6g}" if n == n else "-" for n in numbers)]  # noqa: PLR0124


def _axis(tables: list[EventTable], parameter: str, kind: str, compensated: bool) -> Axis:
    """On the first sample that has it.

    Raises:
        SampleError: none has, or it can't be compensated.
    """
    having = _having(tables, parameter)
    having.values(parameter, compensated)
    return plot.axis_for(having, parameter, kind, compensated)


def _having(tables: list[EventTable], parameter: str) -> EventTable:
    """The first sample with that parameter.

    Raises:
        SampleError: none has it.
    """
    found = next((each for each in tables if parameter in [known.name for known in each.parameters]), tables[0])
    found.parameter(parameter)
    return found


def add_range(arguments: argparse.Namespace) -> int:
    """A range has no scale: its ends are values."""
    corners = ((arguments.low,), (arguments.high,))
    return _add(arguments, [(arguments.parameter, "linear")], corners)


def add_polygon(arguments: argparse.Namespace) -> int:
    """Its sides are straight on the scales."""
    axes = [(arguments.x, arguments.x_scale), (arguments.y, arguments.y_scale)]
    return _add(arguments, axes, tuple(tuple(corner) for corner in arguments.corners))


def _add(
    arguments: argparse.Namespace, parameters: list[tuple[str, str]], corners: tuple[tuple[float, ...], ...]
) -> int:
    with options.writing(Run.open(arguments.run)) as run:
        tables = _tables(run)
        axes = tuple(_axis(tables, name, kind, arguments.compensated) for name, kind in parameters)
        try:
            gate = Gate(arguments.name, axes, corners, arguments.parent)
        except ValueError as error:
            raise UsageError("The gate can't be kept", f"{error}.") from error
        gates.add(run, gate)
    tell(arguments.json, {"run": str(run.path), "gate": asdict(gate)}, f"{gate.name}: {gate.describe()}")
    return 0


def import_gates(arguments: argparse.Namespace) -> int:
    """Status 1 where some are left out."""
    with options.writing(Run.open(arguments.run)) as run:
        found = flowjo.find_gates(run, arguments.workspace, arguments.sample)
        gates.add(run, *found.gates)
    tell(
        arguments.json,
        {"run": str(run.path), "workspace": str(arguments.workspace), **asdict(found)},
        *(f"{gate.name}: {gate.describe()}" for gate in found.gates),
    )
    if not arguments.json:
        note(*(f"{name} is {own} in the workspace." for name, own in found.samples.items()))
        note(*found.details, found.summary)
    return 1 if found.left_out else 0


def remove_gate(arguments: argparse.Namespace) -> int:
    with options.writing(Run.open(arguments.run)) as run:
        gone = gates.remove(run, arguments.name)
    tell(arguments.json, {"run": str(run.path), "removed": gone}, f"removed: {', '.join(gone)}")
    return 0


def use_gate(arguments: argparse.Namespace) -> int:
    with options.writing(Run.open(arguments.run)) as run:
        gates.use_for_drawing(run, arguments.name)
    tell(
        arguments.json,
        {"run": str(run.path), "selection": arguments.name},
        f"images are drawn from {arguments.name or gates.ALL}",
    )
    return 0


def name_image_gate(arguments: argparse.Namespace) -> int:
    """Status 1 where it can't be that gate in some sample."""
    with options.writing(Run.open(arguments.run)) as run:
        problems = per_volume.name_image_gate(run, _tables(run), arguments.name, arguments.counter)
    named = f"the instrument imaged from {arguments.name}" if arguments.name else "no image gate is named"
    tell(arguments.json, {"run": str(run.path), "image_gate": arguments.name, "problems": problems}, named)
    note(*problems)
    return 1 if problems else 0


def export_gate(arguments: argparse.Namespace) -> int:
    refuse_existing(arguments.out)
    with Run.open(arguments.run, writing=False) as run:
        if arguments.name:
            gates.find(run, arguments.name)
        written = EventTable(run, _sample(run, arguments.sample))
        done = export_events(arguments.out, written, run.settings.gates, arguments.name, prefix=arguments.prefix)
    gate = arguments.name or gates.ALL
    tell(
        arguments.json,
        {
            "run": str(run.path),
            "sample": written.sample,
            "gate": gate,
            "events": done.events,
            "problems": list(done.problems),
        },
        f"{done.events} events of {written.sample} in {gate}: {arguments.out}",
    )
    note(*(f"no column of the gate {problem}" for problem in done.problems))
    return 0


def _sample(run: Run, named: str) -> str:
    """The one that is named, or the only one.

    Raises:
        UsageError: there is no such sample, or there are several.
    """
    names = [sample.name for sample in run.settings.in_use]
    sample = named or (names[0] if len(names) == 1 else "")
    if sample not in names:
        why = f"The run has no {printable(named)}" if named else f"The run has {len(names)}"
        raise UsageError("Which sample?", f"{why}.", f"Give --sample, one of {', '.join(names)}.")
    return sample
