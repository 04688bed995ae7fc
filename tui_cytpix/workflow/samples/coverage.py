"""How far a selection reaches: its picture over its population, kept in the run so that it comes back with it, and the
share of each research sample that looks like something selected.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.bytes.atomic import write_bytes
from tui_cytpix.formats.bytes.npz import read_npz
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.run.run import OnProgress, Run
from tui_cytpix.workflow.samples import selection as selecting
from tui_cytpix.workflow.samples.selection import Selection

WELL_COVERED = 0.8  # below it the sample, or the gate, is told
FARTHEST = 1e6  # of a place in the picture, in either direction
MOST_BYTES = 64 << 20
FEWEST = 10  # images that a share is told of


@dataclass(frozen=True)
class Coverage:
    """Of a research sample, or of a gate in it: `near` of `images` random ones have a selected image nearby."""

    sample: str
    gate: str
    images: int
    near: int

    @property
    def share(self) -> float:
        """0 to 1; NaN without images."""
        return self.near / self.images if self.images else float("nan")

    def in_words(self) -> str:
        """Such as `t1: 93 % of 400 images have a selected one nearby`."""
        where = f"{self.sample}, gate {self.gate}" if self.gate else self.sample
        if self.images < FEWEST:
            return f"{where}: {self.images} images beside those selected: too few to tell the coverage."
        advice = "" if self.share >= WELL_COVERED else " Poorly covered: select more, or mark it for training."
        return f"{where}: {self.share:.0%} of {self.images} images have a selected one nearby.{advice}"


def figures(run: Run, selection: Selection) -> list[Coverage]:
    """Of each research sample with probed images; then of the gates in it, where it has their parameters and at least
    FEWEST images in them.
    """
    found = []
    for sample in dict.fromkeys(key.sample for key in selection.probed):
        of_sample = [
            (key, near) for key, near in zip(selection.probed, selection.near, strict=True) if key.sample == sample
        ]
        found.append(Coverage(sample, "", len(of_sample), sum(near for _, near in of_sample)))
        for gate, inside in _gates(run, sample):
            within = [near for key, near in of_sample if key.event in inside]
            if len(within) >= FEWEST:
                found.append(Coverage(sample, gate, len(within), sum(within)))
    return found


def _gates(run: Run, sample: str) -> list[tuple[str, set[str]]]:
    """Each gate that can be applied to the sample, with its images' event ids."""
    found: list[tuple[str, set[str]]] = []
    if not run.settings.gates:
        return found
    try:
        table = EventTable(run, sample)
    except CytpixError:
        return found
    for gate in run.settings.gates:
        try:
            found.append((gate.name, set(gates.images_inside(table, run.settings.gates, gate.name))))
        except CytpixError:
            continue
    return found


def uncovered(selection: Selection) -> list[ImageKey]:
    """The probed images that have no selected one nearby."""
    return [key for key, near in zip(selection.probed, selection.near, strict=True) if not near]


def _path(run: Run) -> Path:
    return run.folder.preview / "coverage.npz"


def save(run: Run, selection: Selection) -> None:
    """Writes names, positions and what is nearby. Like any cache it may be deleted."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        keys=np.array([str(key) for key in selection.candidates], dtype=np.str_),
        positions=np.asarray(selection.positions, np.float32),
        notes=np.array(list(selection.notes), dtype=np.str_),
        looked=np.array([str(key) for key in selection.probed], dtype=np.str_),
        near=np.array(selection.near, bool),
        axes=np.array(selection.axes, dtype=np.str_),
    )
    _path(run).parent.mkdir(parents=True, exist_ok=True)
    write_bytes(_path(run), buffer.getvalue())


def select(run: Run, preview: int, on_progress: OnProgress = lambda _done, _total: None) -> Selection:
    """`selection.select`, with its picture kept in the run. Raises as that does."""
    found = selecting.select(run, preview, on_progress)
    save(run, found)
    return found


def draw(run: Run, on_progress: OnProgress = lambda _done, _total: None) -> Selection:
    """The picture of a selection that has none, over as many images as were to choose from; over those selected alone
    where the samples are not there any more.
    """
    try:
        keys, _, _ = selecting.population(run, run.settings.selection.preview, on_progress)
    except SampleError:
        keys = []
    found = selecting.over_population(run, keys, (), on_progress)
    if not run.read_only:
        save(run, found)
    return found


def _keys(names: NDArray[Any]) -> tuple[ImageKey, ...]:
    return tuple(ImageKey.parse(str(name)) for name in names.tolist())


def load(run: Run) -> Selection | None:
    """The run's selection with its picture; None where it was never drawn, is damaged, or does not fit."""
    try:
        data = read_npz(_path(run), MOST_BYTES)
        keys, notes, positions = _keys(data["keys"]), tuple(map(printable, data["notes"].tolist())), data["positions"]
        axes = tuple(map(printable, data["axes"].tolist()))
        probed = _keys(data["looked"])
        near = tuple(map(bool, data["near"].tolist()))
    except (OSError, ValueError, KeyError, TypeError):  # TypeError: a number in place of a list
        return None
    chosen = run.settings.selection
    if positions.shape != (len(keys), 2) or len(probed) != len(near) or len(axes) != 2:
        return None
    if not set(chosen.images) <= set(keys):
        return None
    if positions.dtype != np.float32 or not (np.abs(positions) < FARTHEST).all():
        return None
    return Selection(chosen, keys, positions, notes, probed, near, axes)
