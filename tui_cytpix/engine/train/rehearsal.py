"""Simulated events as training images: what the built-in models learn from, and what fine-tuning goes over again.

A network that learns from ten annotated images forgets the cells that none of them shows: of real fission yeast the
pale ones beside dark, dead ones. So some views of each step are events like those that the base model was trained on
(catastrophic forgetting and rehearsal: Robins 1995, Connection Science 7). They come from the simulator, by the names
of their kinds, which the model's card keeps.

What a user's own model has learnt besides is in no card, and none of its images is in the file. Of such a base events
of all simulated kinds are gone over, each as the base itself answers it, where it counts it right (learning without
forgetting: Li and Hoiem 2016, arXiv 1606.09282): whatever it knew of cells that resemble one of them stays.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from tui_cytpix.core.images.background import background_of, image_background
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import Model
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.engine.train.scene import scene, scene_of
from tui_cytpix.engine.train.trainer import look
from tui_cytpix.simulate.frames.events import SimulatedEvent, events_and_background
from tui_cytpix.simulate.kinds.catalogue import KINDS

FRAME_PX = 200
REHEARSED = 48  # events, evenly over the kinds
REHEARSED_SEED, PER_TUBE = 700_000, 3  # no fine-tuned model is measured on such tubes
LEAST_RIGHT = 0.8  # of the annotated images
ALL_KINDS = tuple(KINDS)


def events(kind: str, tubes: int, images: int, seed: int) -> Iterator[tuple[SimulatedEvent, NDArray[np.float32]]]:
    """Events with their tube's static background, as it would be found from these images; of cropped frames, of which
    there is none, with a guess from the image alone. float32, the image's shape, gray units.

    Raises:
        UsageError: no kind has that name.
    """
    for tube in range(tubes):
        sample, background = events_and_background(kind, images, seed + tube, FRAME_PX)
        yield from ((event, background_of(event.image, background)) for event in sample)


def simulated_examples(kind: str, tubes: int, images: int, seed: int) -> Iterator[Example]:
    """So many tubes of a kind, with so many images each. Half of the images with the tube's background, half with a
    guess from the image alone; with the simulator's own labels, as no division of a mask among centroids finds all
    borders of cells that lie side by side.

    Raises:
        UsageError: no kind has that name.
    """
    for i, (event, background) in enumerate(events(kind, tubes, images, seed)):
        gray = normalise(event.image, background if i % 2 else image_background(event.image))
        truth = Segmentation(event.labels > 0, event.centroids, labels=event.labels)
        yield Example(gray, truth, scene_of(gray, event.labels, truth.mask, truth.centroids))


@functools.lru_cache(maxsize=1)
def rehearsal(kinds: tuple[str, ...]) -> tuple[Example, ...]:
    """What a model that was trained on these kinds goes over when it is fine-tuned; always the same.

    Raises:
        UsageError: no kind has that name.
    """
    tubes = -(-REHEARSED // (PER_TUBE * max(1, len(kinds))))
    return tuple(e for kind in kinds for e in simulated_examples(kind, tubes, PER_TUBE, REHEARSED_SEED))


def kinds_of(model: Model) -> tuple[str, ...]:
    """The simulated kinds that its card says it was trained on."""
    kinds = model.card.training.get("kinds", [])
    return tuple(map(str, kinds)) if isinstance(kinds, list) else ()


def rehearsal_for(
    base: Model, annotated: Sequence[Example], device: torch.device, kinds: Sequence[str] = ALL_KINDS
) -> tuple[Example, ...]:
    """What to go over again while a base model learns from annotated images.

    Of a user's model: events of `kinds` as it answers them. Of a built-in one: events of the kinds in its card, and
    nothing where it counts many of the annotated images otherwise than annotated: there it has to unlearn, as from rods
    that are counted by another convention, or from fission yeast with a model for leukocytes, and rehearsal was
    measured to hinder. Nothing either where the card does not say what it was trained on.

    Raises:
        UsageError: the card names a kind that is unknown here.
    """
    if base.card.user_trained:
        return tuple(
            replace(item, truth=answer, scene=scene(item.gray, answer))
            for item, answer in counted_right(base, rehearsal(tuple(kinds)), device)
        )
    if not (own := kinds_of(base)):
        return ()
    _, found = look(Predictor(base, device), annotated)
    right = [f.particle_count == a.wanted.particle_count for f, a in zip(found, annotated, strict=True)]
    return rehearsal(own) if np.mean(right) >= LEAST_RIGHT else ()


def counted_right(
    model: Model, examples: Sequence[Example], device: torch.device
) -> list[tuple[Example, Segmentation]]:
    """Those of the examples that a model counts right, with its answers."""
    if not examples:
        return []
    _, found = look(Predictor(model, device), examples)
    return [
        (item, answer)
        for item, answer in zip(examples, found, strict=True)
        if answer.particle_count == item.wanted.particle_count
    ]
