"""Signs, expectations and unlikeness against hand-made answers, closed forms and SciPy's neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import spatial, special

from tui_cytpix.core.statistics.miscount_model import (
    NOVELTY_DESCRIPTORS,
    MiscountModel,
    Signs,
    expit,
    logit,
    novelty_reference,
    signs_of,
    unlike,
)
from tui_cytpix.core.statistics.sampling import DESCRIPTORS


def test_signs_are_shares_of_images():
    own = np.array([[1, 1, 1, 1, 1], [2, 1, 2, 2, 3], [1, 1, 1, 1, 2], [1, 1, 1, 1, 1]], np.int16)
    other = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 2], [1, 1, 1]], np.int16)
    third = np.array([[2, 2, 2], [2, 2, 1], [1, 1, 1], [3, 1, 1]], np.int16)
    found = signs_of(
        own, np.array([0.9, 0.5, np.nan, 1.0]), [other, third], third, np.array([True, False, False, False])
    )
    assert found.unsure == pytest.approx(0.2)
    assert found.wavering == 3 / 16
    assert found.apart == pytest.approx(((2 + 1) / 8 + (2 + 1) / 8) / 2)
    assert found.resolution == 2 / 4
    assert found.unlike == 1 / 4
    nothing = signs_of(own, np.full(4, np.nan), [other], None, None)
    assert nothing.unsure == 0.5
    assert math.isnan(nothing.resolution)
    assert math.isnan(nothing.unlike)


def test_logits_are_scipys_and_stay_finite():
    for share, images in ((0.0, 10), (1.0, 10), (0.3, 50)):
        inner = (share * images + 0.5) / (images + 1)
        assert logit(share, images) == pytest.approx(special.logit(inner))
        assert expit(logit(share, images)) == pytest.approx(inner)


def test_expectation_is_the_sum_of_signs():
    predictor = MiscountModel(("unsure", "wavering"), -0.5, (0.7, 0.2), -1.0, 1.5)
    signs = Signs(0.2, 0.1, 0.0, math.nan, math.nan)
    middle = -0.5 + 0.7 * logit(0.2, 100) + 0.2 * logit(0.1, 100)
    found = predictor.expected(signs, 100)
    assert found[0] == pytest.approx(expit(middle))
    assert found[1] == math.floor(100 * expit(middle - 1.0)) / 100
    assert found[2] == math.ceil(100 * expit(middle + 1.5)) / 100
    assert predictor.expected(signs._replace(unsure=0.4), 100)[0] > found[0]


def described(rng: np.random.Generator, images: int, shift: float = 0.0) -> np.ndarray:
    rows = rng.normal(0, 1, (images, len(DESCRIPTORS))) * np.arange(1, len(DESCRIPTORS) + 1)
    rows[:, DESCRIPTORS.index("regions")] = 1
    rows[:, [DESCRIPTORS.index(name) for name in NOVELTY_DESCRIPTORS]] += shift * 4
    return rows.astype(np.float32)


def test_the_limit_is_what_neighbours_keep():
    rows = described(np.random.default_rng(1), 200)
    known = novelty_reference(rows)
    distances, _ = spatial.cKDTree(known.vectors).query(known.vectors, k=4)
    mean = distances[:, 1:].mean(axis=1) / math.sqrt(len(NOVELTY_DESCRIPTORS))
    assert known.limit == pytest.approx(np.quantile(mean, 0.95), rel=1e-5)
    assert known.vectors.std(axis=0) == pytest.approx(np.ones(len(NOVELTY_DESCRIPTORS)), rel=1e-4)


def test_images_like_those_seen_are_not_unlike_and_others_are():
    rng = np.random.default_rng(2)
    known = novelty_reference(described(rng, 300))
    assert unlike(described(rng, 400), 1.0, known).mean() < 0.15
    assert unlike(described(rng, 400, shift=10), 1.0, known).all()


def test_size_counts_as_the_network_sees_it():
    rng = np.random.default_rng(3)
    rows = described(rng, 200)
    smaller = rows.copy()
    smaller[:, DESCRIPTORS.index("area")] -= 2  # half as wide
    known = novelty_reference(rows)
    np.testing.assert_array_equal(unlike(smaller, 2.0, known), unlike(rows, 1.0, known))


def test_images_in_which_nothing_is_found_are_not_learnt_from():
    rows = described(np.random.default_rng(4), 50)
    rows[:5] = 0
    assert len(novelty_reference(rows).vectors) == 45
