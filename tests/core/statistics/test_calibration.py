from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.statistics.calibration import OFFSET, SLOPE, recalibration


def logistic(z):
    return 1 / (1 + np.exp(-z))


def drawn(slope, offset, number, seed):
    """Answers whose confidences are off by that slope and offset."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(1.0, 1.0, number)
    right = rng.random(number) < logistic(slope * logits + offset)
    return list(zip(logistic(logits).tolist(), right.tolist(), strict=True))


@pytest.mark.parametrize(("slope", "offset"), [(0.5, 1.0), (1.5, -0.5), (1.0, 0.0)])
def test_of_many_answers_it_finds_how_far_off_they_were(slope, offset):
    found = recalibration(drawn(slope, offset, 20_000, 1))
    assert found == pytest.approx((slope, offset), abs=0.06)


@pytest.mark.parametrize("wrong", [0, 1, 4])
def test_of_few_it_is_the_most_probable_one(wrong):
    """By a grid over slope and offset."""
    rng = np.random.default_rng(wrong)
    answers = [(float(s), n >= wrong) for n, s in enumerate(rng.uniform(0.5, 0.95, 16))]
    logits = np.log([s / (1 - s) for s, _ in answers])
    right = np.array([r for _, r in answers])
    slopes, offsets = np.meshgrid(np.linspace(0.1, 3, 146), np.linspace(-2, 3, 251), indexing="ij")
    z = slopes[..., None] * logits + offsets[..., None]
    prior = ((slopes - SLOPE[0]) / SLOPE[1]) ** 2 + ((offsets - OFFSET[0]) / OFFSET[1]) ** 2
    cost = (np.logaddexp(0, z) - right * z).sum(-1) + prior / 2
    best = np.unravel_index(cost.argmin(), cost.shape)
    assert recalibration(answers) == pytest.approx((slopes[best], offsets[best]), abs=0.03)


def test_nothing_gives_the_prior_and_more_sure_never_becomes_less_sure():
    assert recalibration([]) == pytest.approx((SLOPE[0], OFFSET[0]), abs=1e-4)
    slope, offset = recalibration([(0.99, False)] * 20 + [(0.1, True)] * 20)
    assert slope > 0
    assert np.isfinite(offset)
    assert np.isfinite(recalibration([(0.0, True), (1.0, False)])).all()
