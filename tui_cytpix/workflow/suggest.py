"""Which images to annotate next, and why."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.training import TrainingStatus
from tui_cytpix.formats.prediction_store import PredictionStore
from tui_cytpix.workflow import advice
from tui_cytpix.workflow.run import Run

SURE = 2.0
UNSURE = 0.7
UNLIKE = 1.5  # standard deviations from everything annotated


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
    it is unsure of or that are unlike all that is annotated, then the rest, least sure first.
    """
    flips = {flip.image: flip.flips for flip in status.flips}
    lately = advice.flipping_lately(status)
    unlike = _unlike(run, base)

    def look(key: ImageKey) -> tuple[tuple[float, ...], str]:
        before = base.get(key)
        after, other = (None if store is None else store.get(key) for store in (now, rival))
        latest = after if after is not None else before
        sure = latest.confidence if latest is not None and latest.confidence == latest.confidence else SURE
        reasons = {
            "its count flips": key in lately,
            f"its count flipped {flips.get(key, 0)} times": key in flips,
            f"training changed its count: {_counts(before, after)}": _differ(before, after),
            f"half and full disagree: {_counts(before, other)}": _differ(before, other),
            f"low confidence: {sure:.2f}": sure < UNSURE,
            "unlike what is annotated": unlike.get(key, 0.0) > UNLIKE,
        }
        held = list(reasons.values())
        reason = next((words for words, holds in reasons.items() if holds), "")
        first = held.index(True) if True in held else len(held)
        return (first, -flips.get(key, 0), sure), reason

    ranked = sorted((look(key), key) for key in _open(run, run.settings.selection.images))
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


def _unlike(run: Run, store: PredictionStore) -> Mapping[ImageKey, float]:
    """How far each preview image's proposal lies from the nearest annotated image's, in standard deviations of area,
    particles and spread; empty before the first annotation.
    """
    keys = [key for key in run.settings.selection.images if store.get(key) is not None]
    annotated = {state.image for state in run.annotations.accepted()}
    known = [n for n, key in enumerate(keys) if key in annotated]
    if not known:
        return {}
    table = np.array([_traits(store.get(key)) for key in keys])
    table /= np.maximum(table.std(axis=0), 1e-6)
    gaps = np.sqrt(((table[:, None] - table[known][None]) ** 2).sum(axis=2)).min(axis=1)
    return dict(zip(keys, gaps.tolist(), strict=True))


def _traits(segmentation: Segmentation | None) -> NDArray[np.float64]:
    assert segmentation is not None
    ys, xs = np.nonzero(segmentation.mask)
    spread = float(np.hypot(ys.std(), xs.std())) if len(ys) else 0.0
    return np.array([np.sqrt(len(ys)), float(segmentation.particle_count), spread])
