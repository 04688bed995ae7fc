from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.objects.label_fit import TURNS, dice


def test_dice_by_hand():
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert np.isnan(dice(one, other))
    one[0, :3], other[0, 1:] = True, True
    assert dice(one, other) == pytest.approx(4 / 6)
    assert dice(one, one) == 1
    assert np.isnan(dice(one, np.ones((4, 5), bool)))


def test_the_turns_are_the_seven_other_ways_to_lay_a_square():
    square = np.arange(12).reshape(3, 4) % 5 == 1
    laid = {
        (turned.shape, turned.tobytes())
        for turn in TURNS.values()
        if (turned := np.ascontiguousarray(turn(square))).any()
    }
    assert len(laid) == 7
    assert (square.shape, square.tobytes()) not in laid
