"""Masks on held-out annotations: the means, the paired difference by SciPy, and what is left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tui_cytpix.domain.annotation import Side
from tui_cytpix.domain.sample import ImageKey
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
    ours, theirs, apart = held_out_masks.paired_iou(run, new, base)
    ious = np.array([heights[key] for key in keys]) / 20
    assert (ours, theirs) == pytest.approx(tuple(ious.mean(axis=0)))
    difference = ious[:, 0] - ious[:, 1]
    assert apart.mean == pytest.approx(difference.mean())
    judge = stats.bootstrap((difference,), np.mean, method="percentile", rng=1).confidence_interval
    assert (apart.low, apart.high) == pytest.approx((judge.low, judge.high), abs=0.03)
    words = held_out_masks.in_words((ours, theirs, apart))
    assert f"Masks on {len(keys)} held-out images with masks drawn by hand" in words
    assert "flatters the new model" in words


def test_too_few_and_none_are_told(run, tmp_path):
    one = held_out_masks.images(run)[:1]
    new, base = answers(tmp_path / "new", one, [18]), answers(tmp_path / "base", one, [10])
    found = held_out_masks.paired_iou(run, new, base)
    assert math.isnan(found[2].low)
    assert "1 held-out image with masks drawn by hand:" in held_out_masks.in_words(found)
    assert "too few for an interval" in held_out_masks.in_words(found)
    # A mask that was proposed and taken as it was speaks for whoever proposed it.
    same = answers(tmp_path / "same", one, [20])
    assert held_out_masks.paired_iou(run, new, same) is None
    nobody = PredictionStore(tmp_path / "nobody")
    assert held_out_masks.paired_iou(run, new, nobody) is None
    assert held_out_masks.in_words(None) == ""
