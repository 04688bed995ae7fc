"""How a run's images look, in numbers that need no network: for the selection, for how far it reaches, and for finding
similar images. What was found once is kept in the run.
"""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.atomic import write_bytes
from tui_cytpix.formats.bytes.npz import read_npz
from tui_cytpix.workflow.run.run import OnProgress, Run

LARGEST = 1e6  # no descriptor comes near
PROBED = 400  # random images of each research sample that tell how well it is covered
_log = logging.getLogger(__name__)


def shuffled(run: Run, sample: str, events: Iterable[str]) -> list[ImageKey]:
    """A sample's images in the run's random order, without those that are kept for the evaluation."""
    reserved = set(run.settings.evaluate.sequence)
    left = [event for event in events if ImageKey(sample, event) not in reserved]
    random.Random(f"{run.settings.seed}/{sample}").shuffle(left)
    return [ImageKey(sample, event) for event in left]


def described(run: Run, sample: str) -> dict[str, NDArray[np.float32]]:
    """What the run holds of a sample's images: descriptors (core.statistics.sampling), (D,), by event id. Nothing where
    they can't be read, or were found of another file or in another way. Which pixels these images have is known then.
    """
    from tui_cytpix.core.statistics.sampling import DESCRIPTORS

    try:
        found = read_npz(run.folder.descriptors_path(sample))
        events, rows, pixels, found_of = found["events"], found["rows"], found["pixels"], str(found["found_of"])
    except (OSError, ValueError, KeyError):
        return {}
    fits = events.ndim == 1 and events.dtype.kind == "U" and rows.shape == (len(events), len(DESCRIPTORS))
    if not fits or rows.dtype != np.float32 or not (np.abs(rows) < LARGEST).all() or found_of != _found_of(run, sample):
        return {}
    if pixels.dtype != np.uint64 or pixels.shape != events.shape:
        return {}
    for event, digest in zip(events.tolist(), pixels.tolist(), strict=True):
        run.images.pixels.setdefault(ImageKey(sample, event), f"{digest:016x}")
    return dict(zip(events.tolist(), rows, strict=True))


def _found_of(run: Run, sample: str) -> str:
    from tui_cytpix.core.statistics.sampling import DESCRIPTORS_VERSION

    return f"{DESCRIPTORS_VERSION} {run.settings.sample(sample).fingerprint}"


def _keep(run: Run, sample: str, new: Mapping[str, NDArray[np.float32]]) -> None:
    """Adds to what the run holds; like any cache it may be deleted, and a run that can't be written to goes without."""
    if run.read_only:
        return
    known = {**described(run, sample), **new}
    buffer = io.BytesIO()
    np.savez(
        buffer,
        events=np.array(list(known), dtype=np.str_),
        rows=np.stack(list(known.values())),
        pixels=np.array([int(run.images.pixels[ImageKey(sample, event)], 16) for event in known], np.uint64),
        found_of=np.array(_found_of(run, sample)),
    )
    path = run.folder.descriptors_path(sample)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, buffer.getvalue())
    except OSError as error:
        _log.warning("descriptors can't be kept: %s", error.strerror)


def describe(run: Run, keys: Sequence[ImageKey], on_progress: OnProgress) -> tuple[list[ImageKey], NDArray[np.float32]]:
    """The images that can be read, and their descriptors (core.statistics.sampling), (N, D). What is found is kept in
    the run, also where `on_progress` raises; that is told of the images that must be read.
    """
    from tui_cytpix.core.statistics.sampling import DESCRIPTORS, descriptors

    known = {sample: described(run, sample) for sample in dict.fromkeys(key.sample for key in keys)}
    missing = [key for key in keys if key.event not in known[key.sample]]
    new: dict[str, dict[str, NDArray[np.float32]]] = {}
    try:
        for done, key in enumerate(missing, 1):
            try:
                image = run.images.read(key)
            except SampleError:
                continue
            new.setdefault(key.sample, {})[key.event] = descriptors(image, run.images.background(key, image))
            on_progress(done, len(missing))
    finally:
        for sample, rows in new.items():
            known[sample] |= rows
            _keep(run, sample, rows)
    found = [key for key in keys if key.event in known[key.sample]]
    table = [known[key.sample][key.event] for key in found]
    return found, np.stack(table) if table else np.zeros((0, len(DESCRIPTORS)), np.float32)


def research_images(
    run: Run, without: Collection[ImageKey], on_progress: OnProgress
) -> tuple[list[ImageKey], NDArray[np.float32], list[str]]:
    """Random images of the research samples, `without` some, with their descriptors, and sentences about samples that
    can't be read.
    """
    wanted: list[ImageKey] = []
    problems = []
    for sample in run.settings.samples:
        if sample.role == "research":
            try:
                events = run.images.reader(sample.name).event_ids
            except SampleError as error:
                problems.append(f"How well {sample.name} is covered is not known: {error}")
                continue
            wanted += [key for key in shuffled(run, sample.name, events)[:PROBED] if key not in without]
    found, rows = describe(run, wanted, on_progress)
    return found, rows, problems
