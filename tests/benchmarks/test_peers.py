"""The peers' bench without the peers: what goes to the other interpreter and what comes back."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.benchmarks import _peer_worker, peers
from tests.benchmarks._cells import Crop, Fold
from tests.benchmarks._results import Key

# Answers each test image by where it is bright, in two label images' worth of particles: left and right half.
WORKER = """
import sys
import numpy as np
given = dict(np.load(sys.argv[2]))
tests = sorted(k for k in given if k.startswith("test_image_"))
assert sys.argv[1] == "stardist" and sys.argv[4:] == ["--seed", "3", "--cpu-seconds", "7.0"], sys.argv
assert "train_image_0" in given and "train_labels_0" in given
answers = {}
for k in range(len(tests)):
    bright = given[f"test_image_{k}"] > 100
    half = np.arange(bright.shape[1]) >= bright.shape[1] // 2
    answers[f"labels_{k}"] = (bright * (1 + half)).astype(np.uint16)
np.savez(sys.argv[3], training_s=5.0, answering_s=1.0, frames_per_s=2.0, steps=30, losses=[3.0, 1.0, 2.0],
         ended="plateau", **answers)
"""


@pytest.fixture
def crops() -> list[Crop]:
    """One pair in each; the last one's truth holds a third particle."""
    found = []
    for k in range(6):
        labels = np.zeros((40, 60), np.uint16)
        labels[10:20, 8:20] = 1
        labels[10:20, 38:50] = 2
        image = np.where(labels > 0, 200, 50).astype(np.uint8)
        if k == 5:
            labels[30:36, 8:20] = 3
        found.append(Crop(f"{k}.png", "source", image, np.full(image.shape, 50, np.float32), labels))
    return found


def test_what_the_worker_answers_is_compared_with_the_truth(tmp_path, monkeypatch, crops):
    (tmp_path / "worker.py").write_text(WORKER)
    monkeypatch.setattr(peers, "WORKER", tmp_path / "worker.py")
    monkeypatch.setattr(peers, "load", lambda name: crops)
    monkeypatch.setattr(peers, "folds", lambda found, annotations, seed: [Fold(found[:2], found[2:])])
    key = Key("stardist", "0.9.2", "yeast", 2, 3)
    result, (line,), rates = peers.measure(key, sys.executable, 7.0, [])
    assert result.images == ["2.png", "3.png", "4.png", "5.png"]
    assert [c.count_right for c in result.comparisons] == [True, True, True, False]
    assert sum(c.centroids.tp for c in result.comparisons) == 8
    assert (result.training_s, result.answering_s) == (5.0, 1.0)
    assert "| 30 | plateau | " in line
    assert "| 2: 1.000 |" in line
    assert rates == [2.0]


def test_our_models_stand_beside_the_peers_on_the_same_frames(monkeypatch):
    monkeypatch.setattr(peers, "own_rate", lambda model, frames: {"cell-half": 90.0, "cell-full": 30.0}[model])
    assert list(peers.ratios({"stardist 0.9": [1.0, 3.0], "cellpose 3.1": [0.5]}, []))[1:] == [
        "| cell-half 90.0 | 30.0 | 180.0 |",
        "| cell-full 30.0 | 10.0 | 60.0 |",
        "| stardist 0.9 3.00 | | |",
        "| cellpose 3.1 0.50 | | |",
    ]


def test_a_worker_that_fails_ends_the_bench_and_says_why(tmp_path, monkeypatch, crops):
    (tmp_path / "worker.py").write_text("raise ValueError('no such luck')")
    monkeypatch.setattr(peers, "WORKER", tmp_path / "worker.py")
    monkeypatch.setattr(peers, "load", lambda name: crops)
    monkeypatch.setattr(peers, "folds", lambda found, annotations, seed: [Fold(found[:2], found[2:])])
    with pytest.raises(SystemExit, match="no such luck"):
        peers.measure(Key("cellpose", "3", "yeast", 2, 0), sys.executable, 7.0, [])


def test_augmentation_turns_image_and_labels_alike():
    rng = np.random.default_rng(0)
    labels = np.zeros((64, 64), np.uint16)
    labels[5:20, 30:60] = 1
    seen = set()
    for _ in range(40):
        image, turned = _peer_worker._augmented(labels.astype(np.float32), labels, rng)
        assert np.array_equal(image > (image.min() + image.max()) / 2, turned > 0)
        seen.add(turned.tobytes())
    assert len(seen) == 8


def test_small_crops_are_padded_to_a_patch_and_others_left():
    assert _peer_worker._padded(np.ones((29, 90)), "edge").shape == (64, 90)
    assert _peer_worker._padded(np.ones((29, 30)), "constant").sum() == 29 * 30
