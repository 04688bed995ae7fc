"""What is in a segmentation: objects, the particles in each, how well centroids sit. For the editor's read-out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.segmentation import Segmentation

# A centroid this far off its particle's centre, in shares of the particle's equivalent radius, is worth a warning.
OFF_CENTRE = 0.5
DOUBTED = 0.5  # of a particle: rather wrong than right
SPECK = 0.4  # of the largest object's area
ROUND_CLUMP = 0.25  # dents of an object that surely is a clump


@dataclass(frozen=True, eq=False)
class ObjectPart:
    """One object: its number from 1, `area_px`, its `centre` (y, x), the centroids in it by index (`particles`; their
    number is the object's clump index), and how doubtful that number is by the object's shape (`doubt`).
    """

    number: int
    area_px: int
    centre: tuple[float, float]
    particles: tuple[int, ...]
    doubt: float = 0.0


@dataclass(frozen=True, eq=False)
class Anatomy:
    """All objects and particles of an image.

    Attributes:
        objects: by number, from 1.
        object_labels: int32 (H, W), 0 background.
        particle_labels: uint16 (H, W), k + 1 for centroid k.
        offsets_px: float32 (K,), centroid to the centre of its particle; NaN without one.
        radii_px: float32 (K,), the particles' equivalent radii.
        unclaimed: middles (y, x) of what the image shows outside all objects, largest first.
        confidence: float32 (K,), how sure the model is of each particle; empty where it didn't say, or no longer holds.
    """

    objects: tuple[ObjectPart, ...]
    object_labels: NDArray[np.int32]
    particle_labels: NDArray[np.uint16]
    offsets_px: NDArray[np.float32]
    radii_px: NDArray[np.float32]
    unclaimed: tuple[tuple[float, float], ...] = ()
    confidence: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def object_at(self, point: tuple[float, float]) -> ObjectPart | None:
        """The object under a point (y, x)."""
        y, x = round(point[0]), round(point[1])
        height, width = self.object_labels.shape
        number = int(self.object_labels[y, x]) if 0 <= y < height and 0 <= x < width else 0
        return self.objects[number - 1] if number else None

    def nearest_object(self, point: tuple[float, float]) -> ObjectPart | None:
        """The object under a point, else the closest one; None where there is none."""
        here = self.object_at(point)
        if here is not None or not self.objects:
            return here
        ys, xs = np.nonzero(self.object_labels)
        closest = int(np.argmin((ys - point[0]) ** 2 + (xs - point[1]) ** 2))
        return self.objects[int(self.object_labels[ys[closest], xs[closest]]) - 1]

    @property
    def off_centre(self) -> tuple[int, ...]:
        """The centroids that sit far from their particle's centre, or in no particle."""
        with np.errstate(invalid="ignore"):
            fine = self.offsets_px <= OFF_CENTRE * self.radii_px
        return tuple(int(k) for k in np.flatnonzero(~fine))

    @property
    def doubtful(self) -> tuple[int, ...]:
        """The centroids that the model rather doubts, most doubtful first."""
        return tuple(int(k) for k in np.argsort(self.confidence) if self.confidence[k] < DOUBTED)

    @property
    def specks(self) -> tuple[ObjectPart, ...]:
        """The objects far smaller than the image's others, smallest first: debris, perhaps."""
        areas = [part.area_px for part in self.objects]
        small = [part for part in self.objects if part.area_px < SPECK * max(areas)]
        return tuple(sorted(small, key=lambda part: part.area_px))


def dissect(segmentation: Segmentation, image: NDArray[np.float32] | None = None) -> Anatomy:
    """Labels objects and particles, measures offsets, and looks for what is unmarked in an image less its background.
    A few milliseconds; uses OpenCV.
    """
    from tui_cytpix.core.editing.wand import unclaimed
    from tui_cytpix.core.objects.centroids import offsets
    from tui_cytpix.core.objects.particles import particles_of
    from tui_cytpix.core.objects.regions import label_objects
    from tui_cytpix.core.objects.watershed import object_of

    labels, count = label_objects(segmentation.mask)
    particles = particles_of(segmentation)
    owners = object_of(labels, segmentation.centroids)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    parts = []
    for number in range(1, count + 1):
        ys, xs = np.nonzero(labels == number)
        members = tuple(int(k) for k in np.flatnonzero(owners == number))
        middle = float(ys.mean()), float(xs.mean())
        parts.append(ObjectPart(number, int(areas[number]), middle, members, _doubt(labels == number, len(members))))
    sizes = np.bincount(particles.ravel(), minlength=len(segmentation.centroids) + 1)[1:]
    return Anatomy(
        tuple(parts),
        labels,
        particles,
        offsets(particles, segmentation.centroids),
        np.sqrt(sizes / np.pi).astype(np.float32),
        () if image is None else tuple(unclaimed(image, segmentation.mask)),
        segmentation.particle_confidence,
    )


def compared(now: Segmentation, proposal: Segmentation) -> str:
    """How a segmentation differs from what was proposed, in words."""
    union = int((now.mask | proposal.mask).sum())
    iou = int((now.mask & proposal.mask).sum()) / union if union else 1.0
    return f"proposed {proposal.particle_count}, yours {now.particle_count}; masks agree to {iou:.0%}"


def _doubt(region: NDArray[np.bool_], particles: int) -> float:
    """A clump without dents is doubtful, and a single particle with them: 0 sure, up to 1."""
    from tui_cytpix.core.objects.division import dents

    dented = min(dents(region) / ROUND_CLUMP, 1.0)
    return dented if particles == 1 else 1.0 - dented if particles else 1.0
