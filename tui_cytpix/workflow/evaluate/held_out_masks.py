"""Masks of two models against annotations that neither was trained on: the held-out images of step 4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui_cytpix.domain.annotation import Side
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.evaluate.across_units import UNDECLARED, unit_of
from tui_cytpix.workflow.run.run import Run


def images(run: Run) -> tuple[ImageKey, ...]:
    return tuple(annotation.image for annotation in run.annotations.side(Side.VALIDATION))


@dataclass(frozen=True)
class HeldOutMasks:
    """Mean foreground IoU with the annotations, of the new model and of its base, over `images`. `low`, `high`: 95 %
    of their difference over so many `units`, NaN below two; 0 units where they are undeclared.
    """

    new: float
    base: float
    low: float
    high: float
    images: int
    units: int


def paired_iou(run: Run, new: PredictionStore, base: PredictionStore) -> HeldOutMasks | None:
    """Over the held-out images that both have answered; None without any. A mask that one of them proposed and nobody
    changed says nothing about the two, and is left out.
    """
    from tui_cytpix.core.objects.regions import mask_iou
    from tui_cytpix.core.statistics.units import ratio_over_units

    unit, pairs = unit_of(run.settings.samples), []
    by_unit: dict[str, list[float]] = {}
    for annotation in run.annotations.side(Side.VALIDATION):
        truth, one, other = annotation.segmentation, new.get(annotation.image), base.get(annotation.image)
        if truth is None or one is None or other is None or not truth.mask.any():
            continue
        if not any(np.array_equal(truth.mask, said.mask) for said in (one, other)):
            ours, theirs = mask_iou(truth.mask, one.mask), mask_iou(truth.mask, other.mask)
            pairs.append((ours, theirs))
            by_unit.setdefault(unit.get(annotation.image.sample, UNDECLARED), []).append(ours - theirs)
    if not pairs:
        return None
    apart = ratio_over_units((sum(differences), len(differences)) for differences in by_unit.values())
    units = 0 if UNDECLARED in by_unit else len(by_unit)
    ours, theirs = (float(mean) for mean in np.mean(pairs, axis=0))
    return HeldOutMasks(ours, theirs, apart.low, apart.high, len(pairs), units)


def in_words(found: HeldOutMasks | None) -> str:
    if found is None:
        return ""
    many = f"{found.images} held-out image{'s' * (found.images != 1)} with masks drawn by hand"
    said = f"Masks on {many}: IoU new {found.new:.2f}, base {found.base:.2f} (difference {found.new - found.base:+.2f}"
    if found.units > 1:
        said += f", 95 % over {found.units} units {found.low:+.2f} to {found.high:+.2f})"
    else:
        said += ", descriptive: " + ("units are not stated)" if not found.units else "all of one unit)")
    return f"{said}; they may have chosen the checkpoint too, which flatters the new model."
