"""The wand, and what it learns from outlines that are there, against shapes whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tui_cytpix.core.editing.outline_profiles import Outlines
from tui_cytpix.core.editing.wand import Usual, unclaimed, wand
from tui_cytpix.core.objects.regions import label_objects, mask_iou

WHOLE = (slice(None), slice(None))


def _picture(discs, rng, *circles):
    truth = discs(*circles) > 0
    rim = truth & ~ndimage.binary_erosion(truth, iterations=3)
    image = np.where(rim, -40.0, np.where(truth, 12.0, 0.0)) + rng.normal(0, 3, truth.shape)
    return truth, image.astype(np.float32)


def test_the_wand_draws_a_ring_with_its_inside(discs):
    truth, image = _picture(discs, np.random.default_rng(0), (32, 24, 10))
    drawn, *others = wand(image, (32, 24), np.zeros(truth.shape, bool), Usual())
    assert all(mask_iou(drawn, other) < 0.85 for other in others)
    assert mask_iou(truth, drawn) > 0.8  # 1 px of the radius of 10
    assert wand(np.zeros(truth.shape, np.float32), (32, 24), truth & False, Usual()) == []


def test_the_wand_leaves_other_objects_alone(discs):
    truth, image = _picture(discs, np.random.default_rng(1), (32, 18, 9), (32, 44, 9))
    other = truth.copy()
    other[:, :31] = False
    drawn = wand(image, (32, 18), other, Usual())[0]
    assert label_objects(drawn | other)[1] == 2
    assert not (drawn & other).any()


def test_what_is_unmarked_is_found(discs):
    truth, image = _picture(discs, np.random.default_rng(2), (32, 14, 8), (32, 46, 9))
    marked = truth.copy()
    marked[:, :30] = False
    assert unclaimed(image, truth) == []
    found = unclaimed(image, marked)
    assert found[0] == pytest.approx((32, 14), abs=2)
    assert len(unclaimed(image, truth & False)) == 2


@pytest.mark.parametrize("by", [-2, 0, 2])
def test_the_wand_draws_as_the_other_outlines_are_drawn(discs, by):
    """The same rim, and others' outlines that lie 2 px inside it, on it, or 2 px outside."""
    _, image = _picture(discs, np.random.default_rng(3), (20, 20, 10), (44, 44, 10))
    drawn = discs((20, 20, 10 + by)) > 0
    usual = Usual(float(drawn.sum()), Outlines.of(image, drawn))
    wished = discs((44, 44, 10 + by)) > 0
    assert mask_iou(wished, wand(image, (44, 44), drawn, usual)[0]) > 0.9


def test_a_region_that_is_known_to_be_likely_competes(discs):
    """Nothing stands out, so only what the model saw is left."""
    _, image = _picture(discs, np.random.default_rng(4), (20, 20, 10))
    likely = discs((44, 44, 6)) > 0
    assert np.array_equal(wand(image * 0, (44, 44), likely & False, Usual(), [likely])[0], likely)


def test_outlines_are_most_like_themselves(discs):
    truth, image = _picture(discs, np.random.default_rng(5), (20, 20, 10), (44, 44, 10))
    known = Outlines.of(image, truth)
    assert len(known) > label_objects(truth)[1] == 2
    regions = [discs((20, 20, radius)) > 0 for radius in (7, 10, 13)]
    expected = known.likeness(image, WHOLE, regions)
    assert expected[1] > 0.9
    assert expected[0] < 0.8
    assert expected[2] < 0.8
    assert len(Outlines.joined([])) == 0
    assert (Outlines.joined([]).likeness(image, WHOLE, regions) == 0).all()


def test_the_agreement_of_a_new_outline_is_foretold(discs):
    """Of a third cell, drawn too small, rightly and too large, displaced or not: learnt from two others."""
    rng = np.random.default_rng(6)
    truth, image = _picture(discs, rng, (20, 20, 9), (44, 20, 11))
    known = Outlines.of(image, truth)
    wished, other = _picture(discs, rng, (32, 32, 10))
    drawn = [discs((32, 32 + right, radius)) > 0 for radius in (6, 8, 10, 12, 14) for right in (0, 3)]
    expected = known.likeness(other, WHOLE, drawn)
    real = [mask_iou(wished, region) for region in drawn]
    assert np.argmax(expected) == np.argmax(real)
    assert np.corrcoef(expected, real)[0, 1] > 0.8


def test_a_profile_is_the_mean_at_each_distance_from_the_outline():
    """On straight edges: the distance of a pixel is its row's."""
    image = np.repeat(np.arange(40.0)[:, None], 40, axis=1)
    mask = np.zeros((40, 40), bool)
    mask[20:, :] = True
    gray = Outlines.of(image, mask).profiles[0, :13]
    assert (np.diff(gray) > 0).all()  # brighter from row to row, deeper and deeper
