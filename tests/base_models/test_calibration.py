from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.base_models.calibration import platt
from tui_cytpix.engine.network.postprocess import calibrated


def test_overconfidence_is_undone():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.3, 0.97, 4000)
    told = 1 / (1 + np.exp(-2 * np.log(true / (1 - true))))  # twice as sure, in logits
    slope, offset = platt(list(zip(told.tolist(), (rng.random(4000) < true).tolist(), strict=True)))
    assert slope == pytest.approx(0.5, abs=0.06)
    assert offset == pytest.approx(0, abs=0.12)
    corrected = np.array([calibrated(float(t), slope, offset) for t in told])
    assert np.abs(corrected - true).max() < 0.05


def test_where_nothing_went_wrong_nothing_changes():
    assert platt([(0.9, True), (0.8, True), (0.99, True)]) == (1.0, 0.0)


def test_more_sure_never_becomes_less_sure():
    slope, _ = platt([(0.9, False), (0.95, False), (0.2, True), (0.1, True)])
    assert slope >= 0
