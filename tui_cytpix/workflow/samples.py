"""Step 3 (and the start of a run): the samples, and which of their images to train on."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_cytpix.domain.run_settings import MAX_PREVIEW, MIN_PREVIEW, SelectionSettings
from tui_cytpix.domain.sample import ImageKey, PixelScale, SampleRef
from tui_cytpix.domain.zoom import AUTOMATIC, way_of
from tui_cytpix.errors import CytpixError, SampleError, UsageError
from tui_cytpix.formats.registry import open_sample
from tui_cytpix.workflow.run import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CANDIDATES_PER_IMAGE = 8
VARIABLE_SHARE = 0.3
Progress = Callable[[int, int], None]
NOTHING_LEFT = (
    "No image is left that steps 1 and 3 have not taken: step 5 can't compare on unseen images. "
    "Select fewer, or add a sample before you train."
)


@dataclass(frozen=True)
class Selection:
    """What was chosen, with the population behind it for the coverage picture.

    `positions` is float32 (N, 2), a plane through the candidates' descriptors; `candidates` names its rows. `notes`
    are sentences for the user. `looked` are random images of the research samples that were not selected, `near` which
    of them have a selected one nearby (core.sampling.near_selected), bool.
    """

    settings: SelectionSettings
    candidates: tuple[ImageKey, ...]
    positions: NDArray[np.float32]
    notes: tuple[str, ...]
    looked: tuple[ImageKey, ...] = ()
    near: tuple[bool, ...] = ()


def create_run(
    folder: Path, paths: Sequence[Path], um_per_px: float | None = None, *, name: str = "", seed: int = 0
) -> Run:
    """A new run on samples, open; where one can't be read, no run is left behind.

    Raises:
        CytpixError: the folder can't be a run's, or a sample can't be read.
    """
    run = Run.create(folder, name, seed)
    try:
        for path in paths:
            add_sample(run, path, um_per_px)
    except CytpixError:
        run.close()
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def add_sample(run: Run, path: Path, um_per_px: float | None = None, **labels: Any) -> SampleRef:
    """Takes a sample into the run under a unique name made from its file name. `labels`: condition, replicate, day,
    role.

    Raises:
        SampleError: it can't be read, or it holds no image.
    """
    path = Path(path).resolve()
    with open_sample(path, um_per_px) as reader:
        scale: PixelScale | None = reader.scale
    inside = path.is_relative_to(run.path)
    ref = SampleRef(
        name=unique_name(path, {s.name for s in run.settings.samples}),
        path=str(path.relative_to(run.path)) if inside else str(path),
        size=path.stat().st_size if path.is_file() else 0,
        fingerprint=fingerprint(path),
        um_per_px=scale.um_per_px if scale else None,
        scale_source=scale.source if scale else "",
        **labels,
    )
    run.update(replace(run.settings, samples=(*run.settings.samples, ref)))
    return ref


def fingerprint(path: Path) -> str:
    """A hash of size, first and last mebibyte: enough to see that a 4 GB file is another one, cheap enough to take
    at once.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for name in sorted(p.name for p in path.iterdir()):
            digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
        return "names-sha256:" + digest.hexdigest()
    size = path.stat().st_size
    digest.update(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(1 << 20))
        file.seek(max(0, size - (1 << 20)))
        digest.update(file.read(1 << 20))
    return "ends-sha256:" + digest.hexdigest()


def unique_name(path: Path, taken: set[str]) -> str:
    """A sample's name, made from its file's: only letters, digits, '.', '_' and '-', and none of `taken`."""
    stem = path.name if path.is_dir() else path.stem
    base = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._") or "sample"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def set_scale(run: Run, name: str, um_per_px: float) -> None:
    """The user states a sample's pixel size in um.

    Raises:
        UsageError: not a size that a microscope has.
    """
    if not 0.01 <= um_per_px <= 20.0:
        raise UsageError("This is no pixel size", f"{um_per_px} um/px.", "Give micrometres per pixel, e.g. 0.3.")
    samples = tuple(_restated(s, um_per_px) if s.name == name else s for s in run.settings.samples)
    run.update(replace(run.settings, samples=samples))


def _restated(sample: SampleRef, um_per_px: float) -> SampleRef:
    restated = sample.restated or way_of(um_per_px, AUTOMATIC) != way_of(sample.um_per_px, AUTOMATIC)
    return replace(sample, um_per_px=um_per_px, scale_source="given", restated=restated)


def label(run: Run, name: str, **labels: Any) -> None:
    """Changes a sample's condition, replicate, day or role."""
    samples = tuple(replace(s, **labels) if s.name == name else s for s in run.settings.samples)
    run.update(replace(run.settings, samples=samples))


def set_preview(run: Run, preview: int) -> None:
    """How many images `select` is to choose.

    Raises:
        UsageError: out of range.
    """
    check_preview(preview)
    run.update(replace(run.settings, selection=replace(run.settings.selection, preview=preview)))


def check_preview(preview: int) -> None:
    """Raises:
    UsageError: out of range.
    """
    if not MIN_PREVIEW <= preview <= MAX_PREVIEW:
        raise UsageError(
            "The preview size is out of range", f"{preview}.", f"Choose {MIN_PREVIEW} to {MAX_PREVIEW} images."
        )


def select(run: Run, preview: int, on_progress: Progress = lambda _done, _total: None) -> Selection:
    """Chooses the preview images, 70 % at random and 30 % for the variety of their morphology, spread over the
    samples, and copies them into the run; only of events in the selection's gate, where one is chosen. The same seed,
    samples and gate give the same images.

    Raises:
        UsageError: `preview` is out of range.
        SampleError: no image can be read.
    """
    check_preview(preview)
    import numpy as np

    from tui_cytpix.core.sampling import embed_2d, near_selected
    from tui_cytpix.core.sampling import select as select_rows
    from tui_cytpix.workflow.evaluate import any_left
    from tui_cytpix.workflow.looks import research_images

    keys, table, notes = _described(run, preview, on_progress)
    if len(keys) < preview:
        notes.append(f"Only {len(keys)} images can be read: all of them are taken.")
    random_rows, variable_rows = select_rows(table, preview, run.settings.seed, VARIABLE_SHARE)
    gate = run.settings.selection.gate
    settings = SelectionSettings(
        preview=preview,
        random=tuple(keys[i] for i in random_rows),
        variable=tuple(keys[i] for i in variable_rows),
        gate=gate,
        drawn_from=notes[0] if gate else "",
    )
    described = dict(zip(keys, table, strict=True))
    looked, rows, problems = research_images(run, described, set(settings.images), on_progress)
    near = near_selected(table, np.concatenate([random_rows, variable_rows]), rows)
    for key in settings.images:
        run.images.keep(key)
    run.update(replace(run.settings, selection=settings))
    if not run.settings.evaluate.sequence and not any_left(run):
        notes.append(NOTHING_LEFT)
    positions = np.asarray(embed_2d(table), np.float32)
    return Selection(settings, tuple(keys), positions, (*notes, *problems), tuple(looked), tuple(near.tolist()))


def _described(run: Run, preview: int, on_progress: Progress) -> tuple[list[ImageKey], NDArray[np.float32], list[str]]:
    """Candidates of every sample to train on, an equal share of each, with their descriptors as rows; and notes, of
    which the first says, where a gate is chosen, what it let through.

    Raises:
        SampleError: no image can be read or is in the gate, or a sample lacks a parameter of the gate.
    """
    from tui_cytpix.workflow import gates
    from tui_cytpix.workflow.looks import describe, shuffled

    sources = training_samples(run)
    share = -(-preview * CANDIDATES_PER_IMAGE // max(1, len(sources)))
    inside = gates.to_draw_from(run, sources)
    notes = [gates.drawn_in_words(run, inside)] if run.settings.selection.gate else []
    candidates = [key for sample in sources for key in shuffled(run, sample.name, inside[sample.name])[:share]]
    keys, table = describe(run, candidates, on_progress)
    if not keys:
        raise SampleError("No image can be read", ", ".join(s.name for s in sources), "Check the samples.")
    if len(keys) < len(candidates):
        notes.append(f"{len(candidates) - len(keys)} images can't be read and were passed over.")
    return keys, table, notes


def training_samples(run: Run) -> Sequence[SampleRef]:
    """Those marked for training, else the research samples (which then serve for both)."""
    chosen = [s for s in run.settings.samples if s.role == "training"]
    return chosen or [s for s in run.settings.samples if s.role == "research"]
