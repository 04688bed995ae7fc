"""Edits of masks and centroids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tui_cytpix.core.editing.adjust import loosen, snap, tighten
from tui_cytpix.core.objects.regions import label_objects

NOWHERE = np.zeros((0, 2), np.float32)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_loosened_objects_grow_by_one_and_never_merge(random_mask, seed):
    mask = random_mask(seed)
    grown = loosen(mask)
    assert (grown >= mask).all()
    assert label_objects(grown)[1] == label_objects(mask)[1]
    assert not (grown & ~ndimage.binary_dilation(mask)).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_tightened_objects_neither_vanish_nor_fall_apart(random_mask, seed):
    mask = random_mask(seed)
    places = np.argwhere(mask)
    centroids = places[:: max(1, len(places) // 5)].astype(np.float32)
    smaller = tighten(mask, centroids)
    assert (smaller <= mask).all()
    assert label_objects(smaller)[1] == label_objects(mask)[1]
    assert np.array_equal(np.unique(label_objects(mask)[0][smaller]), np.unique(label_objects(mask)[0][mask]))
    rows = centroids.astype(int)
    assert smaller[rows[:, 0], rows[:, 1]].all()


def test_a_disc_loses_and_gains_a_pixel_all_around(discs):
    mask = discs((30, 30, 10)) > 0
    assert np.array_equal(tighten(mask, NOWHERE), ndimage.binary_erosion(mask))
    assert np.array_equal(loosen(mask), ndimage.binary_dilation(mask))


def test_only_the_object_under_the_point_changes(discs):
    mask = discs((15, 15, 8), (45, 45, 8)) > 0
    for changed in (tighten(mask, NOWHERE, at=(15, 15)), loosen(mask, at=(15, 15))):
        assert np.array_equal(changed[32:], mask[32:])
        assert not np.array_equal(changed[:32], mask[:32])
    assert np.array_equal(tighten(mask, NOWHERE, at=(0, 60)), mask)
    assert np.array_equal(loosen(mask, at=(-5, 900)), mask)


def test_neighbours_keep_a_line_of_background(discs):
    mask = discs((30, 20, 9), (30, 42, 9)) > 0
    for _ in range(6):
        mask = loosen(mask)
    assert label_objects(mask)[1] == 2


def test_a_clump_keeps_its_neck(discs):
    mask = discs((30, 20, 8), (30, 40, 8)) > 0
    mask[29:31, 20:40] = True
    smaller = tighten(mask, NOWHERE)
    assert label_objects(smaller)[1] == 1
    assert smaller.sum() < 0.85 * mask.sum()


def test_the_images_edge_is_no_outline():
    mask = np.zeros((20, 20), bool)
    mask[:8] = True
    assert tighten(mask, NOWHERE).sum() == 7 * 20


@pytest.mark.parametrize("start", [(120, 130), (130, 118), (124, 128)])
def test_a_point_snaps_to_the_middle_of_a_cell(cell_frame, start):
    frame = cell_frame(np.full((248, 248), 600.0), 0, [(124, 124, 12), (60, 60, 12)])
    assert snap(frame, start, radius=8) == pytest.approx((124, 124), abs=1.5)


def test_a_point_never_snaps_far_and_stays_where_nothing_is():
    flat = np.full((50, 50), 7, np.uint8)
    assert snap(flat, (20, 30)) == (20, 30)
    far = flat.copy()
    far[40:48, 40:48] = 255
    y, x = snap(far, (20, 30), radius=5)
    assert np.hypot(y - 20, x - 30) <= 10
    assert np.isfinite(snap(far, (0, 0))).all()
