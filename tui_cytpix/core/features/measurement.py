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
from tui_cytpix.core.features.intensity import NORMALIZED_STEPS, intensity
from tui_cytpix.core.features.pixels import Canvas, Pixels
from tui_cytpix.core.features.shape import shape
from tui_cytpix.core.features.table import IMAGE, PARTICLE, names
from tui_cytpix.core.features.texture import cooccurrence, gray_levels
from tui_cytpix.core.objects.regions import Box, bounding_box, label_objects
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
        self.nothing = np.zeros(self.mask.shape, np.uint16)

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
        self._canvas = Canvas([part.gray for part in self._parts], [part.background for part in self._parts])

    def images(self) -> _Table:
        """One row per image. Without an object, counts, NumPixels and area are 0 and the rest is NaN."""
        parts = self._parts
        everything, found = self._everything
        clumps = self._pixels([part.largest() if part.count > 1 else part.nothing for part in parts], [1] * len(parts))
        known = np.where([part.subject.counted for part in parts], 1.0, _NAN)
        table: dict[str, _Table] = {}
        _put(table, everything.regions - 1, found, len(parts), 0.0)
        _put(table, clumps.regions - 1, shape(clumps, self._um_per_px), len(parts))
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
        pixels = self._pixels([part.nothing if part.alone else part.particles() for part in parts], counts)
        alone, total = np.array([part.alone for part in parts], np.bool_), sum(counts)
        rows = np.concatenate([pixels.regions - 1, np.cumsum([0, *counts])[:-1][alone]])
        everything, whole = self._everything
        same = alone[everything.regions - 1]
        found = {name: np.concatenate([v, whole[name][same]]) for name, v in self._of_regions(pixels).items()}
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
    def _foreground(self) -> Pixels:
        return self._pixels([part.mask for part in self._parts], [1] * len(self._parts))

    @functools.cached_property
    def _everything(self) -> tuple[Pixels, dict[str, _Table]]:
        """All foreground of each image as one region, and its features."""
        return self._foreground, self._of_regions(self._foreground)

    @functools.cached_property
    def _levels(self) -> NDArray[np.uint8]:
        """Levels for texture on the canvas, of the foreground."""
        levels = np.zeros(self._canvas.gray.shape, np.uint8)
        levels[self._foreground.at] = gray_levels(_ratio(self._foreground))
        return levels

    def _pixels(self, labels: Sequence[NDArray[Any]], counts: Sequence[int]) -> Pixels:
        """Of regions that are numbered on from image to image."""
        return Pixels(self._canvas, self._canvas.filled(labels, np.int32), counts)

    def _corners(self, pixels: Pixels, axis: int) -> NDArray[np.intp]:
        return np.array([part.corner[axis] for part in self._parts], np.intp)[pixels.patch]

    def _of_regions(self, pixels: Pixels) -> dict[str, _Table]:
        middles = {
            "CentroidYPixels": pixels.mean(pixels.y) + self._corners(pixels, 0),
            "CentroidXPixels": pixels.mean(pixels.x) + self._corners(pixels, 1),
        }
        return self._of_pixels(pixels) | shape(pixels, self._um_per_px) | middles

    def _of_pixels(self, pixels: Pixels) -> dict[str, _Table]:
        """Intensities, number, texture, and whether the border is touched."""
        ratio = _ratio(pixels)
        found: dict[str, _Table] = {}
        for prefix, statistics in (
            ("", intensity(pixels, pixels.gray, pixels.gray.astype(np.int32))),
            ("Normalized", intensity(pixels, ratio, (ratio * NORMALIZED_STEPS).astype(np.int32))),
        ):
            found |= {f"{prefix}{name}Intensity": values for name, values in statistics.items()}
        return found | {
            **cooccurrence(pixels, self._levels),
            "NumPixels": pixels.number.astype(np.float64),
            "AreaSquareMicrons": pixels.number * self._um_per_px**2,
            "IsOnBorder": self._on_border(pixels),
        }

    def _on_border(self, pixels: Pixels) -> _Table:
        touching = np.zeros(len(pixels.number), np.bool_)
        for axis, values in enumerate((pixels.y, pixels.x)):
            corners = self._corners(pixels, axis)
            last = np.array([part.frame[axis] - 1 for part in self._parts], np.intp)[pixels.patch]
            touching |= (pixels.lowest(values) + corners == 0) | (pixels.highest(values) + corners == last)
        return touching.astype(np.float64)


def _ratio(pixels: Pixels) -> _Table:
    """Gray/background, (P,)."""
    return np.asarray(pixels.gray / np.maximum(pixels.background, 1.0), np.float64)


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
