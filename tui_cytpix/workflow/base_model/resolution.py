"""Half or full resolution? From what the two say about the same images, and how fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run.predictions import PredictionStore

FEW = 10  # images, below which nothing is advised
SAME_COUNTS, SAME_OUTLINE_PX = 0.05, 0.5
FASTER = 1.1  # times as fast, from which on half is the faster one


@dataclass(frozen=True)
class ResolutionDifference:
    """A half-resolution model against its full-resolution sibling on the same images.

    Attributes:
        images: that both have answered; on `differing` of them the counts differ.
        area: median over images of half's foreground area over full's; NaN without foreground.
        shift_px: by how much half's outline lies outside full's, in px, median over images: the difference of areas
            over full's perimeter.
        speed: how many times as fast half is; NaN where not measured.
    """

    images: int
    differing: int
    area: float
    shift_px: float
    speed: float


def siblings(models: Sequence[ModelEntry]) -> tuple[ModelEntry, ModelEntry] | None:
    """The first (half, full) pair among the models: same name but for the resolution; None where there is none."""
    named = {model.card.name: model for model in models}
    for model in models:
        other = named.get(model.card.name.replace("half", "full"))
        if other is not None and (model.card.resolution, other.card.resolution) == ("half", "full"):
            return model, other
    return None


def half_against_full(
    images: Sequence[ImageKey], half: PredictionStore, full: PredictionStore, speeds: tuple[float, float]
) -> ResolutionDifference:
    """Measures it; `speeds` are images a second, half first, NaN where unknown."""
    both = [(a, b) for key in images if (a := half.get(key)) is not None and (b := full.get(key)) is not None]
    areas, shifts = [], []
    for one, other in both:
        if one.mask.any() and other.mask.any():
            areas.append(one.mask.sum() / other.mask.sum())
            shifts.append((int(one.mask.sum()) - int(other.mask.sum())) / _perimeter(other.mask))
    return ResolutionDifference(
        images=len(both),
        differing=sum(one.particle_count != other.particle_count for one, other in both),
        area=float(np.median(areas)) if areas else math.nan,
        shift_px=float(np.median(shifts)) if shifts else math.nan,
        speed=speeds[0] / speeds[1] if speeds[1] > 0 else math.nan,
    )


def _perimeter(mask: NDArray[np.bool_]) -> float:
    """Edges between foreground and background pixels, scaled to the length of a smooth outline (times pi / 4)."""
    padded = np.pad(mask, 1)
    edges = sum(int(np.count_nonzero(np.diff(padded.astype(np.int8), axis=axis))) for axis in (0, 1))
    return edges * math.pi / 4


def in_words(found: ResolutionDifference) -> str:
    if found.images < FEW:
        return ""
    share = found.differing / found.images
    told = f"Half against full on {found.images} images: counts differ on {found.differing}"
    if not math.isnan(found.area):
        side = "outside" if found.shift_px > 0 else "inside"
        told += f", half's masks are {found.area:.0%} of full's, its outline {abs(found.shift_px):.1f} px {side}"
    if not math.isnan(found.speed):
        told += f"; half is {found.speed:.1f} times as fast" if found.speed >= FASTER else "; half is no faster here"
    if share > SAME_COUNTS:
        return f"{told}. Counts differ too often to choose by speed: look at these images, and assess both."
    if abs(found.shift_px) > SAME_OUTLINE_PX:
        return f"{told}. Half will do for counts; take full where size, shape or intensity matter."
    return f"{told}. Half will do." if not found.speed < FASTER else f"{told}. Either will do."
