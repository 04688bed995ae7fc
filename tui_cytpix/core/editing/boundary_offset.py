"""How an outline lies against the image's own edge."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import CROSS, as_uint8

_REACH, _STEP = 4.0, 0.25
_LEAST_POINTS = 12


def boundary_offset(image: NDArray[np.generic], mask: NDArray[np.bool_]) -> float:
    """By how many px the outlines lie outside (positive: loose) or inside (negative: tight) of the image's edges.

    At each outline pixel the image is read along the outline's normal, 4 px to both sides; the edge is where the gray
    changes most steeply. The median over the outlines; pixels near the frame or near another object say nothing.

    Args:
        image: (H, W), any real dtype.
        mask: bool (H, W).

    Returns:
        px; NaN where there is too little outline to tell.
    """
    inside = cv2.distanceTransform(as_uint8(mask), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(as_uint8(~mask), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    height = cv2.GaussianBlur((outside - inside).astype(np.float32), (0, 0), 1.5)
    down, right = cv2.Sobel(height, cv2.CV_32F, 0, 1), cv2.Sobel(height, cv2.CV_32F, 1, 0)
    rim = mask & ~cv2.erode(as_uint8(mask), CROSS, borderValue=1).view(np.bool_)
    ys, xs = np.nonzero(rim)  # (P,)
    length = np.hypot(down[ys, xs], right[ys, xs])
    margin = _REACH + 1
    kept = (length > 1e-3) & (ys >= margin) & (xs >= margin)
    kept &= (ys < mask.shape[0] - margin) & (xs < mask.shape[1] - margin)
    ys, xs, length = ys[kept], xs[kept], length[kept]
    if len(ys) < _LEAST_POINTS:
        return float("nan")
    at = np.arange(-_REACH - _STEP, _REACH + 2 * _STEP, _STEP, dtype=np.float32)
    # Of each pixel a way along the normal: (P, steps).
    rows = (ys[:, None] + (down[ys, xs] / length)[:, None] * at).astype(np.float32)
    columns = (xs[:, None] + (right[ys, xs] / length)[:, None] * at).astype(np.float32)
    gray = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)
    profile = cv2.remap(gray, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    steep = np.abs(np.gradient(profile, axis=1))
    # Half a pixel: the outline runs along the outer side of the outermost pixels.
    edges = at[np.argmax(steep, axis=1)] - 0.5
    return float(-np.median(edges))
