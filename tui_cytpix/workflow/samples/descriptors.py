"""How a run's images look, in numbers that need no network: for the selection, and for how far it reaches."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError
from tui_cytpix.workflow.run.run import OnProgress, Run

PROBED = 400  # random images of each research sample that tell how well it is covered


def shuffled(run: Run, sample: str, events: Iterable[str]) -> list[ImageKey]:
    """A sample's images in the run's random order, without those that are kept for the evaluation."""
    reserved = set(run.settings.evaluate.sequence)
    left = [event for event in events if ImageKey(sample, event) not in reserved]
    random.Random(f"{run.settings.seed}/{sample}").shuffle(left)
    return [ImageKey(sample, event) for event in left]


def describe(run: Run, keys: Sequence[ImageKey], on_progress: OnProgress) -> tuple[list[ImageKey], NDArray[np.float32]]:
    """The images that can be read, and their descriptors (core.statistics.sampling), (N, D)."""
    from tui_cytpix.core.statistics.sampling import DESCRIPTORS, descriptors

    found, rows = [], []
    for done, key in enumerate(keys, 1):
        try:
            image = run.images.read(key)
        except SampleError:
            continue
        found.append(key)
        rows.append(descriptors(image, run.images.background(key, image)))
        on_progress(done, len(keys))
    return found, np.stack(rows) if rows else np.zeros((0, len(DESCRIPTORS)), np.float32)


def research_images(
    run: Run,
    known: Mapping[ImageKey, NDArray[np.float32]],
    without: Collection[ImageKey],
    on_progress: OnProgress,
) -> tuple[list[ImageKey], NDArray[np.float32], list[str]]:
    """Random images of the research samples, `without` some, with their descriptors (of the `known` ones these are not
    found anew), and sentences about samples that can't be read.
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
    found, rows = describe(run, [key for key in wanted if key not in known], on_progress)
    table = {**known, **dict(zip(found, rows, strict=True))}
    probed = [key for key in wanted if key in table]
    return probed, np.stack([table[key] for key in probed]) if probed else rows, problems
