"""Frames cropped to what is in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import Box, bounding_box, label_objects
from tui_cytpix.simulate.kinds.parts import Tight

_LEAST_PX = 12  # a smaller image is of no use to anybody


def tight_box(tight: Tight, labels: NDArray[np.uint16], rng: np.random.Generator) -> Box | None:
    """What a frame is cropped to; None where it stays whole, as one without any particle does.

    Args:
        labels: (H, W), 0 background, 1..K particles without gaps.
    """
    count = int(labels.max(initial=0))
    if count == 0 or rng.random() >= tight.share:
        return None
    chosen = labels == rng.integers(1, count + 1)
    if rng.random() >= tight.single:
        objects, _ = label_objects(labels > 0)
        chosen = objects == objects[chosen][0]
    box = bounding_box(chosen)
    if box is None:
        return None
    box = box.grown(round(rng.uniform(*tight.margin_px)), labels.shape)
    return box if min(box.y1 - box.y0, box.x1 - box.x0) >= _LEAST_PX else None
