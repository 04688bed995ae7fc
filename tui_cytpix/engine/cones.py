"""Particles by cones: a map of how central a pixel is in its particle, whose peaks are the particles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tui_cytpix.core.regions import as_uint8, ellipses
from tui_cytpix.core.watershed import divide
from tui_cytpix.engine.postprocess import PostSettings, high_enough

if TYPE_CHECKING:
    from tui_cytpix.engine.scene import Scene

SEAM_WEIGHT = 3.0  # where particles of a clump touch
EDGE_PX = 2.0
SHARE = 2.0  # of the loss
_SQUARE = np.ones((3, 3), np.uint8)
_STEPS = np.arange(5)
_RISE_STEPS = 64


class Cones:
    """The representation of 0.1.0's models (engine.representation): their second output is the centrality's logit."""

    def taught(self, scene: Scene, matrix: NDArray[np.float64], size: int) -> list[NDArray[np.float32]]:
        """Centrality and its weight."""
        return list(cv2.warpAffine(scene.cones, matrix, (size, size), flags=cv2.INTER_LINEAR).transpose(2, 0, 1))

    def loss(self, outputs: Tensor, taught: Tensor) -> Tensor:
        """Cross-entropy. Against a fractional target it is smallest at the target's expected value: where the network
        hesitates between one particle and two, its map is the mean of both maps, which is what `peaks` counts on.
        """
        each = functional.binary_cross_entropy_with_logits(outputs[:, 0], taught[:, 0], reduction="none")
        return SHARE * (each * taught[:, 1]).sum() / taught[:, 1].sum().clamp_min(1.0)

    def read(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Both are logits."""
        return np.asarray(torch.sigmoid(torch.from_numpy(np.ascontiguousarray(outputs))).numpy(), np.float32)

    def belief(self, maps: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
        """The highest peak: what the network believes in by half has one of half the height."""
        return float(cv2.minMaxLoc(maps[1], as_uint8(inside))[1])

    def particles(
        self,
        maps: NDArray[np.float32],
        inside: NDArray[np.bool_],
        settings: PostSettings,
        px: float,  # noqa: ARG002
    ) -> tuple[NDArray[np.uint16] | None, float]:
        """The object is divided along the passes of the centrality."""
        found, doubt = peaks(maps[1], inside, settings.prominence, settings.least_peak)
        if len(found) == 1:
            return None, doubt
        points = np.array(found, np.float32).astype(np.float64)
        return divide(inside, points, maps[1]), doubt


def maps(labels: NDArray[np.uint16], mask: NDArray[np.bool_], centroids: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a scene teaches: float32 (H, W, 2), the centrality and the weight of each of its pixels in the loss."""
    return np.dstack([centrality(labels, centroids), seam_weight(labels, mask)])


def centrality(labels: NDArray[np.uint16], centroids: NDArray[np.float32]) -> NDArray[np.float32]:
    """A cone on each particle, as long and as wide as the particle itself.

    1 - r, at least 0, where r is the distance from the centroid in units of the radius, in that direction, of the
    ellipse with the particle's second moments: 1 at the centroid, 0 at an ellipse's outline, half way at half the
    radius. So a rod has one peak at its middle, whatever its length, the shape is the same at every magnification,
    and affine maps of the image map it along.

    Args:
        labels: uint16 (H, W), k + 1 for the particle of centroid k, 0 elsewhere.
        centroids: (K, 2), (y, x) px.

    Returns:
        float32 (H, W), 0 outside the particles.
    """
    heat = np.zeros(labels.shape, np.float32)
    ys, xs = np.nonzero(labels)
    if len(ys) == 0:
        return heat
    owner = labels[ys, xs].astype(np.intp) - 1
    shape = np.array([e[3:] for e in ellipses(labels, len(centroids))], np.float64)[owner]
    dy, dx = ys - centroids[owner, 0].astype(np.float64), xs - centroids[owner, 1].astype(np.float64)
    cos, sin = np.cos(shape[:, 2]), np.sin(shape[:, 2])
    along, across = (dx * cos + dy * sin) / (shape[:, 0] / 2), (dy * cos - dx * sin) / (shape[:, 1] / 2)
    heat[ys, xs] = np.clip(1 - np.hypot(along, across), 0, 1)
    return heat


def seam_weight(labels: NDArray[np.uint16], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The weight of each pixel of the centrality in the loss, float32 (H, W): more where particles meet."""
    weight = np.where(mask, np.float32(2), np.float32(1))
    values = labels.astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    # A pixel whose neighbourhood holds two different labels, background apart.
    highest = cv2.dilate(values, square)
    lowest = cv2.erode(np.where(values > 0, values, np.float32(1e6)), square)
    seam = (highest > 0) & (lowest < 1e6) & (highest != lowest)
    if seam.any():
        distance = cv2.distanceTransform(as_uint8(~seam), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        weight[distance <= EDGE_PX] = SEAM_WEIGHT * 2
    return np.asarray(weight, np.float32)


def peaks(
    centrality: NDArray[np.float32], inside: NDArray[np.bool_], prominence: float, least_peak: float
) -> tuple[list[tuple[float, float]], float]:
    """The particles of one object: maxima that stand out by `prominence` (h-maxima) and reach `least_peak` of the
    highest; at least one.

    A map that hesitates between one rod (peak in the middle) and two (peaks at the quarters, a pass of 0 in the
    middle), with probability p for one, has height p in the middle and 1 - p/2 at the quarters: two peaks with a
    prominence of 1 - 1.5 p, which is 1/4 at p = 1/2. The threshold is relative to the object's highest peak, as small
    and blurred particles reach lower.

    Args:
        centrality: (h, w) in 0..1.
        inside: bool (h, w), the object.

    Returns:
        Positions (y, x) px, highest first, of several to fractions of a pixel; and the doubt in 0..1 of the least
        clear decision (1: on the threshold).
    """
    smooth = cv2.GaussianBlur(centrality, (3, 3), 0.8)
    heat = np.where(inside, smooth, np.float32(-1))
    top = float(heat.max())
    needed = prominence * max(top, 0.3)
    maxima = (heat >= cv2.dilate(heat, _SQUARE)) & inside
    ys, xs = np.nonzero(maxima)
    order = np.argsort(-heat[ys, xs], kind="stable")
    taken: list[tuple[int, int]] = []
    doubt = 0.0
    for y, x in zip(ys[order].tolist(), xs[order].tolist(), strict=True):
        if not taken:
            taken.append((y, x))
            continue
        rise = _rise(heat, y, x, taken, 2 * needed)
        clear = min((rise - needed) / needed, high_enough(float(heat[y, x]), top, least_peak))
        doubt = max(doubt, 1 - min(abs(clear), 1.0))
        if clear >= 0:
            taken.append((y, x))
    return [_refined(heat, y, x) if len(taken) > 1 else (y, x) for y, x in taken], doubt


def _rise(heat: NDArray[np.float32], y: int, x: int, taken: list[tuple[int, int]], most: float) -> float:
    """How far one must come down from (y, x) to get to any of `taken`, up to `most`; found by bisection."""
    low, high = 0, _RISE_STEPS
    middle = high - 1  # most peaks are cut off from the others for good
    while high - low > 1:
        bound = heat[y, x] - most * middle / _RISE_STEPS
        _, labels = cv2.connectedComponents(as_uint8(heat > bound), connectivity=8, ltype=cv2.CV_32S)
        joined = any(labels[v, u] == labels[y, x] for v, u in taken)
        low, high = (low, middle) if joined else (middle, high)
        middle = (low + high) // 2
    return most * (low + high) / (2 * _RISE_STEPS)


def _refined(heat: NDArray[np.float32], y: int, x: int) -> tuple[float, float]:
    """The centre of mass of the 5 x 5 pixels about a peak, above their lowest inside the object."""
    y0, x0 = max(y - 2, 0), max(x - 2, 0)
    window = heat[y0 : y + 3, x0 : x + 3]
    weight = np.maximum(window - window[window >= 0].min(), 0)
    total = float(weight.sum())
    if total <= 0:
        return float(y), float(x)
    rows, columns = (_STEPS[:n] for n in window.shape)
    return y0 + float(weight.sum(axis=1) @ rows) / total, x0 + float(weight.sum(axis=0) @ columns) / total
