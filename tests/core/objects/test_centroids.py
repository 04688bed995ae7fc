"""Centroids: the centres of particles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tui_cytpix.core.objects.centroids import centre, centres, offsets
from tui_cytpix.core.objects.regions import label_objects
from tui_cytpix.core.objects.watershed import particle_labels


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
    mask, points = discs((20, 20, 9), (45, 45, 9)) > 0, np.array([[20, 23], [45, 45], [5, 60]])
    away = offsets(particle_labels(mask, points), points)
    assert away[:2] == pytest.approx([3, 0], abs=1e-5)
    assert np.isnan(away[2])
