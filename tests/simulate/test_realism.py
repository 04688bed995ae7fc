"""The benchmark's measures on a drawn particle of known make."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.realism import PLACES, look, real


def test_measures_of_a_drawn_ring_are_what_was_drawn():
    y, x = np.mgrid[:120, :120] - 59.5
    r = np.hypot(y, x)
    gray = 500 + np.random.default_rng(0).normal(0, 1, r.shape)
    gray -= 200 * np.exp(-(((r - 18) / 1.5) ** 2))  # a dark rim at 0.9 of the radius
    gray += 80 * np.exp(-(((r - 24) / 2.0) ** 2))  # a halo at 1.2 of it
    labels = (r < 20).astype(np.uint16)
    (row,), (profile,) = look(gray.astype(np.float32), labels)
    assert row["minor px"] == pytest.approx(40, rel=0.02)
    assert row["aspect"] == pytest.approx(1, abs=0.02)
    assert row["solidity"] > 0.97
    assert row["rim at"] == pytest.approx(-0.1, abs=0.01)
    assert row["halo at"] == pytest.approx(0.2, abs=0.01)
    assert row["rim"] < -0.6
    assert row["halo"] > 0.2
    assert 0.1 <= row["halo width"] <= 0.4
    assert abs(row["inside"]) < 0.1
    assert np.isnan(row["gap"])
    assert len(profile) == len(PLACES)


def test_particles_that_the_border_cuts_are_left_out_and_gaps_are_in_px():
    gray = np.full((80, 80), 400.0, np.float32) + np.random.default_rng(1).normal(0, 2, (80, 80)).astype(np.float32)
    labels = np.zeros((80, 80), np.uint16)
    labels[20:40, 20:35] = 1
    labels[20:40, 39:55] = 2
    labels[60:80, 20:40] = 3
    gray[labels > 0] -= 100
    rows, _ = look(gray, labels)
    assert len(rows) == 2
    assert [round(row["gap"]) for row in rows] == [4, 4]


@pytest.mark.shared_data
def test_the_smear_is_measured_too(shared_data):
    looks = [look(image, labels) for image, labels in real("rbc_smear")]
    rows = [row for found, _ in looks for row in found]
    assert len(rows) > 100
    # Dark bodies without a halo.
    assert np.nanmedian([row.get("inside", np.nan) for row in rows]) < -0.7
    assert np.nanmedian([row.get("halo", np.nan) for row in rows]) < 0.05
