"""Every annotated image, seen by a model that did not train on it.

Of ten to twenty annotated images two to four validate: too few to say how right a model is on others. So the images are
dealt into folds, and for each fold a model is trained from the base on the images of all others (k-fold
cross-validation: Stone 1974). What these models say together rests on all annotated images. They train for fewer
epochs, and on fewer images, than the run's model, so they are a little less right than it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tui_cytpix.domain.annotation import SEVERAL
from tui_cytpix.domain.jobs.training import FOLDS
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.engine.train.trainer import Trainer, look


def folds(examples: Mapping[ImageKey, Example], seed: int) -> list[list[ImageKey]]:
    """The images in five parts, or as many as there are images, with each count class and sample spread over them as
    evenly as it goes; images with the same pixels are in one. The same seed gives the same parts.
    """
    twins: dict[str, list[ImageKey]] = defaultdict(list)
    for key, item in examples.items():
        twins[hashlib.sha256(item.gray.tobytes()).hexdigest()].append(key)
    order = np.random.default_rng(seed).permutation(len(twins)).tolist()
    groups = list(zip(order, twins.values(), strict=True))

    def stratum(group: tuple[int, Sequence[ImageKey]]) -> tuple[int, str, int]:
        place, keys = group
        return min(examples[keys[0]].truth.particle_count, SEVERAL), keys[0].sample, place

    parts: list[list[ImageKey]] = [[] for _ in range(min(FOLDS, len(groups)))]
    for number, (_, keys) in enumerate(sorted(groups, key=stratum)):
        parts[number % len(parts)].extend(keys)
    return parts


def cross_checked(
    trainer: Trainer,
    examples: Mapping[ImageKey, Example],
    parts: Sequence[Sequence[ImageKey]],
    found: dict[ImageKey, Segmentation],
    epochs: int,
    check: Callable[[], object],
    on_progress: Callable[[int, int], object],
) -> None:
    """What models that did not train on them say of the images, added to `found` part by part.

    Args:
        trainer: one that has not trained yet; it is of no more use afterwards.
        parts: two or more (`folds`); those whose images are in `found` already are done.
        epochs: of each model.
        check: asked before each step; what it raises ends it there.
        on_progress: of all epochs, how many are done.
    """
    fresh = trainer.state()
    for number, part in enumerate(parts):
        if found.keys() >= set(part):
            continue
        trainer.restore(fresh)
        others = [item for key, item in examples.items() if key not in part]
        for epoch in range(epochs):
            trainer.train_epoch(others, check)
            on_progress(number * epochs + epoch + 1, len(parts) * epochs)
        _, answers = look(trainer.predictor(), [examples[key] for key in part])
        found.update(zip(part, answers, strict=True))
