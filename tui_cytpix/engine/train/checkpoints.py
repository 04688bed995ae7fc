"""Checkpoints of a training run: model files that anyone can use, and beside the last one the trainer's whole state.

The state (`last.npz`) holds everything that the next epoch depends on, its own weights included. It is written after
the model files: killed in between, the next process repeats the epoch and writes the same files again.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.plain_values import from_plain, to_plain
from tui_cytpix.engine.train.records import Standing
from tui_cytpix.errors import RunError
from tui_cytpix.formats.bytes.atomic import write_bytes
from tui_cytpix.formats.bytes.npz import read_npz
from tui_cytpix.formats.bytes.plain_file import parse_json

_META = "meta"
SPARSE = 25  # every so many epochs a checkpoint is kept, at first
MOST = 8  # of these


def spacing(epoch: int) -> int:
    """Every so many epochs a checkpoint is kept: 25, and twice as many whenever there would be more than eight."""
    step = SPARSE
    while epoch // step > MOST:
        step *= 2
    return step


def thin(folder: Path, epoch: int) -> None:
    """Removes the checkpoints that the spacing at this epoch leaves out, so that a run stays small."""
    step = spacing(epoch)
    for path in folder.glob("epoch-*.safetensors"):
        number = path.stem.removeprefix("epoch-")
        if number.isdigit() and int(number) % step:
            path.unlink(missing_ok=True)


def state_path(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(".npz")


def write_state(path: Path, arrays: dict[str, NDArray[Any]], standing: Standing) -> None:
    meta, buffer = to_plain(standing), io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays, **{_META: np.array(json.dumps(meta))})
    write_bytes(path, buffer.getvalue())


def read_state(path: Path) -> tuple[dict[str, NDArray[Any]], Standing]:
    """The inverse of `write_state`.

    Raises:
        RunError: damaged.
    """
    try:
        arrays = read_npz(path)
        meta = parse_json(str(arrays.pop(_META)))
        standing = from_plain(Standing, {**meta, "pending": meta.get("pending") or None})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            "The training state is damaged",
            f"{path}: {error}.",
            "Delete the run's checkpoints folder to train from the base model again.",
        ) from error
    return arrays, standing
