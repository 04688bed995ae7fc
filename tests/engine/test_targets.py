from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tui_cytpix.core.centroids import centres
from tui_cytpix.core.watershed import particle_labels
from tui_cytpix.engine.cones import EDGE_PX, SEAM_WEIGHT, centrality, seam_weight
from tui_cytpix.engine.targets import GAP_PX, GAP_WEIGHT, gap_weight


def _ellipse(a: float, b: float, angle: float, size: int = 121) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size // 2
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return ((along / a) ** 2 + (across / b) ** 2 <= 1).astype(np.uint16)


@pytest.mark.parametrize(("a", "b", "angle"), [(40, 40, 0), (50, 12, 0), (50, 12, 0.7), (30, 20, 2.0)])
def test_an_ellipse_gets_the_cone_of_its_own_radii(a, b, angle):
    labels = _ellipse(a, b, angle)
    heat = centrality(labels, np.array([[60, 60]], np.float32))
    y, x = np.mgrid[:121, :121] - 60
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    cone = np.clip(1 - np.hypot(along / a, across / b), 0, 1) * labels
    np.testing.assert_allclose(heat, cone, atol=0.03)
    assert heat[60, 60] == 1


def test_a_rod_has_one_peak_whatever_its_length():
    for length in (20, 40, 80):
        labels = np.zeros((40, 120), np.uint16)
        cv2.line(labels, (60 - length // 2, 20), (60 + length // 2, 20), 1, 10)
        heat = centrality(labels, centres(labels))
        peaks = (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))) & (heat > 0.2)
        assert np.argwhere(peaks).tolist() == [[20, 60]]


def test_scaling_the_image_scales_the_map():
    labels = _ellipse(20, 9, 0.4)
    double = cv2.resize(labels, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    small = centrality(labels, centres(labels))
    large = centrality(double, centres(double))
    np.testing.assert_allclose(cv2.resize(large, small.shape[::-1], interpolation=cv2.INTER_AREA), small, atol=0.06)


def test_two_touching_particles_have_two_peaks_and_a_valley():
    mask = np.zeros((40, 60), np.uint8)
    cv2.circle(mask, (20, 20), 10, 1, -1)
    cv2.circle(mask, (39, 20), 10, 1, -1)
    points = np.array([[20, 20], [20, 39]], np.float32)
    labels = particle_labels(mask > 0, points)
    heat, weight = centrality(labels, points), seam_weight(labels, mask > 0)
    assert heat[20, 20] > 0.95
    assert heat[20, 39] > 0.95
    assert heat[20, 29] < 0.15
    assert weight[20, 29] > weight[20, 20] > weight[0, 0]


def test_a_narrow_gap_weighs_more_and_a_wide_one_does_not():
    mask = np.zeros((30, 60), bool)
    mask[10:20, 5:20] = mask[10:20, 23:38] = mask[10:20, 50:58] = True
    weight = gap_weight(mask)
    assert weight[15, 21] == GAP_WEIGHT
    assert weight[15, 44] == 1
    assert (weight[mask] == 1).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 79), st.integers(2, 9)), min_size=1, max_size=5))
@example([(30, 20, 5), (30, 32, 5)])
def test_the_weights_are_those_of_the_distances(squares):
    """SciPy says how far each pixel is from each object, and from where particles of one object meet."""
    mask, points = np.zeros((60, 80), np.uint8), np.array([(y, x) for y, x, _ in squares], np.float32)
    for y, x, half in squares:
        mask[max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1] = 1
    labels = particle_labels(mask > 0, points)
    objects, count = ndimage.label(mask, np.ones((3, 3)))
    far = np.sort([ndimage.distance_transform_edt(objects != k) for k in range(1, count + 1)], axis=0)
    near_two = (mask == 0) & (far[1] <= GAP_PX) if count > 1 else np.zeros(mask.shape, bool)
    np.testing.assert_array_equal(gap_weight(mask > 0), np.where(near_two, GAP_WEIGHT, 1))
    highest, lowest = ndimage.maximum_filter(labels, 3), ndimage.minimum_filter(np.where(labels, labels, 99), 3)
    seam = (highest > 0) & (lowest < 99) & (highest != lowest)
    close = ndimage.distance_transform_edt(~seam) <= EDGE_PX if seam.any() else seam
    np.testing.assert_array_equal(seam_weight(labels, mask > 0), np.where(close, 2 * SEAM_WEIGHT, np.where(mask, 2, 1)))


def test_nothing_and_objects_without_centroids_are_allowed():
    points = np.zeros((0, 2), np.float32)
    assert centrality(np.zeros((9, 9), np.uint16), points).max() == 0
    mask = np.zeros((9, 9), bool)
    assert (gap_weight(mask) == 1).all()
    mask[2:6, 2:6] = True
    assert centrality(particle_labels(mask, points), points).max() == 0
    assert (gap_weight(mask) == 1).all()
