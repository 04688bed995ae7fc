"""Pens, against shapes whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.editing.boundary_offset import boundary_offset
from tui_cytpix.core.editing.pen import bridge, cut, enclosed, stroke
from tui_cytpix.core.objects.division import dents
from tui_cytpix.core.objects.regions import label_objects

SHAPE = (64, 80)


def test_a_stroke_is_as_wide_as_the_pen_and_leaves_no_gaps():
    drawn = stroke(SHAPE, [(20, 10), (20, 60)], 2)
    assert drawn[18:23, 10:61].all()
    assert drawn.sum() == 5 * 51 + 2 * (np.hypot(*np.mgrid[-2:3, 1:3]) <= 2).sum()
    assert stroke(SHAPE, [(5, 5)], 0).sum() == 1
    assert not stroke(SHAPE, [], 3).any()


def test_an_outline_encloses_its_polygon():
    square = enclosed(SHAPE, [(10, 10), (10, 20), (20, 20), (20, 10)])
    assert square.sum() == 121
    assert square[15, 15]
    assert not enclosed(SHAPE, [(1, 1), (5, 5)]).any()


def test_a_cut_takes_the_neck(discs):
    both = discs((30, 25, 12), (30, 45, 12)) > 0
    parts = cut(both, (30, 35))
    assert parts is not None
    assert label_objects(parts)[1] == 2
    assert (both & ~parts).sum() < 40
    assert np.abs(np.argwhere(both & ~parts)[:, 1] - 35).max() <= 2
    assert cut(np.zeros(SHAPE, bool), (3, 3)) is None


def test_a_bridge_makes_one_of_two(discs):
    one, other = discs((20, 15, 8)) > 0, discs((45, 50, 6)) > 0
    joined = bridge(one, other)
    assert label_objects(joined)[1] == 1
    assert (joined >= (one | other)).all()


@pytest.mark.parametrize("by", [-2, 0, 2])
def test_loose_and_tight_outlines_are_measured_in_px(by):
    ys, xs = np.mgrid[:90, :90]
    away = np.hypot(ys - 45, xs - 45)
    image = 100 - 40 / (1 + np.exp((away - 20) / 0.7))
    assert boundary_offset(image, away <= 20 + by) == pytest.approx(by, abs=0.4)
    assert np.isnan(boundary_offset(image, away < 0))


def test_dents_are_the_hull_that_is_not_filled(discs):
    assert dents(discs((30, 30, 14)) > 0) < 0.05
    assert dents(discs((30, 20, 12), (30, 42, 12)) > 0) > 0.08
    assert dents(np.zeros(SHAPE, bool)) == 0
