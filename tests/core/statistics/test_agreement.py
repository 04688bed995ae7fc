"""Measures against hand-counted cases, scikit-image and brute force."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.divided import nothing
from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.size_cutoff import cut_labels_to_size, cut_to_size
from tui_cytpix.core.statistics import agreement
from tui_cytpix.core.statistics.agreement import compare_images, match_centroids
from tui_cytpix.core.statistics.model_scores import paired, summarise
from tui_cytpix.domain.segmentation import Segmentation


def discs(*circles, shape=(64, 64)):
    """Label image of (y, x, radius) discs; later ones lie on top."""
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.uint16)
    for k, (y, x, r) in enumerate(circles, 1):
        labels[(ys - y) ** 2 + (xs - x) ** 2 <= r * r] = k
    return labels


def perfect(labels):
    return compare_images(labels, Segmentation(labels > 0, centres(labels)))


DOUBLET = discs((30, 20, 9), (30, 36, 9))
SINGLET = discs((30, 20, 9))
COINCIDENT = discs((15, 15, 7), (48, 48, 7))
EMPTY = np.zeros((64, 64), np.uint16)


def test_a_prediction_equal_to_the_truth_is_perfect():
    found = summarise([perfect(labels) for labels in (DOUBLET, SINGLET, COINCIDENT, EMPTY)])
    for name in (
        "count_accuracy",
        "singlet_specificity",
        "multiplet_sensitivity",
        "centroid_f1",
        "foreground_iou",
        "ap50",
    ):
        assert found[name] == 1.0, name
        assert len(found[f"{name}_ci"]) == 2
    assert (found["singlet_images"], found["multiplet_images"], found["foreground_images"]) == (2, 1, 3)


def test_a_singlet_called_doublet_counts_everywhere_it_should():
    split = compare_images(SINGLET, Segmentation(SINGLET > 0, np.array([[30, 15], [30, 25]], np.float32)))
    found = summarise([split, perfect(DOUBLET)])
    assert found["count_accuracy"] == 0.5
    assert found["singlet_specificity"] == 0.0
    assert found["multiplet_sensitivity"] == 1.0
    # 5 px off with a radius of 4.5 px: no match
    assert (split.centroids.tp, split.centroids.fp, split.centroids.fn) == (0, 2, 1)
    assert found["centroid_f1"] == pytest.approx(2 * 2 / (2 * 2 + 2 + 1))


def test_a_coincident_pair_is_a_singlet_image():
    assert perfect(COINCIDENT).true_clump == 1
    joined = (COINCIDENT > 0) | (np.abs(np.subtract.outer(np.arange(64), np.arange(64))) < 2)
    bridged = compare_images(COINCIDENT, Segmentation(joined, centres(COINCIDENT)))
    assert bridged.count_right
    assert summarise([bridged])["singlet_specificity"] == 0.0
    assert summarise([bridged])["multiplet_sensitivity"] is None
    assert summarise([bridged])["multiplet_sensitivity_ci"] == [None, None]


def test_nothing_found_is_no_specificity():
    blank = compare_images(SINGLET, Segmentation(EMPTY > 0, np.zeros((0, 2), np.float32)))
    found = summarise([blank])
    assert found["singlet_specificity"] == 0.0
    assert found["foreground_iou"] == 0.0
    assert (found["centroid_f1"], found["ap50"]) == (0.0, 0.0)


def test_no_images_give_no_numbers():
    found = summarise([])
    assert found["images"] == 0
    assert found["count_accuracy"] is None
    assert found["foreground_iou_ci"] == [None, None]


def test_the_match_radius_is_half_the_equivalent_radius_or_three_pixels():
    for radius, reach in ((4, 3.0), (20, 10.0)):
        truth = discs((32, 32, radius))
        inside, outside = reach - 0.1, reach + 0.6
        assert compare_images(truth, Segmentation(truth > 0, np.array([[32, 32 + inside]]))).centroids.tp == 1
        assert compare_images(truth, Segmentation(truth > 0, np.array([[32, 32 + outside]]))).centroids.tp == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 10**6))
def test_matches_are_the_most_possible_and_then_the_nearest(trues, predictions, seed):
    rng = np.random.default_rng(seed)
    true_points, predicted = rng.uniform(0, 12, (trues, 2)), rng.uniform(0, 12, (predictions, 2))
    radii = rng.uniform(2, 8, trues)
    found = match_centroids(true_points, predicted, radii)
    best = (0, 0.0)
    slots = [*range(predictions), *([None] * trues)]
    for chosen in itertools.permutations(slots, trues):
        pairs = [(t, p) for t, p in enumerate(chosen) if p is not None]
        away = [float(np.hypot(*(true_points[t] - predicted[p]))) for t, p in pairs]
        if all(d <= radii[t] for d, (t, _) in zip(away, pairs, strict=True)):
            best = max(best, (len(pairs), -sum(away)))
    distances = sum(float(np.hypot(*(true_points[t] - predicted[p]))) for t, p in found)
    assert len({t for t, _ in found}) == len({p for _, p in found}) == len(found) == best[0]
    assert distances == pytest.approx(-best[1], abs=1e-6)


def test_ap50_counts_particles_one_to_one():
    truth = np.zeros((20, 20), np.uint16)
    truth[:10], truth[10:] = 3, 7  # labels needn't be consecutive
    halves = np.zeros((20, 20), np.uint16)
    halves[:, :] = 1  # one prediction with IoU 0.5 with each of two: one match only
    assert agreement.ap50_counts(truth, halves, 1) == agreement.Counts(1, 0, 1)
    shifted = np.roll(truth, 3, axis=0)
    shifted = np.where(shifted == 3, 1, 2).astype(np.uint16)
    # 7 of 10 rows shared: IoU 7 / 13 > 0.5 for both
    assert agreement.ap50_counts(truth, shifted, 2) == agreement.Counts(2, 0, 0)
    assert agreement.ap50_counts(truth, np.zeros_like(truth), 1) == agreement.Counts(0, 1, 2)


def test_the_size_cutoff_applies_to_both_sides():
    truth = discs((20, 20, 9), (50, 50, 3))
    found = compare_images(truth, Segmentation(truth > 0, centres(truth)), size_cutoff_px=10)
    assert (found.true_count, found.predicted_count, found.iou) == (1, 1, 1.0)
    only_large = compare_images(truth, Segmentation(discs((20, 20, 9)) > 0, np.array([[20, 20]])), 10)
    assert only_large.count_right


def test_the_size_cutoff_takes_the_centroids_of_what_it_removes():
    labels = discs((20, 20, 9), (20, 34, 3))  # 2 px apart: near, but objects of their own
    points = np.array([[20, 32], [20, 20], [60, 5]], np.float32)
    sure = np.array([0.2, 0.9, 0.4], np.float32)
    told = Segmentation(labels > 0, points, 0.5, sure, np.where(labels, 3 - labels, 0).astype(np.uint16))
    left = cut_to_size(told, 10)
    assert left.centroids.tolist() == [[20, 20], [60, 5]]
    assert left.particle_confidence.tolist() == sure[1:].tolist()
    assert np.array_equal(left.mask, labels == 1)
    assert np.array_equal(left.labels, labels == 1)
    assert cut_to_size(replace(told, labels=None), 10).labels is None
    assert np.array_equal(cut_labels_to_size(labels, 10), np.where(labels == 1, 1, 0))


def test_pairs_are_tested_as_pairs():
    wrong = compare_images(SINGLET, Segmentation(SINGLET > 0, np.array([[30, 15], [30, 25]])))
    right = perfect(SINGLET)
    found = paired([right] * 8 + [wrong], [wrong] * 8 + [wrong])
    assert (found["count_only_a_right"], found["count_only_b_right"]) == (8, 0)
    assert found["count_p"] == pytest.approx(2 * 0.5**8)
    assert found["foreground_iou_difference"] == 0.0
    with pytest.raises(ValueError, match="paired"):
        paired([right], [])


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="truth is"):
        compare_images(SINGLET, nothing((3, 3)))
