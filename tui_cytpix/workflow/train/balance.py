"""Whether enough annotated images hold two or more particles, and which images of the preview may be added.

A model that is trained on single cells alone learns that everything is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train.against_base import AnswerOf

FEWEST = 4  # annotated images with two or more particles


@dataclass(frozen=True)
class FewSeveral:
    """Of `annotated` images only `several`, fewer than four, hold two or more particles; `images`, open ones that
    probably do, the largest first, would make it four.
    """

    several: int
    annotated: int
    images: tuple[ImageKey, ...]


def few_several(run: Run, base: AnswerOf, now: AnswerOf) -> FewSeveral | None:
    """None where there are four, or where none to add is known.

    A base model that calls most cells two says little, nor does its confidence, so of the images that are counted as
    two or more (by the model as it is `now`, else by the base) those with the largest foreground are taken: evenly from
    the largest quarter (or eight, but no more than half), as the very largest would be large clumps alone.
    """
    accepted = run.annotations.accepted()
    several = sum(s.segmentation is not None and s.segmentation.particle_count > 1 for s in accepted)
    if several >= FEWEST:
        return None
    found = []
    for key in run.settings.preview:
        if run.annotations.state(key).status is not Status.OPEN:
            continue
        seen = now(key) or base(key)
        if seen is not None and seen.particle_count > 1:
            found.append((-int(np.count_nonzero(seen.mask)), key))
    wanted = min(FEWEST - several, len(found))
    among = max(wanted, min(2 * FEWEST, len(found) // 2), len(found) // 4)
    largest = [key for _, key in sorted(found)[:among]]
    images = tuple(largest[round(place)] for place in np.linspace(0, max(0, among - 1), wanted).tolist())
    return FewSeveral(several, len(accepted), images) if images else None
