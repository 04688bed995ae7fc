from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tui_cytpix.engine.train.scene import GAP_PX, GAP_WEIGHT, gap_weight


def test_a_narrow_gap_weighs_more_and_a_wide_one_does_not():
    mask = np.zeros((30, 60), bool)
    mask[10:20, 5:20] = mask[10:20, 23:38] = mask[10:20, 50:58] = True
    weight = gap_weight(mask)
    assert weight[15, 21] == GAP_WEIGHT
    assert weight[15, 44] == 1
    assert (weight[mask] == 1).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 79), st.integers(2, 9)), min_size=1, max_size=5))
@example([(30, 20, 5), (30, 32, 5)])
def test_the_weights_are_those_of_the_distances(squares):
    """SciPy says how far each pixel is from each object."""
    mask = np.zeros((60, 80), np.uint8)
    for y, x, half in squares:
        mask[max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1] = 1
    objects, count = ndimage.label(mask, np.ones((3, 3)))
    far = np.sort([ndimage.distance_transform_edt(objects != k) for k in range(1, count + 1)], axis=0)
    near_two = (mask == 0) & (far[1] <= GAP_PX) if count > 1 else np.zeros(mask.shape, bool)
    np.testing.assert_array_equal(gap_weight(mask > 0), np.where(near_two, GAP_WEIGHT, 1))


def test_nothing_and_one_object_are_allowed():
    mask = np.zeros((9, 9), bool)
    assert (gap_weight(mask) == 1).all()
    mask[2:6, 2:6] = True
    assert (gap_weight(mask) == 1).all()
