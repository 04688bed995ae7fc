"""How an object is divided among a stated number of particles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from skimage import draw

from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.division import divide
from tui_cytpix.core.objects.regions import label_objects
from tui_cytpix.core.objects.watershed import particle_labels


def place(region: np.ndarray, count: int, image: np.ndarray | None = None) -> np.ndarray:
    return centres(divide(region, count, image))


def agreement(truth: np.ndarray, found: np.ndarray) -> float:
    """The least intersection over union of a true part with the found one that shares most with it."""
    found_of = [np.bincount(found[truth == k]).argmax() for k in range(1, int(truth.max()) + 1)]
    assert len(set(found_of)) == truth.max()
    pairs = [(truth == k, found == found_of[k - 1]) for k in range(1, int(truth.max()) + 1)]
    return min((one & other).sum() / (one | other).sum() for one, other in pairs)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.booleans())
@example(131, 9, False)
def test_each_part_is_one_piece_numbered_from_the_top_and_always_the_same(random_mask, seed, count, seen):
    labels, _ = label_objects(random_mask(seed))
    region = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    image = np.random.default_rng(seed).normal(0, 1, region.shape) if seen else None
    parts = divide(region, count, image)
    assert parts.dtype == np.uint16
    assert np.array_equal(parts > 0, region)
    assert np.array_equal(np.unique(parts[region]), np.arange(1, count + 1))
    if ndimage.label(region)[1] == 1:  # no pixel hangs on by a corner only
        assert all(ndimage.label(parts == k)[1] == 1 for k in range(1, count + 1))
    points = centres(parts).tolist()
    assert points == sorted(points)
    assert np.array_equal(parts, divide(region, count, image))


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
    assert divide(region, 5).max() == 5
    for count in (0, 6):
        with pytest.raises(ValueError, match="particles"):
            divide(region, count)
    with pytest.raises(ValueError, match="particles"):
        divide(region & False, 1)


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


def test_the_parts_of_two_rods_side_by_side_are_the_rods():
    ys, xs = np.mgrid[:40, :80]
    rods = np.zeros((40, 80), np.uint16)
    for k, y in enumerate((15, 24), start=1):
        rods[np.hypot(np.maximum(np.abs(xs - 40) - 14, 0), ys - y) <= 4.6] = k
    image = np.where(rods > 0, 130.0, 100.0)
    image[19:21][rods[19:21] > 0] = 100
    parts = divide(rods > 0, 2, image)
    assert agreement(rods, parts) > 0.9
    across = particle_labels(rods > 0, centres(parts))
    assert (across == rods)[rods > 0].mean() < 0.8, "the watershed does as well"


def test_the_parts_of_a_t_are_its_bar_and_its_stem():
    t = np.zeros((60, 80), np.uint16)
    t[10:20, 10:70], t[20:56, 35:45] = 1, 2
    assert agreement(t, divide(t > 0, 2)) > 0.9


@pytest.mark.parametrize(
    "circles",
    [
        [(30, 15, 10), (30, 32, 10), (30, 49, 10)],  # in a row: necks
        [(20, 20, 9), (20, 36, 9), (34, 28, 9)],  # on each other: no depth parts them
    ],
)
def test_the_parts_of_three_discs_end_where_the_circles_meet(circles):
    ys, xs = np.mgrid[:64, :64]
    powers = np.stack([(ys - y) ** 2 + (xs - x) ** 2 - r**2 for y, x, r in circles])
    discs = np.where(powers.min(axis=0) <= 0, powers.argmin(axis=0) + 1, 0).astype(np.uint16)
    assert agreement(discs, divide(discs > 0, 3)) > 0.9
