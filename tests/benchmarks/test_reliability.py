"""The calibration scores against hand-counted cases and a brute-force count of pairs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from PIL import ImageColor

from tests.benchmarks._cells import Crop
from tests.benchmarks._montage import CAPTION, TILE, montage, triple
from tests.benchmarks._reliability import NOTHING, Said, auroc, bins, brier, calibration_error, plot
from tui_cytpix.domain.segmentation import Segmentation

FOUR = Said(np.array([0.95, 0.85, 0.85, 0.15]), np.array([True, True, False, False]))


def test_bins_and_scores_of_four_answers():
    filled = {k: row for k, row in enumerate(bins(FOUR)) if row[0]}
    assert filled == {
        9: (1, pytest.approx(0.95), 1.0),
        8: (2, pytest.approx(0.85), 0.5),
        1: (1, pytest.approx(0.15), 0.0),
    }
    assert calibration_error(FOUR) == pytest.approx((0.05 + 2 * 0.35 + 0.15) / 4)
    assert brier(FOUR) == pytest.approx((0.05**2 + 0.15**2 + 0.85**2 + 0.15**2) / 4)
    assert auroc(FOUR) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_certainty_of_one_is_in_the_last_bin_and_zero_in_the_first():
    rows = bins(Said(np.array([0.0, 1.0]), np.array([False, True])))
    assert rows[0][0] == rows[-1][0] == 1


def test_auroc_is_the_share_of_ordered_pairs():
    rng = np.random.default_rng(0)
    said = Said(rng.integers(0, 8, 60) / 8, rng.random(60) < 0.6)
    right, wrong = said.sure[said.right], said.sure[~said.right]
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in itertools.product(right, wrong)]
    assert auroc(said) == pytest.approx(np.mean(pairs))


def test_honest_confidences_have_a_small_error_and_boastful_ones_a_large_one():
    rng = np.random.default_rng(1)
    sure = rng.random(20_000)
    honest = Said(sure, rng.random(len(sure)) < sure)
    boastful = Said(np.sqrt(sure), honest.right)
    assert calibration_error(honest) < 0.02
    assert calibration_error(boastful) == pytest.approx(2 / 3 - 1 / 2, abs=0.02)  # the mean of sqrt(u) - u


def test_nothing_said_has_no_score():
    assert math.isnan(auroc(NOTHING))
    assert math.isnan(brier(NOTHING))
    assert calibration_error(NOTHING) == 0
    assert len((NOTHING + FOUR).sure) == 4


def test_plot_marks_a_bin_where_its_share_is():
    said = Said(np.full(100, 0.75), np.arange(100) < 25)
    picture = plot({"images": {"model": said}}, edge=400)
    at = (44 + round(0.75 * 400), 44 + 400 - round(0.25 * 400))
    assert picture.getpixel(at) == ImageColor.getrgb("#1b6ca8")


def test_montage_outlines_truth_and_prediction_where_they_are():
    labels = np.zeros((50, 50), np.uint16)
    labels[10:30, 10:30] = 1
    mask = np.zeros((50, 50), bool)
    mask[20:40, 20:40] = True
    image = np.random.default_rng(0).normal(1000, 10, (50, 50)).astype(np.uint16)
    crop = Crop("a", "b", image, np.full((50, 50), 1000, np.float32), labels)
    tile = triple(crop, Segmentation(mask, np.array([[30.0, 30.0]], np.float32)), "a")
    coloured = (np.ptp(tile[CAPTION:].astype(int), axis=2) > 0).nonzero()
    thirds = coloured[1] // (TILE + 4)
    zoom = TILE / 50
    assert set(thirds) == {1, 2}
    assert coloured[0][thirds == 1].min() == round(10 * zoom)
    assert coloured[0][thirds == 2].min() == round(20 * zoom)
    assert montage([tile] * 3).shape == (2 * tile.shape[0], 2 * tile.shape[1], 3)
