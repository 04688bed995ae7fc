from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.objects.label_fit import (
    TURNS,
    chance_of_fit,
    common_shift,
    dice,
    dice_table,
    mix_ups,
    moved,
    stands_out,
)


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


def test_the_table_holds_dice_of_each_pair():
    rng = np.random.default_rng(0)
    masks = [rng.random((9, 11)) < 0.3 for _ in range(4)]
    others = [*(rng.random((9, 11)) < 0.5 for _ in range(3)), None, np.zeros((9, 11), bool)]
    table = dice_table([*masks, None], others)
    assert table.shape == (5, 5)
    for y, one in enumerate(masks):
        assert table[y, :3] == pytest.approx([dice(one, other) for other in others[:3]])
    assert np.isnan(table[:, 3:]).all()
    assert np.isnan(table[4]).all()
    twice = np.kron(masks[0], np.ones((2, 2))) > 0
    assert dice_table([twice], masks[:1]) == pytest.approx(1.0), "stretched to the answer's shape"


def test_the_chance_of_a_fit():
    assert chance_of_fit(1.0, np.eye(12)) == pytest.approx(1 / 5000), "12! ways, one of them right"
    assert chance_of_fit(1.0, np.eye(3)) == pytest.approx(1 / 6, abs=0.03), "3! ways"
    assert chance_of_fit(1.0, np.eye(12)[:, :1]) == pytest.approx(1 / 12, abs=0.02), "one image of 12"
    assert chance_of_fit(0.5, np.full((9, 9), 0.5)) == 1
    only_own = np.where(np.eye(9) > 0, 0.5, np.nan)
    assert chance_of_fit(0.5, only_own) > 0.3, "nothing to compare with"
    rng = np.random.default_rng(1)
    drawn = [rng.random((10, 10)) for _ in range(300)]
    held = np.mean([chance_of_fit(float(np.diag(table).mean()), table) <= 0.1 for table in drawn])
    assert held == pytest.approx(0.1, abs=0.05), "a p-value"


@pytest.mark.parametrize("size", [60, 700])
@pytest.mark.parametrize("shift", [(0, 0), (8, 0), (-4, 12), (20, -16)])
def test_a_common_shift_is_found(size, shift):
    rng = np.random.default_rng(2)
    labels = []
    for _ in range(4):
        mask = np.zeros((size, size + 20), bool)
        y, x = rng.integers(22, 30, 2)
        mask[y : y + 8, x : x + 10] = True
        labels.append(mask)
    found = common_shift([*labels, None], [moved(mask, *shift) for mask in [*labels, labels[0]]])
    assert np.abs(np.subtract(found, shift)).max() <= size // 512
    assert common_shift([None], [labels[0]]) == (0, 0)


def test_what_leaves_the_frame_is_lost():
    mask = np.arange(12).reshape(3, 4) % 2 == 0
    assert np.array_equal(moved(mask, 1, -2), np.pad(mask, ((1, 0), (0, 2)))[:3, 2:])
    assert not moved(mask, 3, 0).any()
    assert np.array_equal(moved(mask, 0, 0), mask)


def test_names_are_mixed_up_as_files_are():
    names = [str(n) for n in range(1, 13)]
    orders = mix_ups(names)
    assert all(len(order) == 12 for order in orders.values())
    assert orders["the image after theirs"] == [*range(1, 12), -1]
    assert orders["the image 3 before theirs"] == [-1, -1, -1, *range(9)]
    assert orders["in the reverse order"] == list(range(11, -1, -1))
    sorted_as_text, back = (order for words, order in orders.items() if "as text" in words)
    assert [names[place] for place in sorted_as_text] == sorted(names)
    assert [sorted_as_text[place] for place in back] == list(range(12))
    assert not any("as text" in words for words in mix_ups(["01", "02", "10"]))


def test_what_stands_out():
    image = np.zeros((40, 40), np.float32)
    image[10:20, 10:20] = 1
    own, elsewhere = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    own[10:20, 10:20], elsewhere[28:38, 28:38] = True, True
    assert stands_out(own, image) == pytest.approx(1, abs=0.01)
    assert stands_out(elsewhere, image) < 0.5
    assert stands_out(own, image * 0 + 1) == 0.5
    assert np.isnan(stands_out(own & False, image))
