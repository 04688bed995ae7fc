"""An annotated image as the network is to see it, with what it is to say."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.resample import resampled, resampled_labels
from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.core.objects.regions import Box, Ellipse, as_uint8, bounding_box, boxes, ellipses, label_objects
from tui_cytpix.core.objects.watershed import object_of
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.flows import Field, flow

GAP_PX = 4.0  # background this near to two objects is what keeps them apart
GAP_WEIGHT = 4.0
_REACH = int(GAP_PX) + 1  # about the objects; beyond, nothing is special
LONG = 1.6  # times as long as wide: rods, not the oval cells among rounds


@dataclass(frozen=True, eq=False)
class Scene:
    """All in px of the network's full-resolution input.

    Attributes:
        gray: float32 (H, W), normalised.
        labels: uint16 (H, W), k + 1 for the particle of centroid k.
        mask: bool (H, W), foreground: the particles, and objects without a centroid.
        centroids: float32 (K, 2), (y, x).
        weight: float32 (H, W), of each pixel of the foreground in the loss (`gap_weight`).
        flow: float32 (2, H, W), the particles' vectors (engine.network.flows).
    """

    gray: NDArray[np.float32]
    labels: NDArray[np.uint16]
    mask: NDArray[np.bool_]
    centroids: NDArray[np.float32]
    weight: NDArray[np.float32]
    flow: Field

    @functools.cached_property
    def loners(self) -> tuple[tuple[int, Box], ...]:
        """For each particle that is an object of its own, whole and with nothing else near, its label and box."""
        return _loners(self.mask, self.centroids)

    @functools.cached_property
    def ellipses(self) -> list[Ellipse]:
        """Of the particles, in the order of `centroids`."""
        return ellipses(self.labels, len(self.centroids))

    @functools.cached_property
    def has_long_cells(self) -> bool:
        """Whether most of its particles are long."""
        return sum(map(is_long, self.ellipses)) > len(self.centroids) / 2


def is_long(cell: Ellipse) -> bool:
    return cell.major >= LONG * cell.minor


def scene(gray: NDArray[np.float32], truth: Segmentation, zoom: float = 1.0) -> Scene:
    """The scene of a normalised image, float32 (H, W), and its annotation."""
    labels = resampled_labels(particles_of(truth), zoom)
    mask = resampled_labels(truth.mask.astype(np.uint16), zoom) > 0
    larger = resampled(gray, zoom)
    scale = np.array(larger.shape, np.float32) / np.array(gray.shape, np.float32)
    centroids = np.asarray((truth.centroids + 0.5) * scale - 0.5, np.float32)
    return scene_of(larger, labels, mask, centroids)


def scene_of(
    gray: NDArray[np.float32],
    labels: NDArray[np.uint16],
    mask: NDArray[np.bool_],
    centroids: NDArray[np.float32],
    known: Field | None = None,
) -> Scene:
    """A scene from its parts; arguments as the attributes of `Scene`. `known`: its flow, where it is known already."""
    return Scene(gray, labels, mask, centroids, gap_weight(mask), flow(labels) if known is None else known)


def _loners(mask: NDArray[np.bool_], centroids: NDArray[np.float32]) -> tuple[tuple[int, Box], ...]:
    objects, count = label_objects(mask)
    owners = object_of(objects, centroids)
    alone = np.flatnonzero(np.bincount(owners, minlength=count + 1) == 1)
    found = boxes(objects, count)
    height, width = mask.shape
    loners = []
    for label in alone[alone > 0].tolist():
        box = found[label - 1]
        if box.y0 > 0 and box.x0 > 0 and box.y1 < height and box.x1 < width:
            loners.append((int(np.flatnonzero(owners == label)[0]) + 1, box))
    return tuple(loners)


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
