"""Micrometres per pixel, as an FCS file with image parameters implies them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.entered import LEAST_PIXEL, MOST_PIXEL

MIN_EVENTS = 3
SPREAD = 0.02


def scale_from_areas(areas: NDArray[np.floating[Any]], pixels: NDArray[np.floating[Any]]) -> tuple[float | None, str]:
    """um/px = sqrt(AreaSquareMicrons / NumPixels), the median over events.

    Args:
        areas: (N,) square micrometres.
        pixels: (N,) counts; events without are passed over.

    Returns:
        The scale, and "" or the sentence that says why there is none: fewer than 3 events to tell from, more than a
        tenth of them off the median by over 2 %, or a value that no microscope has.
    """
    told = np.isfinite(areas) & np.isfinite(pixels) & (areas > 0) & (pixels > 0)
    if not told.any():
        return None, ""
    if told.sum() < MIN_EVENTS:
        return None, f"Only {told.sum()} events have image areas: too few to derive the pixel size."
    scales = np.sqrt(areas[told] / pixels[told])
    scale = float(np.median(scales))
    if (np.abs(scales / scale - 1) > SPREAD).mean() > 0.1:
        low, high = np.percentile(scales, [5, 95])
        return None, (
            f"AreaSquareMicrons and NumPixels don't agree on one pixel size ({low:.3g} to {high:.3g} um): "
            "none is derived."
        )
    if not LEAST_PIXEL <= scale <= MOST_PIXEL:
        return None, f"The pixel size that the FCS implies, {scale:.3g} um, is not believable and not used."
    return scale, ""
