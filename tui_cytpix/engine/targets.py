"""What the network is to say about an annotated image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.regions import as_uint8, bounding_box, ellipses, label_objects

GAP_PX = 4.0  # background this near to two objects is what keeps them apart
GAP_WEIGHT = 4.0
SEAM_WEIGHT = 3.0  # on the centrality where particles of a clump touch
EDGE_PX = 2.0
_REACH = int(max(GAP_PX, EDGE_PX)) + 1  # about the objects; beyond, nothing is special


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


def make_targets(
    labels: NDArray[np.uint16], mask: NDArray[np.bool_], centroids: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The targets of one annotated image.

    Objects without a centroid are foreground without centrality. Background between objects that nearly touch weighs
    more, and so does the centrality where particles of one object meet: a few pixels there decide on the counts.

    Args:
        labels: uint16 (H, W), k + 1 for the particle of centroid k.
        mask: bool (H, W), foreground, which may hold more than the particles.
        centroids: float32 (K, 2), (y, x) px.

    Returns:
        float32 (H, W, 4): foreground, 0 or 1; centrality, 0..1; and the weight of each pixel of either in the loss, 1
        where nothing is special.
    """
    maps = np.zeros((*mask.shape, 4), np.float32)
    maps[..., 2:] = 1
    box = bounding_box(mask)
    if box is not None:
        box = box.grown(_REACH, mask.shape)
        labels, mask, centroids = labels[box.slices], mask[box.slices], centroids - np.array(box[:2], np.float32)
        weights = _gap_weight(mask), _seam_weight(labels, mask)
        maps[box.slices] = np.dstack([mask, centrality(labels, centroids), *weights])
    return maps


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


def _seam_weight(labels: NDArray[np.uint16], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
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
