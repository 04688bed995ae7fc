"""Masks on held-out annotations: the means, the interval over units, and what is left out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tui_cytpix.core.statistics.units import ratio_over_units
from tui_cytpix.domain.annotation import Side
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow.evaluate import held_out_masks
from tui_cytpix.workflow.run.run import Run


def square(side: int) -> Segmentation:
    mask = np.zeros((40, 40), bool)
    mask[:side, :20] = True
    return Segmentation(mask, np.array([[5, 5]], np.float32))


@pytest.fixture
def run(tmp_path):
    """Thirty accepted annotations of 20 x 20 px, a fifth of them held out."""
    with Run.create(tmp_path / "r") as run:
        for n in range(30):
            key = ImageKey("s", str(n))
            run.record_edit(key, "propose", square(20), origin="masks")
            run.record_edit(key, "accept")
        yield run


def answers(folder, keys, heights) -> PredictionStore:
    write_shard(folder, "0", [Prediction(key, square(h)) for key, h in zip(keys, heights, strict=True)])
    return PredictionStore(folder)


def test_the_difference_is_paired_over_held_out_images_only(run, tmp_path):
    keys = held_out_masks.images(run)
    assert set(keys) == {a.image for a in run.annotations.side(Side.VALIDATION)}
    assert 2 <= len(keys) < 30
    everyone = [ImageKey("s", str(n)) for n in range(30)]
    rng = np.random.default_rng(0)
    heights = {key: (int(rng.integers(15, 20)), int(rng.integers(8, 16))) for key in everyone}
    new = answers(tmp_path / "new", everyone, [heights[k][0] for k in everyone])
    base = answers(tmp_path / "base", everyone, [heights[k][1] for k in everyone])
    found = held_out_masks.paired_iou(run, new, base)
    ious = np.array([heights[key] for key in keys]) / 20
    assert (found.new, found.base) == pytest.approx(tuple(ious.mean(axis=0)))
    assert (found.images, found.units) == (len(keys), 0)
    assert math.isnan(found.low)
    words = held_out_masks.in_words(found)
    assert f"Masks on {len(keys)} held-out images with masks drawn by hand" in words
    assert f"(difference {found.new - found.base:+.2f}, descriptive: units are not stated)" in words
    assert "flatters the new model" in words


def test_the_interval_is_over_units_not_over_images(tmp_path):
    """Two tubes each of three cultures: the differences of a culture's images are alike."""
    with Run.create(tmp_path / "r") as run:
        refs = [SampleRef(f"s{n}", f"s{n}", 0, "", unit=f"culture {n // 2}") for n in range(6)]
        run.update(replace(run.settings, samples=tuple(refs)))
        everyone = [ImageKey(f"s{n}", str(k)) for n in range(6) for k in range(15)]
        for key in everyone:
            run.record_edit(key, "propose", square(20), origin="masks")
            run.record_edit(key, "accept")
        keys = held_out_masks.images(run)
        by_culture = {key: 14 + int(key.sample[1]) // 2 for key in everyone}
        new = answers(tmp_path / "new", everyone, [by_culture[key] for key in everyone])
        base = answers(tmp_path / "base", everyone, [13] * len(everyone))
        found = held_out_masks.paired_iou(run, new, base)
        cultures: dict[str, list[float]] = {}
        for key in keys:
            cultures.setdefault(run.settings.sample(key.sample).unit, []).append((by_culture[key] - 13) / 20)
        judge = ratio_over_units((sum(one), len(one)) for one in cultures.values())
        assert (found.units, found.low, found.high) == pytest.approx((3, judge.low, judge.high))
        assert f"95 % over 3 units {judge.low:+.2f} to {judge.high:+.2f})" in held_out_masks.in_words(found)
        run.update(replace(run.settings, samples=tuple(replace(ref, unit="culture") for ref in refs)))
        assert "descriptive: all of one unit)" in held_out_masks.in_words(held_out_masks.paired_iou(run, new, base))


def test_too_few_and_none_are_told(run, tmp_path):
    one = held_out_masks.images(run)[:1]
    new, base = answers(tmp_path / "new", one, [18]), answers(tmp_path / "base", one, [10])
    found = held_out_masks.paired_iou(run, new, base)
    assert math.isnan(found.low)
    assert "1 held-out image with masks drawn by hand:" in held_out_masks.in_words(found)
    assert "descriptive: units are not stated" in held_out_masks.in_words(found)
    # A mask that was proposed and taken as it was speaks for whoever proposed it.
    same = answers(tmp_path / "same", one, [20])
    assert held_out_masks.paired_iou(run, new, same) is None
    nobody = PredictionStore(tmp_path / "nobody")
    assert held_out_masks.paired_iou(run, new, nobody) is None
    assert held_out_masks.in_words(None) == ""
