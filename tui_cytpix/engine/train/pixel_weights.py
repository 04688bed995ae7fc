"""Which pixels of an annotated image's foreground and background decide most."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import as_uint8, bounding_box, label_objects

GAP_PX = 4.0  # background this near to two objects is what keeps them apart
GAP_WEIGHT = 4.0
_REACH = int(GAP_PX) + 1  # about the objects; beyond, nothing is special


def gap_weight(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The weight of each pixel of the foreground's map in the loss: background between objects that nearly touch weighs
    more, as a few pixels there decide on the counts.

    Args:
        mask: bool (H, W), foreground.

    Returns:
        float32 (H, W), 1 where nothing is special.
    """
    weight = np.ones(mask.shape, np.float32)
    box = bounding_box(mask)
    if box is not None:
        box = box.grown(_REACH, mask.shape)
        weight[box.slices] = _gap_weight(mask[box.slices])
    return weight


def _gap_weight(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    weight = np.ones(mask.shape, np.float32)
    objects, count = label_objects(mask)
    if count < 2:
        return weight
    # Only the two nearest objects count: distances to each object, the two smallest kept.
    nearest = np.full((2, *mask.shape), np.inf, np.float32)
    for label in range(1, count + 1):
        distance = cv2.distanceTransform(as_uint8(objects != label), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        nearest[1] = np.minimum(nearest[1], np.maximum(nearest[0], distance))
        nearest[0] = np.minimum(nearest[0], distance)
    gap = ~mask & (nearest[1] <= GAP_PX)
    weight[gap] = GAP_WEIGHT
    return weight
