"""How well a segmentation agrees with the truth: records of one image that pool over images.

Measures (all over the images compared):

- count_accuracy: share of images whose particle count equals the truth's.
- singlet_specificity: of the *singlet images*, in which the truth has particles and none is attached to another
  (largest clump index 1; a coincident second particle is no doublet), the share in which the prediction has
  particles and none attached as well.
- multiplet_sensitivity: of the *multiplet images*, in which the truth has an object with two or more particles
  (largest clump index >= 2), the share in which the prediction has one too.
- centroid_f1: 2 TP / (2 TP + FP + FN), pooled, of one-to-one matches of predicted to true centroids within
  max(3 px, half the true particle's equivalent radius), as many matches as possible.
- foreground_iou: mean over the images with foreground in truth or prediction.
- ap50: TP / (TP + FP + FN), pooled, of one-to-one matches of particle masks at IoU >= 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.core.objects.regions import compact, label_objects, mask_iou
from tui_cytpix.core.objects.size_cutoff import cut_labels_to_size, cut_to_size
from tui_cytpix.core.objects.watershed import object_of
from tui_cytpix.domain.segmentation import Segmentation

MIN_MATCH_RADIUS = 3.0  # px


@dataclass(frozen=True)
class Counts:
    """Matches of one image: found and true, found only, true only."""

    tp: int
    fp: int
    fn: int


@dataclass(frozen=True)
class ImageComparison:
    """One image's prediction beside its truth.

    `true_clump`, `predicted_clump`: particles in the fullest object (ClumpIndexMax), 0 without any. `iou`: of the
    foregrounds, NaN where both are empty. `matched`: for each predicted centroid, whether it has a true one.
    """

    true_count: int
    predicted_count: int
    true_clump: int
    predicted_clump: int
    centroids: Counts
    particles: Counts
    iou: float
    matched: tuple[bool, ...] = ()

    @property
    def count_right(self) -> bool:
        return self.true_count == self.predicted_count


def clump_index_max(mask: NDArray[np.bool_], centroids: NDArray[np.floating[Any]]) -> int:
    """Particles in the object that has most of them; 0 without any."""
    owners = object_of(label_objects(mask)[0], centroids)
    return int(np.bincount(owners[owners > 0], minlength=1).max())


def match_centroids(
    true_points: NDArray[np.floating[Any]],
    predicted: NDArray[np.floating[Any]],
    radii: NDArray[np.floating[Any]],
) -> list[tuple[int, int]]:
    """One-to-one matches (true index, predicted index) within each true particle's radius.

    As many as possible, and of those sets the one with the smallest sum of distances.

    Args:
        true_points, predicted: (T, 2) and (P, 2), (y, x) px.
        radii: (T,) px.
    """
    if len(true_points) == 0 or len(predicted) == 0:
        return []
    # (T, P, 2), then (T, P)
    away = np.asarray(true_points, np.float64)[:, None] - np.asarray(predicted, np.float64)[None]
    distance = np.hypot(away[..., 0], away[..., 1])
    allowed = distance <= np.asarray(radii, np.float64)[:, None]
    return _best_matches(allowed, -distance)


def _best_matches(allowed: NDArray[np.bool_], worth: NDArray[np.float64]) -> list[tuple[int, int]]:
    if not allowed.any():
        return []
    # One match more is worth more than any sum of differences between matches.
    spread = float(np.ptp(worth[allowed])) + 1.0
    bonus = spread * (min(allowed.shape) + 1)
    gain = np.where(allowed, worth - worth[allowed].min() + bonus, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if allowed[row, column]]


def ap50_counts(
    true_labels: NDArray[np.integer[Any]], predicted_labels: NDArray[np.integer[Any]], predicted_count: int
) -> Counts:
    """Matches of particle masks at IoU >= 0.5, one to one.

    Args:
        true_labels: (H, W), one label per particle.
        predicted_labels: (H, W), labels 1..predicted_count; one without pixels is a false positive.
        predicted_count: particles predicted.
    """
    true, values = compact(true_labels)
    true_count = len(values)
    # Pixels that each true and each predicted particle share, background first: (1 + T, 1 + P).
    overlap = np.bincount(
        true.ravel().astype(np.intp) * (predicted_count + 1) + predicted_labels.ravel(),
        minlength=(true_count + 1) * (predicted_count + 1),
    ).reshape(true_count + 1, predicted_count + 1)
    shared = overlap[1:, 1:]  # (T, P)
    union = overlap[1:].sum(axis=1)[:, None] + overlap[:, 1:].sum(axis=0)[None] - shared
    iou = shared / np.maximum(union, 1)
    matches = len(_best_matches(iou >= 0.5, iou))
    return Counts(matches, predicted_count - matches, true_count - matches)


def compare_images(
    truth: NDArray[np.integer[Any]], found: Segmentation, size_cutoff_px: float = 0.0
) -> ImageComparison:
    """Compares a prediction with a truth label image; the size cutoff is applied to both.

    Args:
        truth: (H, W), 0 background, one label per particle.
        found: what was predicted, (H, W).
        size_cutoff_px: px; objects with a smaller major diameter are left out.

    Raises:
        ValueError: the shapes differ.
    """
    if truth.shape != found.mask.shape:
        raise ValueError(f"truth is {truth.shape}, prediction {found.mask.shape}")
    if size_cutoff_px > 0:
        truth, found = cut_labels_to_size(truth, size_cutoff_px), cut_to_size(found, size_cutoff_px)
    points = found.centroids
    areas = np.bincount(compact(truth)[0].ravel())[1:]
    true_points = centres(truth)
    radii = np.maximum(MIN_MATCH_RADIUS, 0.5 * np.sqrt(areas / np.pi))
    pairs = match_centroids(true_points, points, radii)
    matches, hit = len(pairs), {predicted for _, predicted in pairs}
    return ImageComparison(
        true_count=len(true_points),
        predicted_count=len(points),
        true_clump=clump_index_max(truth > 0, true_points),
        predicted_clump=clump_index_max(found.mask, points),
        centroids=Counts(matches, len(points) - matches, len(true_points) - matches),
        particles=ap50_counts(truth, particles_of(found), len(points)),
        iou=mask_iou(truth > 0, found.mask),
        matched=tuple(k in hit for k in range(len(points))),
    )
