"""How large things are in images whose scale nobody knows."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import SQUARE, as_uint8, fill_holes

_STANDS_OUT = 0.5  # of the image's contrast
_LEAST_PX = 12
_LEAST_SHARE = 0.25  # of the image's largest region: what is smaller is taken for debris


def typical_diameter(grays: Iterable[NDArray[np.float32]]) -> float | None:
    """The size of what images show, without a model: the median over images of the median over their regions.

    A region is what stands out by half of the image's contrast, closed over 3 px, filled. Regions of less than 12 px or
    a quarter of the image's largest don't count, nor do those that the border cuts where there are others.

    Args:
        grays: normalised images, float32 (H, W) (core.images.normalise.normalise).

    Returns:
        The diameter of the disc of equal area, px; None where nothing stands out in any image.
    """
    found = [size for gray in grays if (size := _one(gray)) is not None]
    return float(np.median(found)) if found else None


def _one(gray: NDArray[np.float32]) -> float | None:
    out = cv2.morphologyEx(as_uint8(np.abs(gray) > _STANDS_OUT), cv2.MORPH_CLOSE, SQUARE)
    mask = as_uint8(fill_holes(out > 0))
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    x, y, width, height, area = stats[1:].T
    height_all, width_all = gray.shape
    inside = (x > 0) & (y > 0) & (x + width < width_all) & (y + height < height_all)
    areas = area[inside] if inside.any() else area
    areas = areas[areas >= max(_LEAST_PX, _LEAST_SHARE * areas.max(initial=0))]
    return 2 * float(np.sqrt(np.median(areas) / np.pi)) if len(areas) else None
