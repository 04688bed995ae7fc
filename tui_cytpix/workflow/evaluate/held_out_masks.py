"""Masks of two models against annotations that neither was trained on: the held-out images of step 4."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tui_cytpix.domain.annotation import Side
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run.run import Run

if TYPE_CHECKING:
    from tui_cytpix.core.statistics.fixed_sample_intervals import PairedDifference


def images(run: Run) -> tuple[ImageKey, ...]:
    return tuple(annotation.image for annotation in run.annotations.side(Side.VALIDATION))


def paired_iou(run: Run, new: PredictionStore, base: PredictionStore) -> tuple[float, float, PairedDifference] | None:
    """Mean foreground IoU with the annotations of the new model and of its base, and their paired difference with its
    bootstrap interval, over the held-out images that both have answered; None without any. A mask that one of them
    proposed and nobody changed says nothing about the two, and is left out.
    """
    from tui_cytpix.core.objects.regions import mask_iou
    from tui_cytpix.core.statistics.fixed_sample_intervals import paired_bootstrap

    pairs = []
    for annotation in run.annotations.side(Side.VALIDATION):
        truth, one, other = annotation.segmentation, new.get(annotation.image), base.get(annotation.image)
        if truth is None or one is None or other is None or not truth.mask.any():
            continue
        if not any(np.array_equal(truth.mask, said.mask) for said in (one, other)):
            pairs.append((mask_iou(truth.mask, one.mask), mask_iou(truth.mask, other.mask)))
    if not pairs:
        return None
    ours, theirs = np.array(pairs, np.float64).T
    return float(ours.mean()), float(theirs.mean()), paired_bootstrap(ours, theirs)


def in_words(found: tuple[float, float, PairedDifference] | None) -> str:
    if found is None:
        return ""
    new, base, apart = found
    interval = "too few for an interval" if math.isnan(apart.low) else f"{apart.low:+.2f} to {apart.high:+.2f}"
    many = f"{apart.pairs} held-out image{'s' * (apart.pairs != 1)} with masks drawn by hand"
    return (
        f"Masks on {many}: IoU new {new:.2f}, base {base:.2f} (difference {apart.mean:+.2f}, {interval}); "
        "they may have chosen the checkpoint too, which flatters the new model."
    )
