"""Masks as an instrument's own model would draw them: mostly right, wrong in the ways that users complain of."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import CROSS, Ellipse, as_uint8, ellipses, label_objects
from tui_cytpix.formats.masks.mask_archive import BLOB_SHARE
from tui_cytpix.simulate.frames.events import SimulatedEvent

_LONG = 1.7  # major over minor axis from which a model of round cells sees two
_SMALLEST_OBJECT_PX = 30


@dataclass(frozen=True, eq=False)
class InstrumentAnswer:
    """What the instrument's masks say of one image.

    Attributes:
        objects: uint16, (H, W), one label per object.
        particles: uint16, (H, W), one label per particle: a blob inside its object.
        centroids: float32, (K, 2), (y, x), the blobs' centres.
        confidence: in 0..1.
    """

    objects: NDArray[np.uint16]
    particles: NDArray[np.uint16]
    centroids: NDArray[np.float32]
    confidence: float


def instrument_answer(event: SimulatedEvent, rng: np.random.Generator) -> InstrumentAnswer:
    """The event's masks by a model that was made for rounds: masks a pixel off, elongated singlets called doublets."""
    found = _restrung(event.labels > 0, int(rng.choice((-1, 0, 1, 1))))
    labels, count = label_objects(found)
    objects = np.zeros(labels.shape, np.uint16)
    particles = np.zeros(labels.shape, np.uint16)
    centroids: list[tuple[float, float]] = []
    for k, ellipse in enumerate(ellipses(labels, count), start=1):
        if ellipse.area < _SMALLEST_OBJECT_PX:
            continue
        inside = labels == k
        objects[inside] = objects.max() + 1
        points = _particles(event, inside, ellipse, rng)
        radius = max(1.0, float(np.sqrt(BLOB_SHARE * ellipse.area / len(points) / np.pi)))
        for point in points:
            blob = _blob(inside, particles, point, radius)
            if blob.any():
                centroids.append(point)
                particles[blob] = len(centroids)
    middles = np.array(centroids, np.float32).reshape(-1, 2)
    return InstrumentAnswer(objects, particles, middles, float(rng.beta(12, 1.5)))


def _restrung(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    if pixels == 0:
        return mask
    change = cv2.dilate if pixels > 0 else cv2.erode
    return np.asarray(change(as_uint8(mask), CROSS)) > 0


def _particles(
    event: SimulatedEvent, inside: NDArray[np.bool_], ellipse: Ellipse, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Centroids (y, x) that the instrument puts into one object, at least one."""
    true = [(float(y), float(x)) for y, x in event.centroids if inside[round(float(y)), round(float(x))]]
    if len(true) <= 1:
        elongated = ellipse.major > _LONG * ellipse.minor
        if rng.random() < (0.65 if elongated else 0.02):
            dy, dx = np.sin(ellipse.angle) * ellipse.major / 4, np.cos(ellipse.angle) * ellipse.major / 4
            return [(ellipse.y - dy, ellipse.x - dx), (ellipse.y + dy, ellipse.x + dx)]
        return true or [(ellipse.y, ellipse.x)]
    return true[1:] if rng.random() < 0.12 else true


def _blob(
    inside: NDArray[np.bool_], taken: NDArray[np.uint16], point: tuple[float, float], radius: float
) -> NDArray[np.bool_]:
    """Pixels of the object within `radius` px of the point that no other blob has."""
    y, x = np.ogrid[: inside.shape[0], : inside.shape[1]]
    near = (y - point[0]) ** 2 + (x - point[1]) ** 2 <= radius**2
    return np.asarray(inside & (taken == 0) & near)
