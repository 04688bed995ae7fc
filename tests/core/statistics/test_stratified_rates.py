"""Stratified shares: unbiased and covering, by simulation; closed forms where there is one stratum or none missing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui_cytpix.core.statistics.fixed_sample_intervals import wilson
from tui_cytpix.core.statistics.stratified_rates import Share, Stratum, difference, stratified_share


def drawn(rng, images: int, agreeing_part: float) -> list[Stratum]:
    """A random draw of images, 15 % of them differing with 40 % wrong, 4 % wrong among the others; all differing
    ones and a random part of the others are reviewed.
    """
    differing = rng.random(images) < 0.15
    wrong = rng.random(images) < np.where(differing, 0.4, 0.04)
    agreeing = rng.permutation(np.flatnonzero(~differing))[: round(agreeing_part * (~differing).sum())]
    return [
        Stratum(int(differing.sum()), int(differing.sum()), int(wrong[differing].sum())),
        Stratum(int((~differing).sum()), len(agreeing), int(wrong[agreeing].sum())),
    ]


@pytest.mark.parametrize("part", [0.2, 1.0])
def test_the_estimate_is_unbiased_and_the_interval_covers(part):
    rng, runs, truth = np.random.default_rng(4), 2000, 0.15 * 0.4 + 0.85 * 0.04
    found = [stratified_share(drawn(rng, 200, part)) for _ in range(runs)]
    values = np.array([f.value for f in found])
    assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(runs)
    covered = np.mean([f.low <= truth <= f.high for f in found])
    assert 0.93 <= covered <= 0.995


def test_counting_the_reviewed_images_alone_would_be_biased():
    """What the weights are for."""
    rng, truth = np.random.default_rng(4), 0.15 * 0.4 + 0.85 * 0.04
    pooled = []
    for _ in range(500):
        strata = drawn(rng, 200, 0.2)
        pooled.append(sum(s.errors for s in strata) / sum(s.reviewed for s in strata))
    assert np.mean(pooled) > truth + 0.1


def test_one_stratum_is_wilsons_interval():
    found = stratified_share([Stratum(80, 50, 5), Stratum(0, 0, 0)])
    assert found.value == 0.1
    assert (found.low, found.high) == pytest.approx(tuple(wilson(5, 50)))


def test_a_stratum_that_nobody_looked_at_leaves_the_share_unknown():
    assert math.isnan(stratified_share([Stratum(10, 5, 1), Stratum(90, 0, 0)]).value)
    assert math.isnan(stratified_share([]).value)
    with pytest.raises(ValueError, match="strata"):
        stratified_share([Stratum(5, 6, 1)])


def test_differences_cover_by_simulation():
    rng, runs = np.random.default_rng(9), 1500
    covered = 0
    for _ in range(runs):
        a, b = (stratified_share(drawn(rng, 200, 0.3)) for _ in range(2))
        low, high = difference(a, b)
        covered += low <= 0 <= high
    assert covered / runs >= 0.93
    low, high = difference(Share(0.5, 0.45, 0.55), Share(0.1, 0.08, 0.13))
    assert 0.3 < low < 0.4 < high < 0.5
