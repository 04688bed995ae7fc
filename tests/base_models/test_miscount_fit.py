"""The fit of triage against least squares and on made-up rows whose law is known; what is shipped is whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from tui_cytpix.base_models import miscount_fit
from tui_cytpix.core.statistics.miscount_model import Signs, expit
from tui_cytpix.formats.model.miscount_model import read_miscount_model


def rows(kinds: int, per_kind: int, seed: int) -> list[miscount_fit.Row]:
    """The logit of the error is that of `unsure` plus half that of `apart`, with a kind's own offset and noise."""
    rng = np.random.default_rng(seed)
    found = []
    for kind in range(kinds):
        own = rng.normal(0, 0.4)
        for _ in range(per_kind):
            unsure, apart, wavering = rng.normal(-1, 1, 3)
            wrong = unsure + 0.5 * apart + own + rng.normal(0, 0.2)
            signs = Signs(expit(unsure), expit(wavering), expit(apart), 0.1, 0.1)
            errors = np.arange(10_000) < round(10_000 * expit(wrong))
            found.append(miscount_fit.Row(str(kind), "m", signs, np.ones(len(errors), np.int16), errors))
    return found


def test_the_law_is_found_and_the_interval_holds_on_other_kinds():
    fitted = miscount_fit.fit(rows(30, 12, 1))
    assert fitted.weights == pytest.approx((1.0, 0.0, 0.5), abs=0.06)
    fresh = rows(60, 4, 2)
    held = [low <= row.wrong <= high for row in fresh for _, low, high in [fitted.expected(row.signs, row.images)]]
    assert 0.83 <= np.mean(held) <= 0.97


def test_ridge_is_least_squares_with_a_pull():
    rng = np.random.default_rng(5)
    signs = rng.normal(2, 3, (40, 3))
    wrong = rng.normal(0, 1, 40) + signs @ [0.3, -0.2, 0.1]
    offset, weights = miscount_fit._ridge(signs, wrong)
    unit = (signs - signs.mean(axis=0)) / signs.std(axis=0)
    tall = np.concatenate([unit, np.eye(3)])  # the ridge, written as three rows more
    target = np.concatenate([wrong - wrong.mean(), np.zeros(3)])
    wanted = optimize.lsq_linear(tall, target, bounds=(0, np.inf), tol=1e-14).x
    assert weights * signs.std(axis=0) == pytest.approx(wanted, abs=1e-6)
    assert offset + signs.mean(axis=0) @ weights == pytest.approx(wrong.mean())


def test_what_is_shipped_is_whole():
    found = read_miscount_model(miscount_fit.FOLDER / "miscount_model.json")
    assert found.errors.names == miscount_fit.NAMES
    assert min(found.errors.weights) >= 0
    assert found.errors.low < 0 < found.errors.high
    assert set(found.novelty) == {"cell", "general", "bead"}
    assert all(len(one.vectors) > 200 and one.limit > 0 for one in found.novelty.values())
