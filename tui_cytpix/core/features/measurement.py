"""Image-derived parameters of images and of their particles; `FEATURES` (core.features.table) defines each.

`Measurement` calculates them for many images at once, `image_features` for one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.focus import focus_score
from tui_cytpix.core.features.sums import Patches, Sums
from tui_cytpix.core.features.table import IMAGE, PARTICLE, names
from tui_cytpix.core.objects.regions import PIXEL_VARIANCE, Box, axes, bounding_box, label_objects
from tui_cytpix.core.objects.watershed import divided, object_of

_NAN = math.nan
_Points = NDArray[np.floating[Any]]
_Table = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Subject:
    """A segmented image, or the part of it that holds all of its foreground.

    Attributes:
        gray: (h, w), uint8 or uint16, as recorded.
        mask: bool (h, w), foreground.
        centroids: (K, 2), (y, x) px, from the part's corner.
        background: float32 (h, w), gray units.
        corner: (y, x) of the part in its image, px.
        frame: (height, width) of the image; None where the part is all of it.
        processable: whether the image's gray varies.
        confidence: ConfidenceScore of the image.
        focus: FocusScore of the image (core.features.focus).
        particle_confidence: (K,), that of its particles; empty where unknown.
        labels: uint16 (h, w), k + 1 on the pixels of centroid k's particle; None where the objects are to be divided.
        counted: whether it is known how many particles there are: else counts are NaN, and particles have no rows.
    """

    gray: NDArray[np.generic]
    mask: NDArray[np.bool_]
    centroids: _Points
    background: NDArray[np.float32]
    corner: tuple[int, int] = (0, 0)
    frame: tuple[int, ...] | None = None
    processable: bool = True
    confidence: float = _NAN
    focus: float = _NAN
    particle_confidence: _Points = field(default_factory=lambda: np.zeros(0, np.float32))
    labels: NDArray[np.uint16] | None = None
    counted: bool = True


class _Part:
    """A subject cut to its foreground, its objects numbered. `corner` is in the image, `points` (K, 2) in the cut."""

    def __init__(self, subject: Subject) -> None:
        box = bounding_box(subject.mask) or Box(0, 0, 0, 0)
        self.subject = subject
        self.corner = (subject.corner[0] + box.y0, subject.corner[1] + box.x0)
        self.frame = subject.frame or subject.gray.shape
        self.gray, self.background = subject.gray[box.slices], subject.background[box.slices]
        self.mask = subject.mask[box.slices]
        self.labels = None if subject.labels is None else subject.labels[box.slices]
        points = subject.centroids if subject.counted else np.zeros((0, 2))
        self.points = np.asarray(points, np.float64).reshape(-1, 2) - (box.y0, box.x0)
        self.objects, self.count = label_objects(self.mask) if self.mask.size else (self.mask.astype(np.int32), 0)
        self.owners = object_of(self.objects, self.points)
        self.owned = np.bincount(self.owners, minlength=self.count + 1)  # centroids in each object
        self.owned[0] = 0
        whole = self.labels is None or np.array_equal(self.labels, self.mask)
        # One particle, nothing else.
        self.alone = self.count == 1 == len(self.points) and bool(self.owners[0]) and whole

    def particles(self) -> NDArray[np.uint16]:
        """uint16 (h, w), k + 1 for centroid k."""
        if self.labels is not None:
            return self.labels
        return divided(self.objects, self.count, self.owners, self.points)

    def largest(self) -> NDArray[np.bool_]:
        """The largest object, bool (h, w)."""
        sizes = np.bincount(self.objects.ravel())
        return np.asarray(self.objects == int(np.argmax(sizes[1:])) + 1)


class Measurement:
    """Features of some images, by table: float64 (rows, `names(level)`), NaN where there is no value.

    Args:
        subjects: the images.
        um_per_px: micrometres per pixel; None where unknown, micron fields are then NaN.
    """

    def __init__(self, subjects: Sequence[Subject], um_per_px: float | None) -> None:
        self._um_per_px = _NAN if um_per_px is None else float(um_per_px)
        self._parts = [_Part(subject) for subject in subjects]
        self._patches = Patches([part.gray for part in self._parts], [part.background for part in self._parts])

    def images(self) -> _Table:
        """One row per image. Without an object, counts, NumPixels and area are 0 and the rest is NaN."""
        parts = self._parts
        everything, found = self._everything
        largest = [part.largest() if part.count > 1 else None for part in parts]
        clumps = self._patches.sums(largest, [1] * len(parts))
        known = np.where([part.subject.counted for part in parts], 1.0, _NAN)
        table: dict[str, _Table] = {}
        _put(table, everything.rows, found, len(parts), 0.0)
        _put(table, clumps.rows, _shape(clumps, self._um_per_px), len(parts))
        table |= {
            "AreaSquareMicrons": table["NumPixels"] * self._um_per_px**2,
            "ParticleCount": known * [len(part.points) for part in parts],
            "ObjectCount": known * [part.count for part in parts],
            "ClumpIndexMax": known * [part.owned.max() for part in parts],
            "IsProcessable": np.array([part.subject.processable for part in parts], np.float64),
            "IsProcessed": np.ones(len(parts)),
            "ConfidenceScore": np.array([part.subject.confidence for part in parts], np.float64),
            "FocusScore": np.array([part.subject.focus for part in parts], np.float64),
        }
        return _stacked(table, IMAGE)

    def particles(self) -> _Table:
        """One row per centroid, image by image, in order (core.objects.particles).

        A centroid without a particle has NumPixels 0, ObjectIndex 0 and NaN for the rest.
        """
        parts = self._parts
        counts = [len(part.points) for part in parts]
        # One particle and nothing else in the image: what is known of all foreground is the particle's.
        others = self._patches.sums([None if part.alone else part.particles() for part in parts], counts)
        alone, total = np.array([part.alone for part in parts], np.bool_), sum(counts)
        rows = np.concatenate([others.rows, np.cumsum([0, *counts])[:-1][alone]])
        everything, whole = self._everything
        same = alone[everything.rows]
        found = {name: np.concatenate([v, whole[name][same]]) for name, v in self._of_regions(others).items()}
        table: dict[str, _Table] = {}
        _put(table, rows, found, total)
        points = np.concatenate([part.points + part.corner for part in parts]) if parts else np.zeros((0, 2))
        there = np.full(total, _NAN)
        there[rows] = 0
        clumps = _joined([part.owned[part.owners].astype(np.float64) for part in parts])
        table |= {
            "NumPixels": np.nan_to_num(table["NumPixels"]),
            "ObjectIndex": np.nan_to_num(_joined([part.owners.astype(np.float64) for part in parts]) + there),
            "ClumpIndex": clumps + there,
            "ParticleIndex": _joined([np.arange(1.0, n + 1) for n in counts]),
            "CentroidOffsetPixels": np.hypot(
                table["CentroidYPixels"] - points[:, 0], table["CentroidXPixels"] - points[:, 1]
            ),
            "CentroidYPixels": points[:, 0],
            "CentroidXPixels": points[:, 1],
            "ConfidenceScore": _joined([_scores(part) for part in parts]),
        }
        return _stacked(table, PARTICLE)

    @functools.cached_property
    def _everything(self) -> tuple[Sums, dict[str, _Table]]:
        """All foreground of each image as one region, and its features."""
        sums = self._patches.sums([part.mask for part in self._parts], [1] * len(self._parts))
        return sums, self._of_regions(sums)

    def _of_regions(self, sums: Sums) -> dict[str, _Table]:
        statistics = [("", sums.gray), ("Normalized", sums.ratio)]
        return {
            **{f"{prefix}{name}Intensity": v for prefix, values in statistics for name, v in values.items()},
            **sums.texture,
            **_shape(sums, self._um_per_px),
            "NumPixels": sums.number,
            "AreaSquareMicrons": sums.number * self._um_per_px**2,
            "CentroidYPixels": sums.middle[0] + self._corners(sums, 0),
            "CentroidXPixels": sums.middle[1] + self._corners(sums, 1),
            "IsOnBorder": self._on_border(sums),
        }

    def _corners(self, sums: Sums, axis: int) -> NDArray[np.intp]:
        return np.array([part.corner[axis] for part in self._parts], np.intp)[sums.patch]

    def _on_border(self, sums: Sums) -> _Table:
        touching = np.zeros(len(sums.number), np.bool_)
        for axis in (0, 1):
            corners = self._corners(sums, axis)
            last = np.array([part.frame[axis] - 1 for part in self._parts], np.intp)[sums.patch]
            touching |= (sums.lowest[axis] + corners == 0) | (sums.highest[axis] + corners == last)
        return touching.astype(np.float64)


def _shape(sums: Sums, um_per_px: float) -> dict[str, _Table]:
    """Features of each region's shape, (R,), as core.features.table defines them."""
    yy, xx, xy = sums.variances
    major, minor, _ = axes(yy + PIXEL_VARIANCE, xx + PIXEL_VARIANCE, xy)
    longest, narrowest = sums.feret
    circularity = 100 * 4 * math.pi * sums.number / sums.perimeter**2
    return {
        "PerimeterMicrons": sums.perimeter * um_per_px,
        "MajorDiameterMicrons": major * um_per_px,
        "MinorDiameterMicrons": minor * um_per_px,
        "MinorMajorRatioPercent": 100 * minor / major,
        "EccentricityPercent": 100 * np.sqrt(np.maximum(0.0, 1 - (minor / major) ** 2)),
        "MaxFeretDiameterMicrons": longest * um_per_px,
        "MinFeretDiameterMicrons": narrowest * um_per_px,
        "CircularityPercent": np.minimum(100.0, circularity),
        "UncutCircularityPercent": circularity,
        "PseudoDiameterMicrons": 2 * np.sqrt(sums.number / math.pi) * um_per_px,
        "GyrationRadiusWeighted": sums.gyration,
    }


def _put(
    table: dict[str, _Table], rows: NDArray[Any], columns: Mapping[str, _Table], total: int, bare: float = _NAN
) -> None:
    """Adds columns whose values stand in `rows`; in the others are NaN, or `bare` for what can be counted."""
    for name, values in columns.items():
        counted = name in ("NumPixels", "IsOnBorder")
        table.setdefault(name, np.full(total, bare if counted else _NAN))[rows] = values


def _stacked(table: Mapping[str, _Table], level: str) -> _Table:
    return np.stack([table[name] for name in names(level)], axis=1)


def _joined(parts: Sequence[_Table]) -> _Table:
    return np.concatenate([*parts, np.zeros(0)])


def _scores(part: _Part) -> _Table:
    known = np.asarray(part.subject.particle_confidence, np.float64)
    return known if len(known) == len(part.points) else np.full(len(part.points), _NAN)


def image_features(
    gray: NDArray[np.generic],
    mask: NDArray[np.bool_],
    centroids: _Points,
    um_per_px: float | None,
    background: NDArray[np.float32],
    confidence: float = _NAN,
) -> dict[str, float]:
    """One row of the event table: a value for every name of `names("image")`, in that order; arguments as in
    `Subject`, of the whole image.
    """
    varied = bool((gray != gray.flat[0]).any())
    focus = focus_score(gray, mask, background)
    subject = Subject(gray, mask, centroids, background, processable=varied, confidence=confidence, focus=focus)
    row = Measurement([subject], um_per_px).images()[0]
    return dict(zip(names(IMAGE), row.tolist(), strict=True))
