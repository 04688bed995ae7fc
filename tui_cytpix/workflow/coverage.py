"""The picture of a selection over its population, kept in the run so that it comes back with it."""

from __future__ import annotations

import io
from pathlib import Path

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.atomic import write_bytes
from tui_cytpix.workflow.run import Run
from tui_cytpix.workflow.samples import Selection


def _path(run: Run) -> Path:
    return run.folder.preview / "coverage.npz"


def save(run: Run, selection: Selection) -> None:
    """Writes the candidates' names and positions. Like any cache it may be deleted."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        keys=np.array([str(key) for key in selection.candidates], dtype=np.str_),
        positions=np.asarray(selection.positions, np.float32),
        notes=np.array(list(selection.notes), dtype=np.str_),
    )
    _path(run).parent.mkdir(parents=True, exist_ok=True)
    write_bytes(_path(run), buffer.getvalue())


def load(run: Run) -> Selection | None:
    """The run's selection with its picture; None where it was never drawn, is damaged, or does not fit."""
    import numpy as np

    try:
        with np.load(_path(run), allow_pickle=False) as data:
            keys = tuple(ImageKey.parse(str(key)) for key in data["keys"])
            positions = np.asarray(data["positions"], np.float32)
            notes = tuple(str(note) for note in data["notes"])
    except (OSError, ValueError, KeyError):
        return None
    chosen = run.settings.selection
    if positions.shape != (len(keys), 2) or not set(chosen.images) <= set(keys):
        return None
    return Selection(chosen, keys, positions, notes)
