"""What is in a segmentation: objects, the particles in each, how well centroids sit. For the editor's read-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.segmentation import Segmentation

# A centroid this far off its particle's centre, in shares of the particle's equivalent radius, is worth a warning.
OFF_CENTRE = 0.5


@dataclass(frozen=True, eq=False)
class ObjectPart:
    """One object: its number from 1, `area_px`, its `centre` (y, x), and the centroids in it by index (`particles`;
    their number is the object's clump index).
    """

    number: int
    area_px: int
    centre: tuple[float, float]
    particles: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Anatomy:
    """All objects and particles of an image.

    Attributes:
        objects: by number, from 1.
        object_labels: int32 (H, W), 0 background.
        particle_labels: uint16 (H, W), k + 1 for centroid k.
        offsets_px: float32 (K,), centroid to the centre of its particle; NaN without one.
        radii_px: float32 (K,), the particles' equivalent radii.
    """

    objects: tuple[ObjectPart, ...]
    object_labels: NDArray[np.int32]
    particle_labels: NDArray[np.uint16]
    offsets_px: NDArray[np.float32]
    radii_px: NDArray[np.float32]

    def object_at(self, point: tuple[float, float]) -> ObjectPart | None:
        """The object under a point (y, x)."""
        y, x = round(point[0]), round(point[1])
        height, width = self.object_labels.shape
        number = int(self.object_labels[y, x]) if 0 <= y < height and 0 <= x < width else 0
        return self.objects[number - 1] if number else None

    @property
    def off_centre(self) -> tuple[int, ...]:
        """The centroids that sit far from their particle's centre, or in no particle."""
        with np.errstate(invalid="ignore"):
            fine = self.offsets_px <= OFF_CENTRE * self.radii_px
        return tuple(int(k) for k in np.flatnonzero(~fine))

    @property
    def clump_index_max(self) -> int:
        """The most particles in one object."""
        return max((len(part.particles) for part in self.objects), default=0)


def dissect(segmentation: Segmentation) -> Anatomy:
    """Labels objects and particles and measures offsets. A few milliseconds; uses OpenCV."""
    from tui_cytpix.core.centroids import offsets
    from tui_cytpix.core.regions import label_objects
    from tui_cytpix.core.watershed import object_of, particle_labels

    labels, count = label_objects(segmentation.mask)
    particles = particle_labels(segmentation.mask, segmentation.centroids)
    owners = object_of(labels, segmentation.centroids)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    parts = []
    for number in range(1, count + 1):
        ys, xs = np.nonzero(labels == number)
        members = tuple(int(k) for k in np.flatnonzero(owners == number))
        parts.append(ObjectPart(number, int(areas[number]), (float(ys.mean()), float(xs.mean())), members))
    sizes = np.bincount(particles.ravel(), minlength=len(segmentation.centroids) + 1)[1:]
    return Anatomy(
        tuple(parts),
        labels,
        particles,
        offsets(segmentation.mask, segmentation.centroids),
        np.sqrt(sizes / np.pi).astype(np.float32),
    )
