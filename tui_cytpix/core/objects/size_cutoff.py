"""The size cutoff: an object is kept if its longest axis (MajorDiameterMicrons) reaches it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import keep_by_major_axis, label_objects
from tui_cytpix.core.objects.watershed import object_of
from tui_cytpix.domain.segmentation import Segmentation


def cutoff_px(size_cutoff_um: float, um_per_px: float | None) -> float:
    """The size cutoff in pixels; 0 (off) with an unknown scale."""
    return size_cutoff_um / um_per_px if um_per_px else 0.0


def cut_to_size(found: Segmentation, min_px: float) -> Segmentation:
    """The size cutoff on a segmentation: objects with a major diameter below `min_px` go, with their centroids.

    Centroids that belong to no object stay.
    """
    kept = keep_by_major_axis(found.mask, min_px)
    objects, _ = label_objects(found.mask)
    owners = object_of(objects, found.centroids)
    return found.reduced(kept, (owners == 0) | np.isin(owners, objects[kept]))


def cut_labels_to_size(labels: NDArray[np.integer[Any]], min_px: float) -> NDArray[np.integer[Any]]:
    """The size cutoff on a label image: the particles of objects with a major diameter below `min_px` go."""
    return np.asarray(np.where(keep_by_major_axis(labels > 0, min_px), labels, 0), labels.dtype)
