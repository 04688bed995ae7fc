"""Which images to annotate next, and why."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.jobs.training import TrainingStatus
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.annotate.anatomy import DOUBTED
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import balance, morphology, progress

SURE = 2.0
UNSURE = 0.7


class Order(enum.StrEnum):
    """In which order the editor goes through its images."""

    LISTED = "as listed"
    SUGGESTED = "suggested"
    RANDOM = "random"
    WORST = "least sure first"


@dataclass(frozen=True)
class Suggestion:
    """An image worth annotating. `reason` is empty where nothing speaks for it but its turn."""

    image: ImageKey
    reason: str


def suggestions(
    run: Run,
    status: TrainingStatus,
    base: PredictionStore,
    now: PredictionStore | None = None,
    rival: PredictionStore | None = None,
) -> list[Suggestion]:
    """The preview images that are still open: first those whose count flips in training, lately above all, then those
    where the model as it is `now`, or its `rival` of the other resolution, counts otherwise than the base, then those
    it is unsure of or that are unlike all that is annotated, then the rest, least sure first. Before all of them come
    those that probably hold two or more particles, where few annotated images do.
    """
    flips = {flip.image: flip.flips for flip in status.flips}
    lately = progress.flipping_lately(status)
    unlike = morphology.gaps(run, base)
    few = balance.few_several(run, base.get, base.get if now is None else now.get)
    several = few.images if few is not None else ()

    def look(key: ImageKey) -> tuple[tuple[float, ...], str]:
        before = base.get(key)
        after, other = (None if store is None else store.get(key) for store in (now, rival))
        latest = after if after is not None else before
        sure = latest.confidence if latest is not None and latest.confidence == latest.confidence else SURE
        reasons = {
            "probably two or more particles": key in several,
            "its count flips": key in lately,
            f"its count flipped {flips.get(key, 0)} times": key in flips,
            f"training changed its count: {_counts(before, after)}": _differ(before, after),
            f"half and full disagree: {_counts(before, other)}": _differ(before, other),
            f"ranks low in confidence: {sure:.2f}": sure < UNSURE,
            "a doubtful particle": latest is not None and bool((latest.particle_confidence < DOUBTED).any()),
            "unlike what is annotated": unlike.get(key, 0.0) > morphology.UNLIKE,
        }
        held = list(reasons.values())
        reason = next((words for words, holds in reasons.items() if holds), "")
        first = held.index(True) if True in held else len(held)
        rank = several.index(key) if key in several else -flips.get(key, 0)
        return (first, rank, sure), reason

    ranked = sorted((look(key), key) for key in _open(run, run.settings.preview))
    return [Suggestion(key, reason) for (_, reason), key in ranked]


def suggested(
    run: Run,
    status: TrainingStatus,
    base: PredictionStore,
    now: PredictionStore | None = None,
    rival: PredictionStore | None = None,
) -> list[ImageKey]:
    """The images alone."""
    return [suggestion.image for suggestion in suggestions(run, status, base, now, rival)]


def arranged(
    keys: Sequence[ImageKey], order: Order, ranked: Sequence[Suggestion], store: PredictionStore, seed: int
) -> list[ImageKey]:
    """The editor's images in another order; the same for a seed."""
    if order is Order.SUGGESTED:
        place = {suggestion.image: n for n, suggestion in enumerate(ranked)}
        return sorted(keys, key=lambda key: place.get(key, len(place)))
    if order is Order.RANDOM:
        return [keys[n] for n in np.random.default_rng(seed).permutation(len(keys))]
    if order is Order.WORST:
        return sorted(keys, key=lambda key: _confidence(store.get(key)))
    return list(keys)


def rival_of(model: ModelEntry, library: Iterable[ModelEntry]) -> ModelEntry | None:
    """The same model in the other resolution: `cell-half` for `cell-full`."""
    family, _, resolution = model.card.name.rpartition("-")
    other = {"half": "full", "full": "half"}.get(resolution)
    return next((entry for entry in library if other and entry.card.name == f"{family}-{other}"), None)


def _open(run: Run, images: Iterable[ImageKey]) -> list[ImageKey]:
    return [key for key in images if run.annotations.state(key).status is Status.OPEN]


def _differ(one: Segmentation | None, other: Segmentation | None) -> bool:
    return one is not None and other is not None and one.particle_count != other.particle_count


def _counts(one: Segmentation | None, other: Segmentation | None) -> str:
    return " and ".join("?" if s is None else str(s.particle_count) for s in (one, other))


def _confidence(segmentation: Segmentation | None) -> float:
    if segmentation is None or segmentation.confidence != segmentation.confidence:
        return SURE
    return segmentation.confidence
