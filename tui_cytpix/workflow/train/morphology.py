"""Which morphologies of the preview nobody has annotated yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run.run import Run

UNLIKE = 1.5  # standard deviations from everything annotated
NAMED = 4


@dataclass(frozen=True)
class Missing:
    """A morphology of the preview that no annotated image shows.

    Attributes:
        images: examples of it, at most four, the most typical first.
        unlike: how many open preview images are unlike all that is annotated.
        words: what tells it apart from what is annotated.
    """

    images: tuple[ImageKey, ...]
    unlike: int
    words: str


def gaps(run: Run, store: PredictionStore) -> Mapping[ImageKey, float]:
    """How far each preview image's proposal lies from the nearest annotated image's, in standard deviations of size,
    particles and spread; empty before the first annotation.
    """
    keys, table, known = _table(run, store)
    if not len(known):
        return {}
    return dict(zip(keys, _distances(table, table[known]).min(axis=1).tolist(), strict=True))


def missing(run: Run, store: PredictionStore) -> Missing | None:
    """The morphology that most open preview images would stand for if one of them were annotated: of those farther than
    1.5 standard deviations from everything annotated, the one with the most others within that distance, and these.
    """
    keys, table, known = _table(run, store)
    if not len(known):
        return None
    far = _distances(table, table[known]).min(axis=1) > UNLIKE
    open_ = np.array([run.annotations.state(key).status is Status.OPEN for key in keys])
    unlike = np.flatnonzero(far & open_)
    if not len(unlike):
        return None
    between = _distances(table[unlike], table[unlike])
    centre = int(np.argmax((between < UNLIKE).sum(axis=1)))
    near = [int(i) for i in np.argsort(between[centre], kind="stable") if between[centre, i] < UNLIKE]
    members = unlike[near]
    raw = np.array([_traits(store.get(key)) for key in keys])
    words = _difference(raw[members], raw[known])
    return Missing(tuple(keys[i] for i in members[:NAMED]), len(unlike), words)


def _table(run: Run, store: PredictionStore) -> tuple[list[ImageKey], NDArray[np.float64], NDArray[np.intp]]:
    """Preview images with a proposal, their traits in standard deviations, and the rows of the annotated ones."""
    keys = [key for key in run.settings.preview if store.get(key) is not None]
    annotated = {state.image for state in run.annotations.accepted()}
    known = np.array([n for n, key in enumerate(keys) if key in annotated], np.intp)
    if not len(known):
        return keys, np.zeros((len(keys), 3)), known
    table = np.array([_traits(store.get(key)) for key in keys])
    return keys, table / np.maximum(table.std(axis=0), 1e-6), known


def _distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(((one[:, None] - other[None]) ** 2).sum(axis=2)))


def _traits(segmentation: Segmentation | None) -> NDArray[np.float64]:
    """Root of the foreground's area, px; particles; root mean square distance of its pixels from their middle, px."""
    assert segmentation is not None
    ys, xs = np.nonzero(segmentation.mask)
    spread = float(np.hypot(ys.std(), xs.std())) if len(ys) else 0.0
    return np.array([np.sqrt(len(ys)), float(segmentation.particle_count), spread])


def _difference(group: NDArray[np.float64], annotated: NDArray[np.float64]) -> str:
    """In words, by medians; a disc's spread is 0.4 of the root of its area, so the ratio of the two tells apart what is
    long, or in pieces, from what is round.
    """
    size, count, spread = np.median(group, axis=0)
    usual_size, usual_count, usual_spread = np.median(annotated, axis=0)
    if size == 0:
        return "nothing is found in them"
    words = [f"{count:.0f} particles, {usual_count:.0f} in a usual annotated image"] if count != usual_count else []
    if usual_size > 0:
        larger = (size / usual_size) ** 2
        longer = (spread / size) / (usual_spread / usual_size)
        if larger > 1.3 or larger < 0.77:
            words.append(f"{larger:.1f} times the area of a usual annotated image's cells")
        if longer > 1.25:
            words.append("longer, or farther apart")
        elif longer < 0.8:
            words.append("rounder, or closer together")
    return "; ".join(words) or "of another size and shape at once"
