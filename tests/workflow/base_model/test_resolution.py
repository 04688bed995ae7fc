"""Half against full resolution: areas and outlines of discs whose difference is known, and the advice."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.divided import nothing
from tui_cytpix.domain.model_card import ModelCard, ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow.base_model import resolution


def disc(radius: float, count: int = 1) -> Segmentation:
    ys, xs = np.mgrid[:96, :96]
    mask = (ys - 48) ** 2 + (xs - 48) ** 2 <= radius**2
    return Segmentation(mask, np.full((count, 2), 48, np.float32))


def answered(folder, answers) -> tuple[list[ImageKey], PredictionStore]:
    keys = [ImageKey("s", str(n)) for n in range(len(answers))]
    write_shard(folder, "0", [Prediction(key, one) for key, one in zip(keys, answers, strict=True)])
    return keys, PredictionStore(folder)


@pytest.mark.parametrize("wider", [-2, 1, 3])
def test_the_shift_of_the_outline_is_the_difference_of_radii(tmp_path, wider):
    keys, half = answered(tmp_path / "half", [disc(25 + wider)] * 12)
    _, full = answered(tmp_path / "full", [disc(25)] * 12)
    found = resolution.half_against_full(keys, half, full, (200.0, 100.0))
    assert found.area == pytest.approx(((25 + wider) / 25) ** 2, rel=0.03)
    assert found.shift_px == pytest.approx(wider * (1 + wider / 50), abs=0.15)  # areas grow with the square
    assert (found.images, found.differing, found.speed) == (12, 0, 2.0)
    words = resolution.in_words(found)
    assert "take full where size" in words
    assert ("outside" in words) == (wider > 0)


def test_the_advice_follows_counts_then_outlines(tmp_path):
    keys, full = answered(tmp_path / "full", [disc(25)] * 20)
    _, same = answered(tmp_path / "same", [disc(25)] * 20)
    _, other = answered(tmp_path / "other", [disc(25, 2)] * 3 + [disc(25)] * 17)
    assert resolution.in_words(resolution.half_against_full(keys, same, full, (math.nan, math.nan))).endswith(
        "Half will do."
    )
    words = resolution.in_words(resolution.half_against_full(keys, other, full, (50.0, 20.0)))
    assert "counts differ on 3" in words
    assert "2.5 times as fast" in words
    assert "assess both" in words
    slow = resolution.in_words(resolution.half_against_full(keys, same, full, (9.0, 10.0)))
    assert "half is no faster here" in slow
    assert slow.endswith("Either will do.")
    assert resolution.in_words(resolution.half_against_full(keys[:5], same, full, (1.0, 1.0))) == ""
    _, blank = answered(tmp_path / "nothing", [nothing((96, 96))] * 20)
    assert math.isnan(resolution.half_against_full(keys, blank, full, (1.0, 1.0)).area)


def test_siblings_share_their_name():
    def entry(name: str) -> ModelEntry:
        return ModelEntry(ModelCard(name, name.rpartition("-")[2], "built-in"), f"/{name}", name)

    half, full, other = entry("cell-half"), entry("cell-full"), entry("general-full")
    assert resolution.siblings([other, full, half]) == (half, full)
    assert resolution.siblings([half, other]) is None
    odd = replace(half, card=replace(half.card, resolution="full"))
    assert resolution.siblings([odd, full]) is None
