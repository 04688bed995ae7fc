"""`run gate DIR list|range|polygon|import|remove|use|export`: the gates of a run."""

from __future__ import annotations

import argparse
import functools
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import note, say, say_json, table
from tui_cytpix.errors import RunError, UsageError

if TYPE_CHECKING:
    from tui_cytpix.domain.gate import Axis
    from tui_cytpix.workflow.explore.event_table import EventTable
    from tui_cytpix.workflow.explore.populations import Population
    from tui_cytpix.workflow.run.run import Run

KINDS = ("linear", "arcsinh", "logicle")


def add(verbs: Any) -> None:
    """Adds `gate` to the verbs of `run`."""
    what = "gates on parameters of events: list, add, remove, draw images from"
    gate = options.add_verb(verbs, "gate", what, of_run=True)
    own = gate.add_subparsers(required=True, metavar="WHAT", dest="gate_verb", parser_class=options.Parser)
    verb = functools.partial(options.add_verb, own)

    listing = verb("list", "every gate with its events, by sample", list_gates)
    listing.add_argument("--parameter", dest="parameters", nargs="+", default=[], metavar="P", help="sum up these, two")
    listing.add_argument("--out", type=Path, metavar="FILE.csv", help="write the table there as well, to a new file")

    range_ = verb("range", "a gate on one parameter, both ends inside", add_range)
    range_.add_argument("name", metavar="NAME")
    range_.add_argument("parameter", metavar="PARAMETER")
    range_.add_argument("low", type=float, metavar="LOW")
    range_.add_argument("high", type=float, metavar="HIGH")
    _add_common(range_)

    polygon = verb("polygon", "a gate on two parameters", add_polygon)
    polygon.add_argument("name", metavar="NAME")
    polygon.add_argument("x", metavar="X_PARAMETER")
    polygon.add_argument("y", metavar="Y_PARAMETER")
    corner = "values of both parameters; repeat, at least three times"
    polygon.add_argument(
        "--corner", dest="corners", nargs=2, type=float, action="append", required=True, metavar=("X", "Y"), help=corner
    )
    scale = "on which the sides are straight; default: as the app would show the parameter"
    polygon.add_argument("--x-scale", choices=KINDS, default="", help=scale)
    polygon.add_argument("--y-scale", choices=KINDS, default="", help="likewise")
    _add_common(polygon)

    take = verb("import", "the gates of a FlowJo workspace (needs the extra `flowjo`)", import_gates)
    take.add_argument("workspace", type=Path, metavar="FILE.wsp")
    which = "take this sample's; default: those that are the same in all samples of the run"
    take.add_argument("--sample", default="", metavar="NAME", help=which)

    remove = verb("remove", "a gate, and those that lie in it", remove_gate)
    remove.add_argument("name", metavar="NAME")

    use = verb("use", "draw the images of steps 1, 3 and 5 from this gate only", use_gate)
    use.add_argument("name", nargs="?", default="", metavar="NAME", help="none given: from all events again")

    export = verb("export", "the events of a gate: .csv with every parameter, or .fcs", export_gate)
    export.add_argument("name", metavar="NAME")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    export.add_argument("--sample", default="", metavar="NAME", help="where the run has several")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", default="", metavar="GATE", help="the gate that it lies in")
    parser.add_argument("--compensated", action="store_true", help="on compensated values")


def _tables(run: Run) -> list[EventTable]:
    """Of the samples that can be read; the others are named."""
    from tui_cytpix.workflow.explore.event_table import open_tables

    tables, problems = open_tables(run, [sample.name for sample in run.settings.samples])
    note(*problems)
    if not tables:
        raise RunError("No sample of the run can be read", f"{run.path}.", "Put them back where they were.")
    return tables


def list_gates(arguments: argparse.Namespace) -> int:
    """Statistics of all; reads only, so that it works beside an open app."""
    from tui_cytpix.domain.gate import Axis
    from tui_cytpix.workflow.explore import populations as explore_populations
    from tui_cytpix.workflow.run.outputs import refuse_existing
    from tui_cytpix.workflow.run.run import Run

    if len(arguments.parameters) > 2:
        raise UsageError("Too many parameters", ", ".join(arguments.parameters), "Give one or two.")
    if arguments.out is not None:
        refuse_existing(arguments.out)
    run = Run.open(arguments.run, writing=False)
    try:
        axes = [Axis(name) for name in arguments.parameters]
        tables = _tables(run)
        for axis in axes:
            _having(tables, axis.parameter)
        found = [one for each in tables for one in explore_populations.populations(each, run.settings.gates, axes)]
        if arguments.out is not None:
            explore_populations.export_statistics(arguments.out, tables, run.settings.gates, axes)
    finally:
        run.close()
    if arguments.json:
        gates = [{"name": g.name, "parent": g.parent, "definition": g.describe()} for g in run.settings.gates]
        used = run.settings.selection.gate
        populations = [asdict(one) | {"percent_of_parent": one.of_parent} for one in found]
        say_json({"run": str(run.path), "gates": gates, "selection": used, "populations": populations})
        return 0
    for gate in run.settings.gates:
        note(f"{gate.name}: {gate.describe()}")
    say(*table(explore_populations.statistics_header(axes), [_row(one, axes) for one in found]))
    if run.settings.selection.gate:
        note(f"The selection draws from {run.settings.selection.gate}.")
    return 0


def _row(one: Population, axes: list[Axis]) -> list[str]:
    from tui_cytpix.workflow.explore import populations as explore_populations

    numbers = explore_populations.statistics_row(one, axes)
    return [one.sample, "  " * one.depth + one.gate, *(f"{n:.6g}" if n == n else "-" for n in numbers)]  # noqa: PLR0124


def _axis(tables: list[EventTable], parameter: str, kind: str, compensated: bool) -> Axis:
    """On the first sample that has it.

    Raises:
        SampleError: none has, or it can't be compensated.
    """
    from tui_cytpix.workflow.explore import plot

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
    from tui_cytpix.domain.gate import Gate
    from tui_cytpix.workflow.explore import gates
    from tui_cytpix.workflow.run.run import Run

    with options.writing(Run.open(arguments.run)) as run:
        tables = _tables(run)
        axes = tuple(_axis(tables, name, kind, arguments.compensated) for name, kind in parameters)
        try:
            gate = Gate(arguments.name, axes, corners, arguments.parent)
        except ValueError as error:
            raise UsageError("The gate can't be kept", f"{error}.") from error
        gates.add(run, gate)
    if arguments.json:
        say_json({"run": str(run.path), "gate": asdict(gate)})
    else:
        say(f"{gate.name}: {gate.describe()}")
    return 0


def import_gates(arguments: argparse.Namespace) -> int:
    """Status 1 where some are left out."""
    from tui_cytpix.workflow.explore import flowjo, gates
    from tui_cytpix.workflow.run.run import Run

    with options.writing(Run.open(arguments.run)) as run:
        found = flowjo.find_gates(run, arguments.workspace, arguments.sample)
        gates.add(run, *found.gates)
    if arguments.json:
        say_json({"run": str(run.path), "workspace": str(arguments.workspace), **asdict(found)})
    else:
        say(*(f"{gate.name}: {gate.describe()}" for gate in found.gates))
        note(*(f"{name} is {own} in the workspace." for name, own in found.samples.items()))
        note(*found.details, found.summary)
    return 1 if found.left_out else 0


def remove_gate(arguments: argparse.Namespace) -> int:
    """Says what went with it."""
    from tui_cytpix.workflow.explore import gates
    from tui_cytpix.workflow.run.run import Run

    with options.writing(Run.open(arguments.run)) as run:
        gone = gates.remove(run, arguments.name)
    if arguments.json:
        say_json({"run": str(run.path), "removed": gone})
    else:
        say(f"removed: {', '.join(gone)}")
    return 0


def use_gate(arguments: argparse.Namespace) -> int:
    """For the next draw of steps 1, 3 and 5."""
    from tui_cytpix.workflow.explore import gates
    from tui_cytpix.workflow.run.run import Run

    with options.writing(Run.open(arguments.run)) as run:
        gates.use_for_drawing(run, arguments.name)
    if arguments.json:
        say_json({"run": str(run.path), "selection": arguments.name})
    else:
        say(f"images are drawn from {arguments.name or gates.ALL}")
    return 0


def export_gate(arguments: argparse.Namespace) -> int:
    """Events of one sample."""
    from tui_cytpix.workflow.explore import gates
    from tui_cytpix.workflow.explore import populations as explore_populations
    from tui_cytpix.workflow.explore.event_table import EventTable
    from tui_cytpix.workflow.run.outputs import refuse_existing
    from tui_cytpix.workflow.run.run import Run

    refuse_existing(arguments.out)
    run = Run.open(arguments.run, writing=False)
    try:
        gates.find(run, arguments.name)
        names = [sample.name for sample in run.settings.samples]
        sample = arguments.sample or (names[0] if len(names) == 1 else "")
        if sample not in names:
            raise UsageError("Which sample?", f"{arguments.sample}.", f"Give --sample, one of {', '.join(names)}.")
        written = EventTable(run, sample)
        count = explore_populations.export_events(arguments.out, written, run.settings.gates, arguments.name)
    finally:
        run.close()
    if arguments.json:
        say_json({"run": str(run.path), "sample": sample, "gate": arguments.name, "events": count})
    else:
        say(f"{count} events of {sample} in {arguments.name}: {arguments.out}")
    return 0
