from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.divided import nothing
from tui_cytpix.core.objects.regions import label_objects
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.train.augment import Augmentation
from tui_cytpix.engine.train.dataset import batches, example
from tui_cytpix.engine.train.doublets import with_another
from tui_cytpix.engine.train.scene import Scene, scene


def _disc(centre: tuple[int, int], radius: int, size: int = 80, value: float = 1.0) -> Scene:
    mask = np.zeros((size, size), np.uint8)
    cv2.circle(mask, centre[::-1], radius, 1, -1)
    gray = np.random.default_rng(0).normal(0, 0.05, (size, size)).astype(np.float32) + value * mask
    return scene(gray.astype(np.float32), Segmentation(mask > 0, np.array([centre], np.float32)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 72), st.integers(5, 20))
def test_the_host_stays_as_it_was_and_one_particle_joins_it(seed, place, radius):
    host, donor = _disc((place, place), 7), _disc((40, 40), radius, value=-1.0)
    both = with_another(host, donor, np.random.default_rng(seed))
    assert both.labels.max() == len(both.centroids) == 2
    assert (both.labels == 1).sum() == (host.labels == 1).sum()
    assert (both.labels == 2).sum() == pytest.approx((donor.labels == 1).sum(), rel=0.15)
    assert np.array_equal(both.mask, both.labels > 0)
    for k, (y, x) in enumerate(both.centroids):
        assert both.labels[round(float(y)), round(float(x))] == k + 1
    assert both.gray[both.labels == 2].mean() == pytest.approx(-1, abs=0.25)


def test_most_touch_and_some_lie_apart():
    host, donor = _disc((40, 40), 9), _disc((40, 40), 9)
    objects = [label_objects(with_another(host, donor, np.random.default_rng(s)).mask)[1] for s in range(60)]
    assert 0.5 < np.mean(np.array(objects) == 1) < 0.95


def _rod(angle: float, size: int = 100) -> Scene:
    """30 x 8 px in the middle; `angle` from +x to +y, radians."""
    mask = np.zeros((size, size), np.uint8)
    corners = cv2.boxPoints(((size / 2, size / 2), (30, 8), float(np.degrees(angle))))
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return scene(mask.astype(np.float32), Segmentation(mask > 0, np.array([[size / 2, size / 2]], np.float32)))


@pytest.mark.parametrize("angle", [0.3, 1.2, 2.6])
def test_most_rods_lie_along_and_beside_their_neighbour(angle):
    turns, sides = [], []
    for seed in range(60):
        both = with_another(_rod(angle), _rod(0.9), np.random.default_rng(seed))
        one, other = both.ellipses
        turns.append(abs((other.angle - one.angle + np.pi / 2) % np.pi - np.pi / 2))
        towards = np.arctan2(other.y - one.y, other.x - one.x)
        sides.append(abs(np.sin(towards - one.angle)))
    # By chance a third would be within 30 degrees of parallel.
    assert 0.5 < np.mean(np.array(turns) < np.pi / 6) < 0.95
    assert 0.5 < np.mean((np.array(turns) < np.pi / 6) & (np.array(sides) > 0.7)) < 0.95


def test_what_is_cut_by_the_border_or_lies_in_a_clump_is_not_taken():
    assert _disc((3, 40), 9).loners == ()
    mask = np.zeros((60, 60), np.uint8)
    cv2.circle(mask, (20, 30), 8, 1, -1)
    cv2.circle(mask, (36, 30), 8, 1, -1)
    pair = scene(mask.astype(np.float32), Segmentation(mask > 0, np.array([[30, 20], [30, 36]], np.float32)))
    assert pair.loners == ()
    host = _disc((40, 40), 9)
    assert with_another(host, pair, np.random.default_rng(0)) is host


def test_without_a_particle_there_is_nothing_to_lay_a_cell_against():
    empty = scene(np.zeros((50, 50), np.float32), nothing((50, 50)))
    assert with_another(empty, _disc((40, 40), 9), np.random.default_rng(0)) is empty


def test_views_with_another_cell_have_more_to_count(toys):
    shown = [toys.image(i, cells=1) for i in range(4)]
    examples = [example(t.image, np.full(t.image.shape, 500, np.float32), t.truth) for t in shown]
    plain, doubled = (
        np.concatenate([b.numpy() for b in batches(examples, 64, 6, 8, Augmentation(another=share), (1, 1))])
        for share in (0.0, 1.0)
    )
    assert doubled[:, 1].sum() > 1.5 * plain[:, 1].sum()
