from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.engine.train import crosscheck
from tui_cytpix.engine.train.dataset import example
from tui_cytpix.engine.train.trainer import FitSettings, Trainer


def shown(toys, number, cells=1):
    one = toys.image(number, cells=cells)
    return example(one.image, np.full(one.image.shape, 500, np.float32), one.truth)


@pytest.fixture
def examples(toys):
    """Twelve images of two samples: eight single ones and four of more, unevenly mixed."""
    cells = [1, 1, 1, 3, 1, 1, 3, 1, 3, 1, 1, 3]
    return {ImageKey("ab"[n % 3 == 0], f"{n:02d}"): shown(toys, n, many) for n, many in enumerate(cells)}


def test_every_image_is_in_one_fold_and_each_fold_has_some_of_every_kind(examples):
    parts = crosscheck.folds(examples, seed=3)
    assert sorted(key for part in parts for key in part) == sorted(examples)
    assert sorted(map(len, parts)) == [2, 2, 2, 3, 3]
    several = [sum(examples[key].truth.particle_count > 1 for key in part) for part in parts]
    total = sum(several)
    assert max(several) - min(several) <= 1
    assert total == sum(item.truth.particle_count > 1 for item in examples.values()) > 2
    assert crosscheck.folds(examples, seed=3) == parts
    assert crosscheck.folds(examples, seed=4) != parts


def test_images_with_the_same_pixels_are_in_one_fold(examples, toys):
    twins = {ImageKey("copy", key.event): item for key, item in examples.items()}
    for part in crosscheck.folds(examples | twins, seed=0):
        assert {key.event for key in part if key.sample == "copy"} == {k.event for k in part if k.sample != "copy"}
    few = {ImageKey("a", str(n)): shown(toys, 0) for n in range(4)}
    assert crosscheck.folds(few, seed=0) == [list(few)]


def test_no_model_has_trained_on_what_it_says(examples, toys, monkeypatch):
    trainer = Trainer(toys.model(), FitSettings(), 1)
    fresh = {name: value.copy() for name, value in trainer.state().items()}
    trained: list[set[int]] = []
    begun = []

    def train_epoch(others, check):
        check()
        if trainer.epoch == 0:
            begun.append(all(np.array_equal(fresh[k], v) for k, v in trainer.state().items()))
            trained.append({id(item) for item in others})
        trainer.epoch += 1
        for value in trainer.net.state_dict().values():
            value.add_(1)

    seen: list[int] = []

    def look(_predictor, part):
        seen.extend(id(item) for item in part)
        assert not trained[-1] & {id(item) for item in part}
        assert len(trained[-1]) + len(part) == len(examples)
        return None, [item.truth for item in part]

    monkeypatch.setattr(trainer, "train_epoch", train_epoch)
    monkeypatch.setattr(crosscheck, "look", look)
    progress = []
    parts, found = crosscheck.folds(examples, 1), {}
    crosscheck.cross_checked(trainer, examples, parts, found, 2, lambda: None, lambda *done: progress.append(done))
    assert begun == [True] * crosscheck.FOLDS  # each from the base, not from the fold before
    assert set(found) == set(examples)
    assert all(found[key] is item.truth for key, item in examples.items())
    assert sorted(seen) == sorted(id(item) for item in examples.values())
    assert progress == [(n, 10) for n in range(1, 11)]
    for key in parts[3]:
        del found[key]
    progress.clear()
    trainer.restore(fresh)
    crosscheck.cross_checked(trainer, examples, parts, found, 2, lambda: None, lambda *done: progress.append(done))
    assert progress == [(7, 10), (8, 10)]  # what was answered is not done again
    assert set(found) == set(examples)
