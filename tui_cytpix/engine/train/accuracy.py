"""Training accuracy (TA) and validation accuracy (VA): one function, two sets of images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tui_cytpix.core.objects.regions import mask_iou
from tui_cytpix.domain.segmentation import Segmentation


class Accuracy(NamedTuple):
    """TA or VA: the mean of `image_accuracy` over images, NaN without any; `error` is the mean's standard error, NaN
    with fewer than two.
    """

    mean: float
    error: float


def image_accuracy(predicted: Segmentation, truth: Segmentation) -> float:
    """How right a prediction is, in 0..1: foreground IoU times count agreement.

    IoU is that of the two masks (1 where both are empty). Count agreement is the smaller particle count over the larger
    (1 where both are 0): a singlet called a doublet has 1/2, a doublet called a triplet 2/3. So a wrong count and a bad
    mask both lower it, and it is 1 only where every pixel and the count are right.
    """
    iou = mask_iou(predicted.mask, truth.mask) if predicted.mask.any() or truth.mask.any() else 1.0
    low, high = sorted((predicted.particle_count, truth.particle_count))
    return float(iou * (low / high if high else 1.0))


def accuracy(pairs: Iterable[tuple[Segmentation, Segmentation]]) -> Accuracy:
    """TA or VA over (predicted, truth)."""
    values = np.array([image_accuracy(predicted, truth) for predicted, truth in pairs])
    if len(values) == 0:
        return Accuracy(math.nan, math.nan)
    return Accuracy(
        float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    )
