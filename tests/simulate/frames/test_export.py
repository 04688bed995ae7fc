"""What cameras and files do to an image, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.simulate.frames.export import Processing, draw_processing, process, round_off
from tui_cytpix.simulate.kinds.kind import Export

DARK, LEVEL = 70.0, 500.0


def _noisy(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(LEVEL, 10, (80, 90)).astype(np.float32)


def test_without_steps_nothing_changes():
    gray = _noisy()
    np.testing.assert_array_equal(process(gray, Processing(), DARK, LEVEL), gray)
    rounded = gray.astype(np.uint16)
    np.testing.assert_array_equal(round_off(rounded, Processing()), rounded)


def test_enlarging_smooths_and_sharpening_roughens():
    gray = _noisy()
    assert process(gray, Processing(enlarged=2.0), DARK, LEVEL).std() < 0.7 * gray.std()
    assert process(gray, Processing(amount=1.0), DARK, LEVEL).std() > 1.5 * gray.std()


def test_an_unsharp_mask_overshoots_on_both_sides_of_an_edge():
    step = np.full((30, 30), 400.0, np.float32)
    step[:, 15:] = 500.0
    sharp = process(step, Processing(amount=1.0, radius_px=1.5), DARK, LEVEL)
    assert sharp[15, 14] < 390
    assert sharp[15, 15] > 510
    assert sharp[15, 2] == pytest.approx(400, abs=0.5)


def test_gamma_keeps_the_background_and_the_dark():
    gray = np.array([[DARK, 200.0, LEVEL, 700.0]], np.float32)
    bent = process(gray, Processing(gamma=1.3), DARK, LEVEL)
    assert bent[0, 0] == pytest.approx(DARK)
    assert bent[0, 2] == pytest.approx(LEVEL)
    assert bent[0, 1] < 200
    assert bent[0, 3] > 700


def test_eight_bits_are_multiples_of_four_and_jpeg_stays_near():
    gray = _noisy().astype(np.uint16)
    eight = round_off(gray, Processing(eight_bit=True))
    assert not (eight % 4).any()
    assert np.abs(eight.astype(int) - gray).max() <= 2
    coded = round_off(gray, Processing(eight_bit=True, quality=80))
    assert not (coded % 4).any()
    assert (coded != eight).any()
    assert np.abs(coded.astype(int) - gray).mean() < 10


def test_steps_are_drawn_within_their_ranges():
    ranges = Export(smoothing=1.0, sharpening=1.0, eight_bit=1.0, jpeg=1.0)
    for seed in range(20):
        steps = draw_processing(ranges, np.random.default_rng(seed))
        assert ranges.enlarged[0] <= steps.enlarged <= ranges.enlarged[1]
        assert ranges.amount[0] <= steps.amount <= ranges.amount[1]
        assert ranges.gamma[0] <= steps.gamma <= ranges.gamma[1]
        assert steps.eight_bit
        assert steps.quality is not None
        assert ranges.quality[0] - 1 <= steps.quality <= ranges.quality[1]
    none = Export(smoothing=0.0, sharpening=0.0, eight_bit=0.0, gamma=(1.0, 1.0))
    plain = draw_processing(none, np.random.default_rng(0))
    assert (plain.enlarged, plain.amount, plain.gamma, plain.eight_bit, plain.quality) == (1.0, 0.0, 1.0, False, None)
