"""Instrument masks to segmentations and back: what nobody changed is as it was drawn."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tui_cytpix.core.objects.particles import carried_over, particles_of
from tui_cytpix.formats.masks.instrument import InstrumentMasks, decode_instrument_masks
from tui_cytpix.formats.masks.mask_archive import instrument_masks, segmentation_from_masks, written_masks


def drawn() -> InstrumentMasks:
    """Three objects, of which two touch; two particles in the first, one in each of the others, none in a fourth."""
    objects, particles = np.zeros((2, 40, 60), np.uint16)
    objects[4:14, 4:30] = 1
    objects[20:30, 4:14], objects[20:30, 14:24] = 2, 3
    objects[20:26, 40:50] = 4
    for label, (y, x) in enumerate(((8, 9), (8, 24), (25, 8), (24, 19)), start=1):
        particles[y : y + 2, x : x + 3] = label
    particles[9, 9] = 0  # no disc
    return InstrumentMasks(objects, particles)


def same(one: InstrumentMasks, other: InstrumentMasks) -> bool:
    return np.array_equal(one.objects, other.objects) and np.array_equal(one.particles, other.particles)


def test_there_and_back_changes_no_pixel():
    masks = drawn()
    found = segmentation_from_masks(masks)
    assert found.particle_count == 4
    assert np.isnan(found.confidence)
    assert same(instrument_masks(found, masks), masks)
    assert not same(instrument_masks(found), masks)


def test_objects_that_touch_stay_apart():
    masks = drawn()
    labels = particles_of(segmentation_from_masks(masks))
    assert np.array_equal(labels == 3, masks.objects == 2)
    assert np.array_equal(labels == 4, masks.objects == 3)
    assert not labels[masks.objects == 4].any()


@pytest.mark.parametrize("moved", [0, 3])
def test_only_the_blob_of_a_centroid_that_moved_is_drawn_anew(moved):
    masks = drawn()
    found = segmentation_from_masks(masks)
    points = found.centroids.copy()
    points[moved] += 1
    back = instrument_masks(replace(found, centroids=points), masks)
    assert np.array_equal(back.objects, masks.objects)
    others = np.isin(masks.particles, [k for k in range(1, 5) if k != moved + 1])
    assert np.array_equal(back.particles[others], masks.particles[others])
    assert back.particles[tuple(np.round(points[moved]).astype(int))] == moved + 1


def test_only_the_object_that_was_changed_is_another():
    masks = drawn()
    found = segmentation_from_masks(masks)
    mask = found.mask.copy()
    mask[4:14, 26:30] = False  # a part of the first, and of its second blob
    mask[35:38, 50:55] = True  # and a new one
    back = instrument_masks(carried_over(found, replace(found, mask=mask, labels=None)), masks)
    assert np.array_equal(back.objects > 0, mask)
    for label in (2, 3, 4):
        own = masks.objects == label
        assert len(np.unique(back.objects[own])) == 1
        assert np.array_equal(back.objects == back.objects[own][0], own)
    assert np.array_equal(back.particles == 1, masks.particles == 1)
    assert not np.array_equal(back.particles == 2, masks.particles == 2)
    assert not back.particles[~mask].any()


def test_masks_of_the_trigger_get_a_centroid_in_each_region():
    objects = np.zeros((30, 30), np.uint16)
    objects[2:8, 2:8] = objects[20:25, 20:25] = 1
    found = segmentation_from_masks(InstrumentMasks(objects, np.zeros_like(objects)), tells_particles=False)
    assert found.centroids.tolist() == [[4.5, 4.5], [22.0, 22.0]]


OVERLAPPING = [[0, 1, 2, 20, 21, 22], [2, 3, 4, 22, 23, 24]]


@pytest.mark.parametrize("objects", [OVERLAPPING, [[0, 1, 1, 0], [60]], [[0, 1, 2], [], [40]]], ids=str)
def test_masks_that_nobody_changed_are_written_as_they_were_drawn(objects):
    blobs = [[indexes[0]] for indexes in objects if indexes]
    layers = [{"masks": [{"pixelIndexes": {"indexes": one}} for one in layer]} for layer in (objects, blobs)]
    drawn = decode_instrument_masks(json.dumps([{"version": "1.0"}, *layers]).encode(), (10, 20))
    found = segmentation_from_masks(drawn)
    assert json.loads(written_masks(found, drawn))[1:] == layers
    without = replace(found, mask=found.mask & (np.arange(20) != 0))
    again = decode_instrument_masks(written_masks(without, drawn), (10, 20))
    assert np.array_equal(again.objects > 0, without.mask)
    fewer = replace(found, centroids=found.centroids[:1], labels=None)
    assert json.loads(written_masks(fewer, drawn))[1:] != layers
    drawn_anew = json.loads(written_masks(found))[1:]
    assert drawn_anew != layers
