"""The closed edge around a point: where the image changes most steeply, all the way round."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import Point, as_uint8

_ANGLES, _RADII = 64, 72
_NEAREST_PX = 2.5
_LARGEST_STEP = 6  # of the radii, from one angle to the next
_STIFFNESSES = (0.03, 0.12)  # of the usual steepness, for a step of one radius
_MOST_GAIN = 1.5  # of the usual steepness: one sharp spot doesn't outweigh the way round
_CENTRINGS = 3
_SMOOTH_PX = 1.0


def closed_edges(
    image: NDArray[np.generic], point: Point, free: NDArray[np.bool_], reach_px: float
) -> Iterator[NDArray[np.bool_]]:
    """Regions around a point whose outline is steep at every angle: from dark inside to bright outside or the other
    way, more or less stiff. Each is looked for again from its own middle.

    On rays from the point, at radii that grow by equal factors (so an elongated outline is as smooth as a round one),
    the closed path of the greatest sum of steepness less the cost of its steps, by dynamic programming (Viterbi, twice
    round).

    Args:
        image: (H, W), less its background.
        free: bool (H, W), what may belong to the region.
        reach_px: how far from the point an outline may be.

    Yields:
        bool (H, W).
    """
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), _SMOOTH_PX)
    slopes = cv2.Sobel(smooth, cv2.CV_32F, 0, 1) / 8, cv2.Sobel(smooth, cv2.CV_32F, 1, 0) / 8
    for sign, stiffness in itertools.product((1.0, -1.0), _STIFFNESSES):
        middle, region = point, None
        for _ in range(_CENTRINGS):
            found = _around(slopes, sign, stiffness, middle, free, reach_px)
            if found is None:
                break
            region = found
            ys, xs = np.nonzero(region)
            middle = float(ys.mean()), float(xs.mean())
        if region is not None:
            yield region


def _around(
    slopes: tuple[NDArray[np.float64], NDArray[np.float64]],
    sign: float,
    stiffness: float,
    middle: Point,
    free: NDArray[np.bool_],
    reach_px: float,
) -> NDArray[np.bool_] | None:
    # What follows is (angles, radii).
    angles = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    radii = np.geomspace(_NEAREST_PX, reach_px, _RADII)
    down, right = np.sin(angles)[:, None], np.cos(angles)[:, None]
    ys = (middle[0] + down * radii).astype(np.float32)
    xs = (middle[1] + right * radii).astype(np.float32)
    down_slope, right_slope = (cv2.remap(s, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for s in slopes)
    steep = np.asarray(sign * (down_slope * down + right_slope * right), np.float64)
    open_to = cv2.remap(as_uint8(free), xs, ys, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    steep[np.minimum.accumulate(open_to, axis=1) == 0] = 0.0
    usual = float(steep.max(axis=1).mean())
    if usual <= 0:
        return None
    path = _closed_path(np.minimum(steep / usual, _MOST_GAIN), stiffness)
    corners = np.stack([xs[np.arange(_ANGLES), path], ys[np.arange(_ANGLES), path]], axis=1)
    drawn = np.zeros(free.shape, np.uint8)
    cv2.fillPoly(drawn, [np.round(corners).astype(np.int32)], 1)
    region = drawn.view(np.bool_) & free
    return region if region.any() else None


def _closed_path(gain: NDArray[np.float64], stiffness: float) -> NDArray[np.intp]:
    """The radius (by place) at each angle; (angles, radii) in."""
    angles, radii = gain.shape
    steps = np.arange(-_LARGEST_STEP, _LARGEST_STEP + 1)
    cost = stiffness * np.abs(steps)
    total, came = np.zeros(radii), np.zeros((2 * angles, radii), np.intp)
    for turn in range(2 * angles):
        padded = np.pad(total, _LARGEST_STEP, constant_values=-np.inf)
        # (radii, steps)
        ways = np.lib.stride_tricks.sliding_window_view(padded, len(steps)) - cost
        best = ways.argmax(axis=1)
        came[turn] = np.arange(radii) + steps[best]
        total = ways[np.arange(radii), best] + gain[turn % angles]
    path, place = np.zeros(2 * angles, np.intp), int(total.argmax())
    for turn in range(2 * angles - 1, -1, -1):
        path[turn] = place
        place = int(came[turn, place])
    half = angles // 2
    return np.roll(path[half : half + angles], half)
