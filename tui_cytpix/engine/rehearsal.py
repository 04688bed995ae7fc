"""Simulated events as training images: what the built-in models learn from, and what fine-tuning goes over again.

A network that learns from ten annotated images forgets the cells that none of them shows: of real fission yeast the
pale ones beside dark, dead ones. So some views of each step are events like those that the base model was trained on
(catastrophic forgetting and rehearsal: Robins 1995, Connection Science 7). They come from the simulator, by the names
of their kinds, which the model's card keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.background import image_background, static_background
from tui_cytpix.core.normalise import normalise
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.dataset import Example
from tui_cytpix.engine.scene import scene_of
from tui_cytpix.simulate.events import SimulatedEvent, SimulatedSample

FRAME_PX = 200
REHEARSED = 72  # events, evenly over the kinds
REHEARSED_SEED, PER_TUBE = 700_000, 3


def events(kind: str, tubes: int, images: int, seed: int) -> Iterator[tuple[SimulatedEvent, NDArray[np.float32]]]:
    """Events with their tube's static background, as it would be found from these images; float32, gray units.

    Raises:
        UsageError: no kind has that name.
    """
    for tube in range(tubes):
        sample = list(SimulatedSample(kind, images, seed + tube, FRAME_PX))
        background = static_background(np.stack([event.image for event in sample]))
        yield from ((event, background) for event in sample)


def simulated_examples(tubes: Mapping[str, int], images: int, seed: int) -> Iterator[Example]:
    """So many tubes of each kind, with so many images each. Half of the images with the tube's background, half with a
    guess from the image alone; with the simulator's own labels, as no division of a mask among centroids finds all
    borders of cells that lie side by side.

    Raises:
        UsageError: no kind has that name.
    """
    for kind, count in tubes.items():
        for i, (event, background) in enumerate(events(kind, count, images, seed)):
            gray = normalise(event.image, background if i % 2 else image_background(event.image))
            truth = Segmentation(event.labels > 0, event.centroids)
            yield Example(gray, truth, scene_of(gray, event.labels, truth.mask, truth.centroids))


def rehearsal(kinds: Sequence[str]) -> list[Example]:
    """What a model that was trained on these kinds goes over when it is fine-tuned; always the same.

    Raises:
        UsageError: no kind has that name.
    """
    tubes = -(-REHEARSED // (PER_TUBE * max(1, len(kinds))))
    return list(simulated_examples(dict.fromkeys(kinds, tubes), PER_TUBE, REHEARSED_SEED))
