"""The samples of a run: taken in under names of their own, labelled, given a scale."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_cytpix.domain.entered_numbers import LEAST_PIXEL, MOST_PIXEL
from tui_cytpix.domain.sample import PixelScale, SampleRef
from tui_cytpix.domain.zoom import AUTOMATIC, way_of
from tui_cytpix.errors import CytpixError, UsageError
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.run.run import Run


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


def set_pixel_size(run: Run, name: str, um_per_px: float | None) -> None:
    """The user states a sample's pixel size in um; None: it is unknown.

    Raises:
        UsageError: not a size that a microscope has.
    """
    if um_per_px is not None and not LEAST_PIXEL <= um_per_px <= MOST_PIXEL:
        raise UsageError("This is no pixel size", f"{um_per_px} um/px.", "Give micrometres per pixel, e.g. 0.3.")
    before = run.settings.sample(name)
    came_as = before.came_as or way_of(before.um_per_px, AUTOMATIC)
    label(run, name, um_per_px=um_per_px, scale_source="given" if um_per_px else "", came_as=came_as)


def label(run: Run, name: str, **labels: Any) -> None:
    """Changes what the run says of a sample: its condition, replicate, day, role."""
    samples = tuple(replace(s, **labels) if s.name == name else s for s in run.settings.samples)
    run.update(replace(run.settings, samples=samples))


def training_samples(run: Run) -> Sequence[SampleRef]:
    """Those marked for training, else the research samples (which then serve for both)."""
    chosen = [s for s in run.settings.samples if s.role == "training"]
    return chosen or [s for s in run.settings.samples if s.role == "research"]
