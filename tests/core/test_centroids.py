"""Centroids: peaks, centres, and where a stated number of particles goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tui_cytpix.core.centroids import centre, centres, offsets, pick
from tui_cytpix.core.regions import label_objects


def heat_of(*points, shape=(64, 64), sigma=3.0):
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    hills = [np.exp(-((ys - y) ** 2 + (xs - x) ** 2) / (2 * sigma**2)) for y, x in points]
    return np.max(hills, axis=0)


def test_peaks_are_found_between_pixels(discs):
    mask = discs((30.3, 20.6, 12), (30, 42, 12)) > 0
    found = pick(heat_of((30.3, 20.6), (30, 42)), mask, 0.3)
    assert sorted(found.tolist(), key=lambda p: p[1]) == pytest.approx(np.array([[30.3, 20.6], [30, 42]]), abs=0.1)


def test_an_object_without_a_peak_gets_its_centre(discs):
    mask = discs((20, 20, 8), (45, 45, 8)) > 0
    found = pick(heat_of((20, 20)), mask, 0.3)
    assert found == pytest.approx(np.array([[20, 20], [45, 45]]), abs=0.1)


def test_peaks_off_the_mask_and_faint_ones_and_close_ones_are_left_out(discs):
    mask = discs((30, 20, 10)) > 0
    assert len(pick(heat_of((30, 20), (5, 50)), mask, 0.3)) == 1
    assert len(pick(heat_of((30, 20)) + 0.2 * heat_of((30, 27), sigma=1), mask, 0.3)) == 1
    assert len(pick(heat_of((30, 17), (30, 23), sigma=1.5), mask, 0.3, min_distance=3)) == 2
    assert len(pick(heat_of((30, 17), (30, 23), sigma=1.5), mask, 0.3, min_distance=7)) == 1


def test_a_flat_heat_map_gives_one_centroid_an_object(discs):
    mask = discs((20, 20, 8), (45, 45, 8)) > 0
    assert len(pick(np.ones(mask.shape), mask, 0.5, min_distance=30)) == 2
    assert pick(np.ones(mask.shape), mask & False, 0.5).shape == (0, 2)


def test_a_saturated_peak_is_taken_in_its_middle(discs):
    mask = discs((30, 20, 12), (30, 42, 12)) > 0
    heat = np.minimum(heat_of((30, 20), (30, 42), sigma=6), 0.7)
    found = pick(heat, mask, 0.3)
    assert found[np.argsort(found[:, 1])] == pytest.approx(np.array([[30, 20], [30, 42]]), abs=0.5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_every_object_has_a_centroid_and_every_centroid_an_object(random_mask, seed):
    mask = random_mask(seed)
    heat = ndimage.gaussian_filter(np.random.default_rng(seed).random(mask.shape), 2)
    found = pick(heat, mask, float(np.median(heat)))
    objects, count = label_objects(mask)
    rows = found.round().astype(int)
    near = ndimage.grey_dilation(objects, 3)[rows[:, 0], rows[:, 1]]
    assert (near > 0).all()
    assert len(found) >= count


def test_the_centre_of_a_convex_region_is_its_mean_and_of_a_horseshoe_inside(discs):
    disc = discs((20, 30, 9)) > 0
    assert centre(disc) == (20, 30)
    horseshoe = discs((30, 30, 20)) - (discs((30, 30, 12)) > 0)
    horseshoe[30:, 25:36] = 0
    y, x = centre(horseshoe > 0)
    assert horseshoe[round(y), round(x)]
    assert ndimage.distance_transform_edt(horseshoe)[round(y), round(x)] >= 2
    with pytest.raises(ValueError, match="empty"):
        centre(disc & False)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_centres_lie_inside_and_agree_with_scipy(random_mask, seed):
    labels, count = label_objects(random_mask(seed))
    found = centres(labels)
    assert found.shape == (count, 2)
    means = np.array(ndimage.center_of_mass(labels > 0, labels, range(1, count + 1)))
    for k in range(count):
        y, x = found[k].round().astype(int)
        assert labels[y, x] == k + 1
        row, column = (round(v) for v in means[k])
        if labels[row, column] == k + 1:
            assert found[k] == pytest.approx(means[k], abs=1e-3)


def test_centres_skip_labels_that_are_not_there():
    labels = np.zeros((9, 9), np.uint16)
    labels[1, 1], labels[5, 6] = 4, 9
    assert centres(labels).tolist() == [[1, 1], [5, 6]]
    assert centres(labels * 0).shape == (0, 2)


def test_offsets_are_distances_to_the_particles_centres(discs):
    mask = discs((20, 20, 9), (45, 45, 9)) > 0
    away = offsets(mask, np.array([[20, 23], [45, 45], [5, 60]]))
    assert away[:2] == pytest.approx([3, 0], abs=1e-5)
    assert np.isnan(away[2])
