"""The gates of a run: added, removed, applied to a sample's events, and restricting what images are drawn from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.gate import Gate, Members, check_gates, in_order, lineage
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.sample_names import names_together
from tui_cytpix.domain.words import did_you_mean, printable
from tui_cytpix.errors import CytpixError, SampleError, UsageError
from tui_cytpix.workflow.explore.event_table import EventTable, on_scale
from tui_cytpix.workflow.run.run import Run

ALL = "all events"


def add(run: Run, *new: Gate) -> None:
    """Keeps gates in the run, all of them or none.

    Raises:
        UsageError: there is one of that name, or no such parent.
    """
    gates = (*run.settings.gates, *new)
    if any(gate.name == ALL for gate in new):
        raise UsageError("A gate can't be called so", f"{ALL!r} means that no gate is chosen.", "Give another name.")
    try:
        check_gates(gates)
    except ValueError as error:
        raise UsageError(
            "The gate can't be kept", f"{error}.", "Give another name, or a parent that exists."
        ) from error
    run.update(replace(run.settings, gates=gates))


def remove(run: Run, name: str) -> tuple[str, ...]:
    """Removes a gate and those that lie in it; returns their names. A selection that was drawn from it stays.

    Raises:
        UsageError: there is no such gate.
    """
    find(run, name)
    gates = run.settings.gates
    gone = tuple(gate.name for gate in gates if name in [outer.name for outer in lineage(gates, gate.name)])
    selection = run.settings.selection
    if selection.gate in gone:
        selection = replace(selection, gate="")
    kept = tuple(gate for gate in gates if gate.name not in gone)
    image_gate = "" if run.settings.image_gate in gone else run.settings.image_gate
    run.update(replace(run.settings, gates=kept, selection=selection, image_gate=image_gate))
    return gone


def find(run: Run, name: str) -> Gate:
    """The gate of that name.

    Raises:
        UsageError: there is none; those that exist are listed.
    """
    for gate in run.settings.gates:
        if gate.name == name:
            return gate
    existing = [gate.name for gate, _ in in_order(run.settings.gates)]
    way_out = did_you_mean(name, existing) or f"Its gates: {', '.join(existing) or 'none'}."
    raise UsageError("The run has no such gate", f"{name}.", way_out)


def use_for_drawing(run: Run, name: str) -> None:
    """Steps 1, 3 and 5 draw only images of events in this gate from now on; "" lifts that.

    Raises:
        UsageError: there is no such gate.
    """
    if name:
        find(run, name)
    run.update(replace(run.settings, selection=replace(run.settings.selection, gate=name)))


def inside(table: EventTable, gates: Sequence[Gate], name: str) -> NDArray[np.bool_]:
    """Which events are in a gate and in those that it lies in, bool (N,); all for "".

    Raises:
        SampleError: the sample lacks a parameter, or the compensation, that a gate needs.
    """
    return all_of(table, lineage(gates, name))


def all_of(table: EventTable, path: Sequence[Gate]) -> NDArray[np.bool_]:
    """Which events are in each of some gates, bool (N,); raises as `inside`."""
    return table.mask(tuple(path), lambda: _all_of(table, path))


def _all_of(table: EventTable, path: Sequence[Gate]) -> NDArray[np.bool_]:
    found = np.ones(table.rows, bool)
    for gate in path:
        found &= _alone(table, gate)
    return found


def _alone(table: EventTable, gate: Gate) -> NDArray[np.bool_]:
    from tui_cytpix.core.events.gating import in_polygon, in_range

    if len(gate.axes) == 1:
        (axis,) = gate.axes
        return in_range(table.values(axis.parameter, axis.compensated), gate.corners[0][0], gate.corners[1][0])
    corners = np.array(gate.corners, np.float64)
    placed = np.stack([on_scale(corners[:, n], axis.scale) for n, axis in enumerate(gate.axes)], axis=1)
    x, y = (table.scaled(axis) for axis in gate.axes)
    return in_polygon(x, y, placed)


def members(table: EventTable, gates: Sequence[Gate]) -> tuple[Members, list[str]]:
    """Which events are in which of the gates that can be applied to a sample; sentences about the others."""
    names, words, rows, problems = [], [], [np.zeros((0, table.rows), bool)], []
    for gate, _ in in_order(gates):
        try:
            rows.append(inside(table, gates, gate.name)[None])
        except CytpixError as error:
            problems.append(f"{gate.name}: {error}")
            continue
        names.append(gate.name)
        words.append(printable(_lineage_in_words(gates, gate.name)))
    return Members.of(names, words, np.concatenate(rows)), problems


def members_in_fcs(table: EventTable, gates: Sequence[Gate]) -> tuple[Members, list[str]]:
    """As `members`, for the sample's FCS; of no gate where it has none."""
    return members(table, gates if table.has_fcs else ())


def images_inside(table: EventTable, gates: Sequence[Gate], name: str) -> list[str]:
    """The event ids, in natural order, of the images whose events are in a gate; raises as `inside`."""
    within = inside(table, gates, name)
    return [event for event, row in table.image_rows.items() if within[row]]


def images_of(run: Run, name: str, keys: Collection[ImageKey]) -> tuple[set[ImageKey], list[str]]:
    """Those of some images whose events are in a gate, and sentences about samples to which it can't be applied; all
    for "".
    """
    if not name:
        return set(keys), []
    found: set[ImageKey] = set()
    problems = []
    for sample in dict.fromkeys(key.sample for key in keys):
        try:
            inside = set(images_inside(EventTable(run, sample), run.settings.gates, name))
        except CytpixError as error:
            problems.append(str(error))
            continue
        found |= {key for key in keys if key.sample == sample and key.event in inside}
    return found, problems


def to_draw_from(run: Run, samples: Sequence[SampleRef]) -> dict[str, Sequence[str]]:
    """By sample the events whose images may be drawn: those in the gate in use, or all.

    Raises:
        SampleError: a sample can't be read, lacks a parameter of the gate, or no image of any is in it.
    """
    name = run.settings.selection.gate
    if not name:
        return {sample.name: run.images.reader(sample.name).event_ids for sample in samples}
    found = {s.name: images_inside(EventTable(run, s.name), run.settings.gates, name) for s in samples}
    if samples and not any(found.values()):
        raise SampleError(
            "No image lies in the gate", drawn_in_words(run, found), "Draw from another gate, or from all events."
        )
    return dict(found)


def drawn_in_words(run: Run, inside: Mapping[str, Sequence[str]]) -> str:
    """What the gate in use lets through of some samples, a sentence or two."""
    shares = [
        f"{len(some)} of {len(run.images.reader(name).event_ids)} images of {name}" for name, some in inside.items()
    ]
    return f"Drawn only from the gate {in_words(run, run.settings.selection.gate)}. It holds {', '.join(shares)}."


@dataclass(frozen=True)
class RunGate:
    """A gate of a run that is open for reading, to be applied to samples that need not be the run's; "": all events."""

    run: Run
    name: str

    @classmethod
    def of(cls, folder: Path, name: str) -> RunGate:
        """Raises:
        RunError: there is no such run.
        UsageError: it has no such gate.
        """
        run = Run.open(folder, writing=False)
        if name:
            find(run, name)
        return cls(run, name)

    @property
    def words(self) -> str:
        return in_words(self.run, self.name)

    def events_of(self, path: Path) -> Sequence[str]:
        """The ids, in natural order, of the imaged events of the sample at `path` that are in the gate.

        Raises:
            SampleError: the sample can't be read, lacks a parameter of the gate, or has no image in it.
        """
        inside = images_inside(self._table(path), self.run.settings.gates, self.name)
        if not inside:
            raise SampleError("No image lies in the gate", f"{path}: {self.words}.", "Take another gate, or none.")
        return inside

    def members_of(self, path: Path) -> tuple[Members, list[str]]:
        """As `members_in_fcs`, of the run's gates, for the sample at `path`.

        Raises:
            SampleError: it can't be read.
        """
        return members_in_fcs(self._table(path), self.run.settings.gates)

    def _table(self, path: Path) -> EventTable:
        samples = self.run.settings.samples
        sample = next((s for s in samples if self.run.folder.sample_path(s) == path.resolve()), None)
        if sample is None:
            taken = {s.name: self.run.folder.sample_path(s) for s in samples}
            sample = SampleRef(names_together([path], taken)[0], str(path.resolve()), 0, "")
            self.run.take_along(sample)
        return EventTable(self.run, sample.name)


def in_words(run: Run, name: str) -> str:
    """A gate with its name, and what it lies in, for notes; "" for none."""
    return _lineage_in_words(run.settings.gates, name)


def _lineage_in_words(gates: Sequence[Gate], name: str) -> str:
    return "; ".join(f"{gate.name}: {replace(gate, parent='').describe()}" for gate in lineage(gates, name))
