"""Where a stated number of particles goes in an object."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import draw

from tui_cytpix.core.division import place
from tui_cytpix.core.regions import label_objects


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_placed_centroids_are_inside_different_and_deterministic(random_mask, seed, count):
    labels, _ = label_objects(random_mask(seed))
    region = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    found = place(region, count)
    assert found.shape == (count, 2)
    assert len({tuple(p) for p in found.tolist()}) == count
    rows = found.round().astype(int)
    assert region[rows[:, 0], rows[:, 1]].all()
    assert np.array_equal(found, place(region, count))


def test_centroids_go_where_the_discs_of_a_clump_are(discs):
    for circles in (
        [(20, 20, 10), (20, 38, 10)],
        [(30, 25, 14), (30, 44, 6)],  # mother and bud
        [(20, 20, 9), (20, 36, 9), (34, 28, 9)],
    ):
        found = place(discs(*circles) > 0, len(circles))
        truth = np.array([c[:2] for c in circles])
        nearest = np.linalg.norm(found[:, None] - truth[None], axis=2).min(axis=0)
        assert (nearest < 3.5).all(), (circles, found)


def test_a_rod_is_shared_along_its_length():
    rod = np.zeros((30, 80), bool)
    rod[10:20, 10:70] = True
    assert place(rod, 1) == pytest.approx(np.array([[14.5, 39.5]]))
    columns = np.sort(place(rod, 3)[:, 1])
    assert columns == pytest.approx([19.5, 39.5, 59.5], abs=2)


def test_impossible_numbers_are_refused(discs):
    region = discs((5, 5, 1)) > 0  # 5 pixels
    assert len(place(region, 5)) == 5
    for count in (0, 6):
        with pytest.raises(ValueError, match="centroids"):
            place(region, count)
    with pytest.raises(ValueError, match="centroids"):
        place(region & False, 1)


@pytest.mark.shared_data
def test_in_real_clumps_most_placed_centroids_hit_a_cell_each(shared_data):
    hit = total = 0
    for name in ("baby_yeast_bf", "pombe_bf_photophenosizer", "yeast_wellslide_bf", "oufti_ecoli_phase"):
        for path in sorted((shared_data / "cells" / name / "masks").iterdir()):
            truth = np.asarray(Image.open(path))
            objects, count = label_objects(truth > 0)
            for k in range(1, count + 1):
                cells = np.unique(truth[objects == k])
                if len(cells) > 1:
                    rows = place(objects == k, len(cells)).round().astype(int)
                    hit += len(np.unique(truth[rows[:, 0], rows[:, 1]]))
                    total += len(cells)
    assert hit / total > 0.85, f"{hit} of {total}"


def test_ellipses_end_to_end_are_told_apart():
    mask = np.zeros((60, 120), bool)
    for x in (30, 80):
        mask[draw.ellipse(30, x, 9, 26, shape=mask.shape)] = True
    assert place(mask, 2)[:, 1] == pytest.approx([30, 80], abs=4)


def test_two_rods_side_by_side_are_told_apart_by_the_line_between_them():
    """The joint outline is a plain rectangle: by its shape alone it would be cut across."""
    mask = np.zeros((40, 60), bool)
    mask[10:30, 15:45] = True
    image = np.full(mask.shape, 100, np.uint16)
    image[mask] = 130
    image[19:21, 15:45] = 105
    assert place(mask, 2)[:, 1] == pytest.approx([22, 37], abs=1.5)
    assert place(mask, 2, image) == pytest.approx(np.array([[14.5, 29.5], [24.5, 29.5]]), abs=1.5)
