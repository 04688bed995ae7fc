from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from tui_cytpix.core.statistics.calibration import PRIOR, shift


def likeliest(answers):
    """The maximum of the posterior, by scipy."""
    sure, right = np.array(answers).T
    logits = np.log(sure / (1 - sure))

    def cost(move):
        z = logits + move
        return float((np.logaddexp(0, z) - right * z).sum() + move**2 / (2 * PRIOR**2))

    return minimize_scalar(cost, bounds=(-10, 10), method="bounded", options={"xatol": 1e-9}).x


@pytest.mark.parametrize("wrong", [0, 1, 5, 16])
def test_it_is_the_most_probable_shift(wrong):
    rng = np.random.default_rng(wrong)
    answers = [(float(s), n >= wrong) for n, s in enumerate(rng.uniform(0.5, 0.95, 16))]
    assert shift(answers) == pytest.approx(likeliest(answers), abs=1e-6)


def test_many_answers_are_believed_and_none_changes_nothing():
    assert shift([]) == pytest.approx(0, abs=1e-9)
    many = [(0.6, n % 10 > 0) for n in range(2000)]
    assert 0.6 / 0.4 * math.exp(shift(many)) == pytest.approx(9, rel=0.02)
    sixteen = shift([(0.8, True)] * 16)
    assert 0.3 < sixteen < 1.5  # all right: surer, but never certain
    assert math.isfinite(shift([(0.0, True), (1.0, False)]))
