"""Gates of a FlowJo workspace, taken into a run.

A run's gates apply to all its samples, a workspace keeps its own for each: those that are the same in every sample that
is in both are taken, or those of one sample. What can't be taken is named with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tui_cytpix.core.features.table import names
from tui_cytpix.domain.gate import LINEAR, Axis, Gate, Scale
from tui_cytpix.domain.sample import SampleRef
from tui_cytpix.errors import CytpixError, InputError, UsageError
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.fcs.spillover import Spillover, read_spillover
from tui_cytpix.formats.flowjo.scales import OPEN
from tui_cytpix.formats.flowjo.workspace import WorkspaceGate, WorkspaceSample, read_workspace, stems
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.run.run import Run

SAME_WEIGHT = 1e-6  # FlowJo writes a matrix with ten decimals
_Path = tuple[str, ...]
_Outline = tuple[tuple[Axis, ...], tuple[tuple[float, ...], ...]]


@dataclass(frozen=True)
class Imported:
    """What came of it: `samples` are the run's with their names in the workspace, `gates` are new to the run,
    `left_out` has a reason for each gate that isn't, by its path; `notes` are sentences.
    """

    samples: Mapping[str, str]
    gates: tuple[Gate, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        return f"Gates: {len(self.gates)} imported, {len(self.left_out)} left out."

    @property
    def details(self) -> list[str]:
        """What is left out and why, then the notes, a sentence or two each."""
        return [*(f"Left out: {name}: {why}" for name, why in self.left_out.items()), *self.notes]


def find_gates(run: Run, path: Path, sample: str = "") -> Imported:
    """The gates of a workspace that the run can take: those equal in all samples that both have, or `sample`'s.
    `gates.add` keeps them, in one step.

    Raises:
        InputError: the workspace can't be read, or has no sample of the run.
        UsageError: the run has no such sample.
    """
    refs = [ref for ref in run.settings.samples if sample in ("", ref.name)]
    if not refs:
        existing = ", ".join(ref.name for ref in run.settings.samples) or "none"
        raise UsageError("The run has no such sample", f"{sample}.", f"Its samples: {existing}.")
    workspace = read_workspace(path)
    samples: dict[str, str] = {}
    outlines: dict[str, dict[_Path, _Outline | str]] = {}
    notes: list[str] = []
    for ref in refs:
        try:
            fcs, own = _matched(run, ref, workspace)
        except CytpixError as error:
            notes.append(f"{ref.name} is left aside: {error}")
            continue
        samples[ref.name] = own.name
        outlines[ref.name] = _outlines(fcs, own, notes)
    if not samples:
        raise InputError("No sample of the run can be found in the workspace", f"{path}: {' '.join(notes)}")
    left_out: dict[_Path, str] = {}
    new = _named(run, _common(outlines, left_out), left_out, notes)
    named = {"/".join(at): why for at, why in left_out.items()}
    return Imported(samples, tuple(new), named, tuple(dict.fromkeys(notes)))


def _matched(run: Run, ref: SampleRef, workspace: Sequence[WorkspaceSample]) -> tuple[FcsFile, WorkspaceSample]:
    """A sample's FCS, and the sample of the workspace that has the same file name.

    Raises:
        CytpixError: there is no FCS, or not one such sample, or it can't be read.
    """
    reader = run.images.reader(ref.name)
    fcs = reader.open_fcs()
    if fcs is None:
        raise InputError("It has no FCS that can be read")
    files = stems([reader.info().fcs_path or "", fcs.text.get("$FIL", ""), fcs.path.name])
    found = [own for own in workspace if files & stems((own.name, *own.files))]
    if len(found) != 1:
        known = ", ".join(own.name for own in workspace[:20])
        how = "has no sample" if not found else f"has {len(found)} samples"
        raise InputError(f"The workspace {how} called {' or '.join(sorted(files))}", f"Its samples: {known}.")
    if found[0].problem:
        raise InputError("Its gates can't be read", found[0].problem)
    return fcs, found[0]


def _outlines(fcs: FcsFile, own: WorkspaceSample, notes: list[str]) -> dict[_Path, _Outline | str]:
    """The sample's gates by path, or why they can't be taken; notes about those that can are added."""
    of_images = set(names("image"))
    spillover = read_spillover(fcs)
    found: dict[_Path, _Outline | str] = {}
    for gate in own.gates:
        if gate.problem:
            found[gate.path] = gate.problem
            continue
        try:
            outline = _outline(gate, fcs, own, spillover)
        except ValueError as error:
            found[gate.path] = str(error)
            continue
        found[gate.path] = outline
        what = list(gate.notes)
        if any(axis.parameter in of_images for axis in outline[0]):
            what.append("Events without an image lie outside, whereas FlowJo sees their 0")
        notes += [f"{'/'.join(gate.path)}: {note}." for note in what]
    return found


def _outline(gate: WorkspaceGate, fcs: FcsFile, own: WorkspaceSample, spillover: Spillover) -> _Outline:
    """Raises:
    ValueError: with a sentence on why this program can't express it.
    """
    axes = []
    corners = np.array(gate.corners, np.float64)
    for n, (parameter, scale) in enumerate(zip(gate.parameters, gate.scales, strict=True)):
        name = _in_fcs(parameter, fcs)
        compensated = gate.compensated[n] and _compensated(parameter, fcs, own, spillover)
        axes.append(Axis(name, scale, compensated))
        corners[:, n] = _as_stored(corners[:, n], name, scale, fcs)
    if len(axes) == 2 and axes[0].parameter == axes[1].parameter:
        raise ValueError("Both its axes are the same parameter.")
    return tuple(axes), tuple(tuple(corner) for corner in corners.tolist())


def _in_fcs(parameter: str, fcs: FcsFile) -> str:
    """FlowJo writes `_` for `/`."""
    for name in fcs.names:
        if parameter in (name, name.replace("/", "_")):
            return name
    raise ValueError(f"The sample's FCS has no {parameter}.")


def _as_stored(values: np.ndarray, name: str, scale: Scale, fcs: FcsFile) -> np.ndarray:
    """FlowJo shows time in seconds, this program as it is stored."""
    said = fcs.text.get("$TIMESTEP", "").strip()
    if name.casefold() != "time" or not said:
        return values
    step = float(said)
    if scale.kind != LINEAR or not step > 0:
        raise ValueError("It lies on time, on a scale that isn't linear or with a time step that is no number above 0.")
    return np.where(np.abs(values) < OPEN, values / step, values)


def _compensated(parameter: str, fcs: FcsFile, own: WorkspaceSample, spillover: Spillover) -> bool:
    """Whether the parameter, compensated in the workspace, is to be compensated here: not where nothing spills into it.

    Raises:
        ValueError: the workspace's matrix isn't the file's.
    """
    if own.spillover is None:
        raise ValueError("It lies on values unmixed from a spectrum.")
    column = np.linalg.inv(own.spillover)[:, own.detectors.index(parameter)]
    theirs = {_in_fcs(other, fcs): w for other, w in zip(own.detectors, column.tolist(), strict=True) if w}
    name = _in_fcs(parameter, fcs)
    if theirs == {name: 1.0}:
        return False
    if not spillover.usable or name not in spillover.names:
        why = spillover.problem or "The file's matrix leaves it out."
        raise ValueError(f"{name} is compensated in the workspace, and can't be here: {why}")
    ours = spillover.weights(name)
    if any(abs(ours.get(key, 0.0) - theirs.get(key, 0.0)) > SAME_WEIGHT for key in {*ours, *theirs}):
        raise ValueError(f"{name} is compensated in the workspace by another matrix than the file's.")
    return True


def _common(
    outlines: Mapping[str, Mapping[_Path, _Outline | str]], left_out: dict[_Path, str]
) -> dict[_Path, _Outline]:
    """The gates that all samples have alike, parents first; a reason for each of the others is added."""
    found: dict[_Path, _Outline] = {}
    for path in dict.fromkeys(path for own in outlines.values() for path in own):
        having = [name for name, own in outlines.items() if path in own]
        reasons = {name: why for name in having if isinstance(why := outlines[name][path], str)}
        first = outlines[having[0]][path]
        if path[:-1] in left_out:
            left_out[path] = f"It lies in {path[-2]}, which is left out."
        elif reasons:
            left_out[path] = " ".join(dict.fromkeys(reasons.values()))
        elif len(having) < len(outlines):
            left_out[path] = f"Only {', '.join(having)} has it: take one sample's gates (--sample NAME)."
        elif any(outlines[name][path] != first for name in having):
            left_out[path] = f"It differs between {', '.join(having)}: take one sample's gates (--sample NAME)."
        else:
            assert not isinstance(first, str)
            found[path] = first
    return found


def _named(run: Run, common: Mapping[_Path, _Outline], left_out: dict[_Path, str], notes: list[str]) -> list[Gate]:
    """As gates of the run. Those that are in the run already are noted, those that can't be named left out."""
    known = {gate.name: gate for gate in run.settings.gates}
    named: dict[_Path, str] = {}
    new: list[Gate] = []
    for path, outline in common.items():
        if path[:-1] in left_out:
            left_out[path] = f"It lies in {path[-2]}, which is left out."
            continue
        try:
            gate = _under_a_free_name(known, path, outline, named.get(path[:-1], ""))
        except ValueError as error:
            left_out[path] = f"It can't be kept: {error}."
            continue
        named[path] = gate.name
        if gate.name != path[-1]:
            notes.append(f"{'/'.join(path)} is called {gate.name} here: {path[-1]} is another gate.")
        if gate.name in known:
            notes.append(f"{gate.name} is in the run already.")
            continue
        known[gate.name] = gate
        new.append(gate)
    return new


def _under_a_free_name(known: Mapping[str, Gate], path: _Path, outline: _Outline, parent: str) -> Gate:
    """Its own name, or with its parents' before it; one that is known is free for the very same gate.

    Raises:
        ValueError: there is none.
    """
    for count in range(1, len(path) + 1):
        gate = Gate("/".join(path[-count:]), *outline, parent)
        if gate.name != gates.ALL and known.get(gate.name, gate) == gate:
            return gate
    raise ValueError(f"{path[-1]} is another gate in the run; remove that first, or rename one")
