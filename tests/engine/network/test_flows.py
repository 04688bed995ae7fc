"""Flows: closed forms, plain steps as the oracle of the doubled ones, and labels that come back from their own flow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tui_cytpix.core.objects.regions import objects_of
from tui_cytpix.core.statistics.agreement import ap50_counts
from tui_cytpix.engine.network.flows import ends, flow, particles
from tui_cytpix.simulate.frames.events import SimulatedSample


def rod(half: int = 40, radius: int = 7) -> np.ndarray:
    """Lying, in the middle of 41 x 121 px."""
    labels = np.zeros((41, 121), np.uint16)
    cv2.line(labels, (60 - half, 20), (60 + half, 20), 1, 2 * radius)
    return labels


def test_a_discs_vectors_point_to_its_centre():
    labels = np.zeros((61, 61), np.uint16)
    cv2.circle(labels, (30, 30), 20, 1, -1)
    y, x = (part - 30 for part in np.nonzero(labels))
    away = np.hypot(x, y)
    far = away > 3
    found = flow(labels)[:, labels > 0][:, far]
    along = -(found[0] * x[far] + found[1] * y[far]) / away[far]
    assert along.min() > 0.95
    np.testing.assert_allclose(np.hypot(*found), 1, atol=1e-5)


def test_in_a_rod_they_lead_to_the_axis_and_then_along_it():
    x, y = flow(rod())
    assert x[20, 30] > 0.99  # on the axis, left of the middle: to the right
    assert x[20, 90] < -0.99
    assert y[14, 30] > 0.7  # at the upper wall: down, to the axis
    assert y[26, 30] < -0.7


def test_background_has_none_and_neither_has_a_part_without_a_way_to_the_middle():
    labels = rod()
    labels[:, 70:73] = 0
    x, y = flow(labels)
    assert not np.hypot(x, y)[labels == 0].any()
    assert np.hypot(x, y)[labels > 0].min() == 0  # the shorter part is cut off


def test_doubled_ways_are_those_of_single_steps():
    rng = np.random.default_rng(0)
    inside = rod() > 0
    field = flow(rod()) + 0.3 * ndimage.gaussian_filter(rng.normal(0, 3, (2, *inside.shape)), (0, 3, 3))
    field = field.astype(np.float32) * inside
    step = field / np.maximum(np.hypot(*field), 0.3)
    at = np.indices(inside.shape)[::-1].astype(np.float64)  # x, y
    start = at.copy()
    for _ in range(128):
        at = at + [ndimage.map_coordinates(part, at[::-1], order=1, mode="nearest") for part in step]
    away = np.hypot(*(ends(field, inside) - (at - start)))[inside]
    assert np.quantile(away, 0.95) < 1.5


@pytest.mark.parametrize("kind", ["phase-rods", "pombe-rich", "general-packs", "leukocytes"])
def test_labels_come_back_from_their_own_flow(kind):
    """Rods in packs, septated, bent, and clumps of rounds: with true vectors only slivers are lost."""
    matched = true = 0
    for event in SimulatedSample(kind, 40, 5, 200):
        labels = event.labels
        field, found, count = flow(labels), np.zeros_like(labels), 0
        for box, inside in objects_of(labels > 0):
            parts, doubt = particles(field[:, *box.slices], inside, 0.35)
            assert 0 <= doubt <= 1
            found[box.slices][inside] = (parts + count)[inside]
            count += int(parts.max())
        matched += ap50_counts(labels, found, count).tp
        true += int(labels.max())
    assert matched >= 0.96 * true


def test_a_group_of_few_pixels_goes_to_its_neighbour_and_doubt_is_greatest_on_the_threshold():
    inside = np.zeros((20, 100), bool)
    inside[5:15, 5:95] = True

    def halves(at: int) -> tuple[int, float]:
        labels = inside.astype(np.uint16)
        labels[:, at:] *= 2
        found, doubt = particles(flow(labels), inside, 0.5)
        return int(found.max()), doubt

    counts, doubts = zip(*(halves(at) for at in (14, 27, 50)), strict=True)
    assert counts[0] == 1
    assert counts[2] == 2
    assert doubts[1] > max(doubts[0], doubts[2])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 30))
def test_whatever_the_vectors_say_each_pixel_has_one_particle_in_one_piece(seed, height, width):
    rng = np.random.default_rng(seed)
    blot = ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 2) > 0
    blot[height // 2, width // 2] = True
    objects, _ = ndimage.label(blot, np.ones((3, 3)))
    inside = objects == objects[height // 2, width // 2]
    field = rng.normal(0, 1, (2, height, width)).astype(np.float32)
    labels, doubt = particles(field, inside, 0.35)
    assert np.array_equal(labels > 0, inside)
    assert sorted(np.unique(labels[inside])) == list(range(1, int(labels.max()) + 1))
    if ndimage.label(inside)[1] == 1:  # no part hangs on by a corner only
        assert all(ndimage.label(labels == k)[1] == 1 for k in range(1, int(labels.max()) + 1))
    assert 0 <= doubt <= 1
