"""How much images resemble each other, against the definition."""

from __future__ import annotations

import numpy as np

from tui_cytpix.core.statistics.likeness import unlikeness


def test_it_is_the_mean_difference_in_standard_deviations():
    population = np.array([[0.0, 10.0, 7.0], [2.0, 30.0, 7.0]])  # deviations 1, 10 and none
    found = unlikeness(np.array([[0.0, 10.0, 7.0], [1.0, 10.0, 7.0], [3.0, 40.0, 9.0]]), population[0], population)
    assert found.tolist() == [0.0, 1 / 3, (3 + 3) / 3]


def test_units_do_not_matter():
    table = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    scaled = table * np.array([1, 1000, 0.01, 7, 2], np.float32) + 3
    np.testing.assert_allclose(unlikeness(scaled, scaled[4], scaled), unlikeness(table, table[4], table), atol=1e-3)
