from __future__ import annotations

import cv2
import numpy as np
import pytest

from tui_cytpix.core.watershed import particle_labels
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.accuracy import accuracy, image_accuracy
from tui_cytpix.engine.cones import Cones, centrality, peaks
from tui_cytpix.engine.flows import Flows, flow
from tui_cytpix.engine.postprocess import PostSettings, segment

POST = PostSettings()


def _segmented(probability: np.ndarray, heat: np.ndarray, cutoff_px: float = 0.0) -> Segmentation:
    return segment([np.stack([probability, heat])], POST, [cutoff_px], Cones(), [1.0])[0]


def _rods(hesitation: float) -> tuple[np.ndarray, np.ndarray]:
    """A long rod, and the mean of the maps of 'one' (share `hesitation`) and 'two end to end'."""
    mask = np.zeros((40, 100), np.uint8)
    mask[15:26, 10:90] = 1
    one = centrality(mask.astype(np.uint16), np.array([[20, 49.5]], np.float32))
    halves = mask.astype(np.uint16)
    halves[:, 50:] *= 2
    two = centrality(halves, np.array([[20, 29.5], [20, 69.5]], np.float32))
    return mask.astype(np.float32), (hesitation * one + (1 - hesitation) * two).astype(np.float32)


@pytest.mark.parametrize(("hesitation", "count"), [(0.0, 2), (0.3, 2), (0.7, 1), (1.0, 1)])
def test_the_likelier_count_wins(hesitation, count):
    probability, heat = _rods(hesitation)
    assert _segmented(probability, heat).particle_count == count


def test_confidence_is_lowest_where_the_count_is_open():
    sure = [_segmented(*_rods(h)).confidence for h in (0.0, 0.5, 1.0)]
    assert sure[1] < min(sure[0], sure[2])
    assert min(sure) >= 0
    assert max(sure) <= 1


def test_perfect_maps_give_the_truth_back():
    mask = np.zeros((80, 80), np.uint8)
    cv2.circle(mask, (20, 20), 9, 1, -1)
    cv2.circle(mask, (37, 24), 9, 1, -1)
    cv2.ellipse(mask, (40, 60), (18, 6), 20, 0, 360, 1, -1)
    points = np.array([[20, 20], [24, 37], [60, 40]], np.float32)
    foreground, labels = (mask > 0).astype(np.float32), particle_labels(mask > 0, points)
    flows = np.concatenate([foreground[None], flow(labels)])
    by_flows = segment([flows], POST, [0.0], Flows(), [1.0])[0]
    for found in (_segmented(foreground, centrality(labels, points)), by_flows):
        assert np.array_equal(found.mask, mask > 0)
        assert found.centroids.dtype == np.float32
        order = np.argsort(found.centroids[:, 0])
        np.testing.assert_allclose(found.centroids[order], points[np.argsort(points[:, 0])], atol=1.0)
        assert found.confidence > 0.9


def test_every_object_has_a_particle_even_without_heat():
    probability = np.zeros((40, 40), np.float32)
    probability[5:15, 5:15] = probability[25:35, 25:35] = 1
    found = _segmented(probability, np.zeros((40, 40), np.float32))
    assert found.particle_count == 2


@pytest.mark.parametrize(("height", "count"), [(0.9, 2), (0.5, 1)])
def test_an_object_that_is_hardly_believed_in_beside_a_sure_one_is_none(height, count):
    discs = np.zeros((50, 90), np.uint8)
    cv2.circle(discs, (25, 25), 10, 1, -1)
    cv2.circle(discs, (65, 25), 10, 2, -1)
    points = np.array([[25, 25], [25, 65]], np.float32)
    heat = centrality(discs.astype(np.uint16), points)
    heat[discs == 2] *= height
    found = _segmented((discs > 0).astype(np.float32), heat)
    assert found.particle_count == count
    assert found.mask[25, 65] == (count == 2)
    alone = _segmented((discs == 2).astype(np.float32), np.where(discs == 2, heat, 0))
    assert alone.particle_count == 1  # a low peak by itself says nothing


@pytest.mark.parametrize(("height", "count"), [(0.9, 2), (0.5, 1)])
def test_a_particle_that_is_hardly_believed_in_belongs_to_its_neighbour(height, count):
    mask = np.zeros((40, 90), np.uint16)
    mask[15:26, 10:42], mask[15:26, 42:80] = 1, 2
    heat = centrality(mask, np.array([[20, 25.5], [20, 60.5]], np.float32))
    heat[mask == 2] *= height
    found = _segmented((mask > 0).astype(np.float32), heat)
    assert found.particle_count == count
    assert found.mask.sum() == (mask > 0).sum()


def test_specks_and_doubtful_regions_are_left_out_and_holes_are_filled():
    probability = np.zeros((60, 60), np.float32)
    probability[2:5, 2:5] = 1  # a speck
    probability[40:55, 40:55] = 0.6  # never sure
    probability[10:30, 10:30] = 1
    probability[18:20, 18:20] = 0
    found = _segmented(probability, np.zeros((60, 60), np.float32))
    assert found.mask.sum() == 400
    assert found.mask[10:30, 10:30].all()


def test_the_size_cutoff_takes_the_longest_axis():
    probability = np.zeros((60, 60), np.float32)
    probability[10:14, 5:45] = 1  # 40 long
    probability[40:50, 40:50] = 1
    found = _segmented(probability, np.zeros((60, 60), np.float32), 20)
    assert found.mask[12, 20]
    assert not found.mask[45, 45]


def test_an_empty_image_is_certain_of_nothing_in_it():
    found = _segmented(np.zeros((20, 30), np.float32), np.zeros((20, 30), np.float32))
    assert found.mask.shape == (20, 30)
    assert found.centroids.shape == (0, 2)
    assert found.confidence > 0.99


def test_peaks_on_a_plateau_are_one():
    inside = np.ones((9, 9), bool)
    found, _ = peaks(np.full((9, 9), 0.5, np.float32), inside, 0.2, 0.6)
    assert len(found) == 1


def _segmentation(mask: np.ndarray, count: int) -> Segmentation:
    return Segmentation(mask, np.zeros((count, 2), np.float32))


def test_accuracy_falls_with_a_wrong_count_and_with_a_bad_mask():
    mask = np.zeros((10, 10), bool)
    mask[:4] = True
    half = np.zeros((10, 10), bool)
    half[:2] = True
    truth = _segmentation(mask, 1)
    assert image_accuracy(truth, truth) == 1
    assert image_accuracy(_segmentation(mask, 2), truth) == 0.5
    assert image_accuracy(_segmentation(half, 1), truth) == 0.5
    assert image_accuracy(_segmentation(half, 2), truth) == 0.25
    empty = _segmentation(np.zeros((10, 10), bool), 0)
    assert image_accuracy(empty, empty) == 1
    assert image_accuracy(empty, truth) == image_accuracy(truth, empty) == 0
    both = accuracy([(truth, truth), (empty, truth)])
    assert both == (0.5, pytest.approx(0.5))  # of 1 and 0: the standard error of the mean
    assert np.isnan(accuracy([])).all()
