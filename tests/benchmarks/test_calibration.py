"""The calibration bench's own arithmetic, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.calibration import Reliability, diagram


def test_a_perfectly_honest_confidence_has_no_calibration_error():
    said = np.repeat([0.25, 0.75], 400)
    right = np.concatenate([np.arange(400) < 100, np.arange(400) < 300])
    of = Reliability(said, right)
    assert of.ece == pytest.approx(0, abs=1e-12)
    assert of.brier == pytest.approx(0.25 * 0.75)
    assert of.brier_of_share == pytest.approx(0.25)


def test_measures_of_four_answers():
    of = Reliability(np.array([0.95, 0.85, 0.35, 1.0]), np.array([True, False, False, True]))
    # bins: 0.3-0.4 holds one wrong, 0.8-0.9 one wrong, 0.9-1.0 two right
    assert of.ece == pytest.approx((0.35 + 0.85 + 2 * 0.025) / 4)
    assert of.brier == pytest.approx((0.05**2 + 0.85**2 + 0.35**2) / 4)
    assert of.auroc == 1.0
    assert [n for n, _, _ in of.bins()] == [0, 0, 0, 1, 0, 0, 0, 0, 1, 2]


def test_auroc_counts_ties_as_halves_and_is_unknown_without_errors():
    assert Reliability(np.array([0.5, 0.5]), np.array([True, False])).auroc == 0.5
    assert np.isnan(Reliability(np.array([0.5, 0.7]), np.array([True, True])).auroc)


def test_the_diagram_is_a_picture():
    of = Reliability(np.array([0.2, 0.9]), np.array([False, True]))
    assert diagram(of, "x").ndim == 3
