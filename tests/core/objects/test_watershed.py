"""Division of objects among centroids: closed forms, invariants, real label images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.regions import label_objects
from tui_cytpix.core.objects.watershed import object_of, particle_labels


def ious(labels, truth):
    return [
        ((labels == k) & (truth == k)).sum() / ((labels == k) | (truth == k)).sum() for k in range(1, truth.max() + 1)
    ]


def test_two_discs_part_at_their_neck(discs):
    truth = discs((32, 20, 12), (32, 42, 12))
    truth[(truth > 0) & (np.arange(64)[None, :] < 31)] = 1
    labels = particle_labels(truth > 0, np.array([[32, 20], [32, 42]]))
    assert min(ious(labels, truth)) > 0.97


def test_a_small_bud_keeps_its_pixels(discs):
    truth = discs((30, 25, 15), (30, 44, 6))
    labels = particle_labels(truth > 0, centres(truth))
    assert min(ious(labels, truth)) > 0.85


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6))
def test_every_pixel_of_an_object_with_a_centroid_gets_a_label_and_no_other(random_mask, seed, count):
    mask = random_mask(seed)
    centroids = np.random.default_rng(seed).uniform(-3, 52, (count, 2)).astype(np.float32)
    labels = particle_labels(mask, centroids)
    objects, _ = label_objects(mask)
    owners = object_of(objects, centroids)
    assert np.array_equal(labels > 0, np.isin(objects, owners[owners > 0]))
    for k, owner in enumerate(owners):
        particle = labels == k + 1
        assert particle.any() == (owner > 0)
        assert (objects[particle] == owner).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_particles_hang_together(random_mask, seed, count):
    mask = random_mask(seed, fill=0.6)
    places = np.argwhere(mask)
    centroids = places[np.random.default_rng(seed).choice(len(places), count, replace=False)]
    labels = particle_labels(mask, centroids)
    assert all(label_objects(labels == k + 1)[1] == 1 for k in range(count))


def test_centroids_on_one_pixel_share_the_object(discs):
    mask = discs((20, 20, 8)) > 0
    labels = particle_labels(mask, np.array([[20, 20], [20, 20], [20.2, 20.1]]))
    assert set(np.unique(labels)) == {0, 1, 2, 3}


def test_a_centroid_just_off_the_mask_still_counts_and_one_far_off_does_not(discs):
    mask = discs((20, 20, 8)) > 0
    assert (particle_labels(mask, np.array([[20, 29.8]])) == mask).all()
    assert not particle_labels(mask, np.array([[20, 32]])).any()
    assert not particle_labels(mask, np.array([[-500, 1e6]])).any()
    assert not particle_labels(mask, np.zeros((0, 2))).any()
    assert not particle_labels(mask & False, np.array([[20, 20]])).any()


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "floor"), [("oufti_ecoli_phase", 0.97), ("pombe_bf_photophenosizer", 0.97), ("baby_yeast_bf", 0.9)]
)
def test_real_touching_cells_come_apart_at_their_true_centres(shared_data, name, floor):
    found = []
    for path in sorted((shared_data / "cells" / name / "masks").iterdir()):
        truth = np.asarray(Image.open(path))
        points = centres(truth)
        owners = object_of(label_objects(truth > 0)[0], points)
        labels = particle_labels(truth > 0, points)
        for k, value in enumerate(np.unique(truth)[1:]):
            if (owners == owners[k]).sum() > 1:
                a, b = labels == k + 1, truth == value
                found.append((a & b).sum() / (a | b).sum())
    assert np.mean(found) > floor


def test_an_object_smaller_than_its_centroids_are_many_is_still_theirs():
    points = np.zeros((3, 2), np.float32)
    assert particle_labels(np.ones((1, 1), bool), points).tolist() == [[3]]
    assert particle_labels(np.array([[0, 1, 0]], bool), points + np.array((0, 1))).tolist() == [[0, 3, 0]]
