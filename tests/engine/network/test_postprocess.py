from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tui_cytpix.core.objects.watershed import particle_labels
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.flows import flow
from tui_cytpix.engine.network.model import load_model, save_model
from tui_cytpix.engine.network.postprocess import PostSettings, calibrated, segment
from tui_cytpix.engine.train.accuracy import accuracy, image_accuracy
from tui_cytpix.errors import ModelFileError

POST = PostSettings()


def _segmented(probability: np.ndarray, labels: np.ndarray | None = None, cutoff_px: float = 0.0) -> Segmentation:
    """Of a probability and the flow of label images; without, of a network that is in doubt everywhere."""
    field = np.zeros((2, *probability.shape), np.float32) if labels is None else flow(labels)
    return segment([np.concatenate([probability[None], field])], POST, [cutoff_px], [1.0])[0]


def _rods(hesitation: float) -> np.ndarray:
    """A long rod's maps: the mean of 'one' (share `hesitation`) and 'two end to end'."""
    mask = np.zeros((40, 100), np.uint16)
    mask[15:26, 10:90] = 1
    halves = mask.copy()
    halves[:, 50:] *= 2
    field = hesitation * flow(mask) + (1 - hesitation) * flow(halves)
    return np.concatenate([mask[None].astype(np.float32), field])


@pytest.mark.parametrize(("hesitation", "count"), [(0.0, 2), (0.3, 2), (0.7, 1), (1.0, 1)])
def test_the_likelier_count_wins(hesitation, count):
    assert segment([_rods(hesitation)], POST, [0.0], [1.0])[0].particle_count == count


def test_perfect_maps_give_the_truth_back():
    mask = np.zeros((80, 80), np.uint8)
    cv2.circle(mask, (20, 20), 9, 1, -1)
    cv2.circle(mask, (37, 24), 9, 1, -1)
    cv2.ellipse(mask, (40, 60), (18, 6), 20, 0, 360, 1, -1)
    points = np.array([[20, 20], [24, 37], [60, 40]], np.float32)
    found = _segmented((mask > 0).astype(np.float32), particle_labels(mask > 0, points))
    assert np.array_equal(found.mask, mask > 0)
    assert found.centroids.dtype == np.float32
    order = np.argsort(found.centroids[:, 0])
    np.testing.assert_allclose(found.centroids[order], points[np.argsort(points[:, 0])], atol=1.0)
    assert found.confidence > 0.9


def test_every_object_has_a_particle_even_without_vectors():
    probability = np.zeros((40, 40), np.float32)
    probability[5:15, 5:15] = probability[25:35, 25:35] = 1
    found = _segmented(probability)
    assert {found.mask[round(y), round(x)] for y, x in found.centroids.tolist()} == {True}
    assert found.particle_count >= 2


@pytest.mark.parametrize(("belief", "count"), [(0.98, 2), (0.7, 1)])
def test_an_object_that_is_hardly_believed_in_beside_a_sure_one_is_none(belief, count):
    discs = np.zeros((50, 90), np.uint16)
    cv2.circle(discs, (25, 25), 10, 1, -1)
    cv2.circle(discs, (65, 25), 10, 2, -1)
    probability = np.where(discs == 2, np.float32(belief), (discs == 1).astype(np.float32))
    probability[25, 65] = 1  # it is sure somewhere
    found = _segmented(probability, discs)
    assert found.particle_count == count
    assert found.mask[25, 65] == (count == 2)
    alone = _segmented(np.where(discs == 2, probability, 0), np.where(discs == 2, discs, 0))
    assert alone.particle_count == 1  # by itself it stays


@pytest.mark.parametrize(("belief", "stays"), [(0.97, True), (0.8, False)])
def test_a_ghost_that_touches_a_cell_goes_and_the_cell_stays(belief, stays):
    discs = np.zeros((50, 70), np.uint16)
    cv2.circle(discs, (20, 25), 10, 1, -1)
    discs[cv2.circle(np.zeros_like(discs), (40, 25), 10, 1, -1) > discs] = 2
    found = _segmented(np.where(discs == 2, np.float32(belief), (discs == 1).astype(np.float32)), discs)
    assert found.particle_count == 1 + stays
    assert (found.labels is not None) == stays
    assert np.array_equal(found.mask, discs > 0 if stays else discs == 1)


def test_what_a_ghost_leaves_of_an_object_is_cut_to_size_too():
    labels = np.zeros((30, 90), np.uint16)
    labels[10:20, 5:45], labels[10:20, 45:65], labels[10:20, 65:75] = 1, 2, 3
    probability = (labels > 0) - np.float32(0.2) * (labels == 2)
    (found,) = segment(
        [np.concatenate([probability[None], flow(labels)])], PostSettings(least_share=0.1), [20.0], [1.0]
    )
    assert found.particle_count == 1
    assert np.array_equal(found.mask, labels == 1)


def test_specks_and_doubtful_regions_are_left_out_and_holes_are_filled():
    probability = np.zeros((60, 60), np.float32)
    probability[2:5, 2:5] = 1  # a speck
    probability[40:55, 40:55] = 0.6  # never sure
    probability[10:30, 10:30] = 1
    probability[18:20, 18:20] = 0
    found = _segmented(probability)
    assert found.mask.sum() == 400
    assert found.mask[10:30, 10:30].all()


def test_the_size_cutoff_takes_the_longest_axis():
    probability = np.zeros((60, 60), np.float32)
    probability[10:14, 5:45] = 1  # 40 long
    probability[40:50, 40:50] = 1
    found = _segmented(probability, cutoff_px=20)
    assert found.mask[12, 20]
    assert not found.mask[45, 45]


def test_an_empty_image_is_certain_of_nothing_in_it():
    found = _segmented(np.zeros((20, 30), np.float32))
    assert found.mask.shape == (20, 30)
    assert found.centroids.shape == (0, 2)
    assert found.confidence > 0.99


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


@pytest.mark.parametrize("name", ["image_slope", "image_offset", "particle_slope", "particle_offset"])
def test_a_calibration_that_cannot_be_computed_with_is_refused(name, toys, tmp_path):
    """As a file of somebody else may have it: no confidence would come out, or an error at the first image."""
    model, path = toys.model(), tmp_path / "m.safetensors"
    save_model(path, model.net, replace(model.card, post={name: 1e300}))
    with pytest.raises(ModelFileError, match="calibration"):
        load_model(path)
    save_model(path, model.net, replace(model.card, post={name: 50.0}))
    post = load_model(path).post
    for sure in (0.0, 0.5, 1.0):
        assert 0 <= calibrated(sure, post.image_slope, post.image_offset) <= 1
        assert 0 <= calibrated(sure, post.particle_slope, -post.particle_offset) <= 1


def test_an_image_has_the_same_objects_beside_others():
    """Steps are made for the pixels of many images at once."""
    rng = np.random.default_rng(3)
    maps = [_rods(0.3), np.zeros((3, 20, 30), np.float32), _rods(1.0)]
    for _ in range(40):
        size = tuple(rng.integers(20, 90, 2))
        blots = cv2.GaussianBlur(rng.normal(0, 1, (3, *size)).astype(np.float32).transpose(1, 2, 0), (0, 0), 4)
        maps.append(np.ascontiguousarray(6 * blots.transpose(2, 0, 1)) + np.float32([0.3, 0, 0])[:, None, None])
    together = segment(maps, POST, [0.0] * len(maps), [1.0, 2.0] * 21 + [1.0])
    assert sum(one.particle_count for one in together) > 40
    assert any(one.labels is not None for one in together)
    for place, (one, map_) in enumerate(zip(together, maps, strict=True)):
        alone = segment([map_], POST, [0.0], [1.0 + place % 2])[0]
        assert np.array_equal(one.mask, alone.mask)
        assert np.array_equal(one.centroids, alone.centroids)
        assert (one.confidence, one.labels is None) == (alone.confidence, alone.labels is None)
        assert all(one.mask[round(y), round(x)] for y, x in one.centroids.tolist())
