"""What division a segmentation carries, and what an edit leaves of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.divided import any_division, nothing, picture, touching_rods
from tui_cytpix.core.objects.particles import carried_over, need_telling, particles_of
from tui_cytpix.core.objects.regions import label_objects
from tui_cytpix.core.objects.watershed import object_of, particle_labels
from tui_cytpix.core.statistics.agreement import Counts, compare_images
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.label_images import segmentation_from_labels
from tui_cytpix.workflow.annotate import centroid_tools, mask_tools
from tui_cytpix.workflow.annotate.tool import Seen, fitted, object_at

RODS = segmentation_from_labels(touching_rods())
SEEDS = st.integers(0, 10**6)
POINTS = st.tuples(st.floats(-1, 40), st.floats(-1, 50))
PATHS = st.lists(POINTS, min_size=1, max_size=3)
EDITS = st.one_of(
    st.builds(lambda at: lambda old: mask_tools.tighten(old, at), st.none() | POINTS),
    st.builds(lambda at: lambda old: mask_tools.loosen(old, at), st.none() | POINTS),
    st.builds(lambda path, pen: lambda old: mask_tools.paint(old, path, pen), PATHS, st.floats(1, 5)),
    st.builds(lambda path, pen: lambda old: mask_tools.paint(old, path, pen, erase=True), PATHS, st.floats(1, 5)),
    st.builds(lambda path: lambda old: mask_tools.outline(old, path), PATHS),
    st.builds(lambda at: lambda old: mask_tools.fill(old, at), POINTS),
    st.builds(lambda at: lambda old: mask_tools.split(old, at), POINTS),
    st.builds(lambda at: lambda old: mask_tools.merge(old, at), POINTS),
    st.builds(lambda at: lambda old: centroid_tools.place(old, at, Seen()), POINTS),
    st.builds(lambda at: lambda old: centroid_tools.delete(old, at), POINTS),
    st.builds(lambda k, at: lambda old: centroid_tools.move(old, k, at), st.integers(0, 6), POINTS),
    st.builds(lambda at, n: lambda old: centroid_tools.set_count(old, at, n, Seen()), POINTS, st.integers(0, 4)),
    st.builds(lambda k: lambda old: centroid_tools.centre(old, k), st.none() | st.integers(0, 2)),
)


def bare(segmentation: Segmentation) -> Segmentation:
    return replace(segmentation, labels=None)


def agrees(segmentation: Segmentation) -> None:
    """Labels are in the mask and name centroids; each in an object that has pixels for all of its own has some."""
    labels = segmentation.labels
    assert labels is not None
    assert labels.dtype == np.uint16
    assert labels.max(initial=0) <= segmentation.particle_count
    assert not labels[~segmentation.mask].any()
    objects, count = label_objects(segmentation.mask)
    owners = object_of(objects, segmentation.centroids)
    roomy = np.bincount(owners, minlength=count + 1) <= np.bincount(objects.ravel(), minlength=count + 1)
    assert np.isin(np.flatnonzero((owners > 0) & roomy[owners]) + 1, labels).all()


def as_sets(segmentation: Segmentation, columns: slice) -> set[tuple[float, float, bytes]]:
    """Each centroid in those columns with its pixels there."""
    start, stop = columns.start, columns.stop
    return {
        (float(y), float(x), (segmentation.labels[:, columns] == k).tobytes())
        for k, (y, x) in enumerate(segmentation.centroids, start=1)
        if start <= x < stop
    }


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_particles_are_what_the_labels_say_else_the_watersheds(seed):
    told = any_division(seed)
    agrees(told)
    assert particles_of(told) is told.labels
    np.testing.assert_array_equal(particles_of(bare(told)), particle_labels(told.mask, told.centroids))


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_what_nobody_edited_keeps_its_division(seed):
    told = any_division(seed)
    assert carried_over(told, bare(told)).same_as(told)


@given(SEEDS, st.lists(EDITS, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_labels_agree_with_mask_and_centroids_after_any_edits(seed, edits):
    told = any_division(seed)
    for edit in edits:
        new = edit(told)
        if new is not None:
            carried = carried_over(told, new)
            assert carried.mask is new.mask
            assert carried.centroids is new.centroids
            # Of a division that nobody told a centroid may stand in the middle already, and to centre it does nothing.
            assert edit(bare(told)) is not None or np.array_equal(new.mask, told.mask)
            agrees(carried)
            told = carried


@given(SEEDS, SEEDS, st.lists(EDITS, min_size=1, max_size=3))
@settings(max_examples=80, deadline=None)
def test_an_edit_elsewhere_leaves_a_division_alone(left, right, edits):
    """The right half is edited; between both is room for the widest pen."""
    gap = np.zeros((40, 12), np.uint16)
    one, other = any_division(left).labels, any_division(right).labels
    labels = np.hstack([one, gap, np.where(other, other + one.max(), 0)])
    told = segmentation_from_labels(labels.astype(np.uint16))
    before = as_sets(told, slice(0, 50))
    for edit in edits:
        half = Segmentation(told.mask[:, 62:], told.centroids[told.centroids[:, 1] >= 56] - np.float32([0, 62]))
        new = edit(half)
        if new is None:
            continue
        mask = np.hstack([told.mask[:, :62], new.mask])
        moved = new.centroids + np.float32([0, 62])
        new = Segmentation(mask, np.vstack([moved, told.centroids[told.centroids[:, 1] < 56]]))
        told = carried_over(told, new)
        agrees(told)
        assert as_sets(told, slice(0, 50)) == before


def test_where_nobody_said_nobody_says_after_an_edit():
    new = mask_tools.loosen(bare(RODS), None)
    assert carried_over(bare(RODS), new) is new


def test_the_watershed_gets_parallel_rods_wrong_and_labels_right():
    assert compare_images(RODS.labels, bare(RODS)).particles == Counts(1, 1, 1)
    assert compare_images(RODS.labels, RODS).particles == Counts(2, 0, 0)
    assert compare_images(RODS.labels, RODS, 70.0).particles == Counts(0, 0, 0)


@pytest.mark.parametrize(
    "edit",
    [
        lambda old: mask_tools.tighten(old, None),
        lambda old: mask_tools.loosen(old, None),
        lambda old: mask_tools.paint(old, [(20, 40), (20, 60)], 3),
        lambda old: mask_tools.paint(old, [(19, 40)], 3, erase=True),
        lambda old: centroid_tools.move(old, 1, (33, 70)),
        lambda old: centroid_tools.place(old, (5, 10), Seen()),
    ],
)
def test_rods_stay_apart_whatever_happens_to_their_outline(edit):
    carried = carried_over(RODS, edit(RODS))
    both = carried.mask & RODS.mask
    np.testing.assert_array_equal(carried.labels[both], RODS.labels[both])
    assert (carried.labels[carried.mask] > 0).all()


@pytest.mark.parametrize(
    "edit",
    [
        lambda old: centroid_tools.delete(old, (24, 48)),
        lambda old: centroid_tools.place(old, (28, 70), Seen()),
        lambda old: centroid_tools.move(old, 1, (24, 70)),
    ],
)
def test_where_centroids_and_particles_do_not_match_an_object_is_divided_anew(edit):
    new = edit(RODS)
    np.testing.assert_array_equal(carried_over(RODS, new).labels, particle_labels(new.mask, new.centroids))


def test_of_rods_cut_short_the_larger_part_keeps_both_and_the_smaller_is_one():
    carried = carried_over(RODS, mask_tools.split(RODS, (28, 30)))
    assert carried.particle_count == 3
    left = carried.mask & (np.arange(96) < 30)
    assert (carried.labels[left] == 3).all()
    right = carried.mask & (np.arange(96) > 32)
    np.testing.assert_array_equal(carried.labels[right], RODS.labels[right])


def test_a_division_that_nobody_said_follows_its_centroids():
    """The cut lies where the watershed puts it, and goes along when a centroid is moved."""
    unsaid = replace(RODS, labels=particle_labels(RODS.mask, RODS.centroids))
    new = centroid_tools.move(unsaid, 0, (24, 30))
    np.testing.assert_array_equal(carried_over(unsaid, new).labels, particle_labels(new.mask, new.centroids))


def test_a_digit_says_whose_each_pixel_is():
    rods = touching_rods(35)
    one = Segmentation(rods > 0, np.float32([[27.5, 48]]))
    two = centroid_tools.set_count(one, (28, 48), 2, Seen(picture(rods)))
    np.testing.assert_array_equal(two.labels, rods)
    assert need_telling(two)
    looser = carried_over(two, mask_tools.loosen(two, None))
    np.testing.assert_array_equal(looser.labels[two.mask], rods[two.mask])
    moved = carried_over(two, centroid_tools.move(two, 0, (22, 40)))
    np.testing.assert_array_equal(moved.labels, rods)
    cut = carried_over(two, mask_tools.split(two, (28, 40)))
    right = cut.mask & (np.arange(96) > 42)
    np.testing.assert_array_equal(cut.labels[right], rods[right])
    np.testing.assert_array_equal(centroid_tools.set_count(two, (28, 48), 1, Seen()).labels, one.mask)


def test_a_digit_on_one_object_says_nothing_new_of_the_others(discs):
    labels = np.hstack([touching_rods(), discs((30, 20, 9), (30, 36, 9))])
    labels[:, 96:][labels[:, 96:] > 0] += 2
    told = segmentation_from_labels(labels)
    counted = centroid_tools.set_count(told, (30, 120), 3, Seen())
    assert counted.particle_count == 5
    np.testing.assert_array_equal(counted.labels[:, :96], told.labels[:, :96])


def test_nothing_is_said_where_the_watershed_says_the_same(discs):
    mask = discs((20, 20, 10), (20, 50, 10)) > 0
    one = Segmentation(mask, np.float32([[20, 20], [20, 50]]))
    assert centroid_tools.set_count(one, (20, 20), 1, Seen()).labels is None


@given(SEEDS, POINTS, st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_after_a_digit_an_object_holds_as_many(seed, at, count):
    told = any_division(seed)
    for one in (told, bare(told)):
        counted = centroid_tools.set_count(one, at, count, Seen())
        if counted is not None:
            labels, _ = label_objects(counted.mask)
            owners = object_of(labels, counted.centroids)
            number = labels[object_at(counted.mask, at, nearest=True)][0]
            assert np.count_nonzero(owners == number) == count
            parts = particles_of(counted)[labels == number]
            assert np.array_equal(np.unique(parts), np.flatnonzero(owners == number) + 1)


@given(SEEDS, st.integers(0, 6), POINTS)
@settings(max_examples=60, deadline=None)
def test_a_move_leaves_no_object_and_no_centroid_alone(seed, index, to):
    told = any_division(seed)
    told = fitted(told.mask, told.centroids)
    moved = centroid_tools.move(told, index, to)
    if moved is not None:
        labels, count = label_objects(moved.mask)
        assert set(object_of(labels, moved.centroids)) == set(range(1, count + 1))


def test_only_what_objects_do_not_say_needs_telling(discs):
    apart = segmentation_from_labels(discs((12, 12, 6), (40, 40, 8)))
    assert not need_telling(apart)
    assert not need_telling(bare(RODS))
    assert need_telling(RODS)
    part = np.where(np.arange(64) < 40, apart.labels, 0).astype(np.uint16)
    assert need_telling(replace(apart, labels=part))
    assert not need_telling(replace(nothing((9, 9)), labels=np.zeros((9, 9), np.uint16)))
