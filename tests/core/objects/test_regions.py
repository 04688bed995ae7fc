"""Objects against scikit-image and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import measure

from tui_cytpix.core.objects import regions


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_objects_boxes_and_ellipses_agree_with_skimage(random_mask, seed):
    mask = random_mask(seed)
    labels, count = regions.label_objects(mask)
    judges = measure.regionprops(measure.label(mask, connectivity=2))
    assert count == len(judges)
    judges = measure.regionprops(labels)
    for judge, ellipse, box in zip(judges, regions.ellipses(labels, count), regions.boxes(labels, count), strict=True):
        assert tuple(box) == judge.bbox
        assert (ellipse.area, ellipse.y, ellipse.x) == pytest.approx((judge.area, *judge.centroid))
        # skimage takes pixels for points: their own moment, 1/12, is ours to add
        assert ellipse.major == pytest.approx(math.hypot(judge.axis_major_length, 4 / math.sqrt(12)), rel=1e-6)
        assert ellipse.minor == pytest.approx(math.hypot(judge.axis_minor_length, 4 / math.sqrt(12)), rel=1e-6)


def test_diagonal_neighbours_are_one_object():
    assert regions.label_objects(np.eye(5, dtype=bool))[1] == 1


def test_the_angle_is_that_of_the_major_axis():
    ys, xs = np.mgrid[:60, :60]
    along = (xs - 30) * math.cos(0.6) + (ys - 30) * math.sin(0.6)
    across = (ys - 30) * math.cos(0.6) - (xs - 30) * math.sin(0.6)
    rod = (np.abs(along) < 22) & (np.abs(across) < 5)
    assert regions.ellipses(rod.astype(np.uint8), 1)[0].angle == pytest.approx(0.6, abs=0.02)


def test_a_label_without_pixels_has_an_empty_box_and_no_area():
    labels = np.zeros((5, 5), np.int32)
    labels[1, 1] = 2
    assert regions.boxes(labels, 3) == [(0, 0, 0, 0), (1, 1, 2, 2), (0, 0, 0, 0)]
    areas = [ellipse.area for ellipse in regions.ellipses(labels, 3)]
    assert areas == [0, 1, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_holes_are_filled_as_scipy_does(random_mask, seed):
    mask = random_mask(seed, fill=0.55)
    assert np.array_equal(regions.fill_holes(mask), ndimage.binary_fill_holes(mask))
    objects = regions.objects_of(regions.fill_holes(mask))
    found = regions.filled_objects(mask)
    assert [box for box, _ in found] == [box for box, _ in objects]
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(found, objects, strict=True))


def test_the_iou_of_masks_is_jaccard():
    rng = np.random.default_rng(0)
    a, b = rng.random((30, 40)) > 0.5, rng.random((30, 40)) > 0.3
    both = np.logical_and(a, b).sum()
    assert regions.mask_iou(a, b) == pytest.approx(both / (a.sum() + b.sum() - both))
    assert math.isnan(regions.mask_iou(a & False, a & False))


def test_the_size_cutoff_looks_at_the_longest_axis(discs):
    mask = discs((15, 15, 5), (45, 45, 9)) > 0
    mask[30, 2:20] = True  # a scratch: long, hence kept
    kept = regions.keep_by_major_axis(mask, 14)
    assert not kept[15, 15]
    assert kept[45, 45]
    assert kept[30, 10]
    assert np.array_equal(regions.keep_by_major_axis(mask, 0), mask)
    assert not regions.keep_by_major_axis(mask & False, 5).any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.5, 20))
def test_the_cutoff_is_on_the_longest_axis(random_mask, seed, least):
    mask = random_mask(seed)
    labels, count = regions.label_objects(mask)
    long = [k for k, e in enumerate(regions.ellipses(labels, count), start=1) if e.major >= least]
    assert np.array_equal(regions.keep_by_major_axis(mask, least), np.isin(labels, long))
    assert [k for k in range(1, count + 1) if regions.is_as_long_as(labels == k, least)] == long


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_depth_is_scipys_distance_transform(random_mask, seed):
    mask = random_mask(seed)
    assert np.array_equal(regions.depth(mask), ndimage.distance_transform_edt(mask).astype(np.float32))


def test_depth_is_exact_each_time(discs):
    """OpenCV's own is not: roots come out a bit off, here and there, where arrays happen to lie in memory."""
    mask = discs((40, 26, 24), shape=(81, 53)) > 0
    judge = ndimage.distance_transform_edt(mask).astype(np.float32)
    assert all(np.array_equal(regions.depth(mask.copy()), judge) for _ in range(8))


def test_depth_of_a_full_frame_is_finite():
    assert np.isfinite(regions.depth(np.ones((7, 9), bool))).all()


def test_compact_keeps_the_order():
    numbers, values = regions.compact(np.array([[0, 7], [3, 7]], np.uint16))
    assert numbers.tolist() == [[0, 2], [1, 2]]
    assert values.tolist() == [3, 7]
    assert regions.compact(np.array([[4, 4]]))[0].tolist() == [[1, 1]]


def test_bounding_box_of_nothing():
    assert regions.bounding_box(np.zeros((4, 4), bool)) is None
    assert regions.Box(0, 1, 3, 4).grown(2, (5, 5)) == regions.Box(0, 0, 5, 5)
