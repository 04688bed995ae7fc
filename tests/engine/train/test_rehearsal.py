"""What fine-tuning goes over again of what its base was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from tui_cytpix.base_models.recipe import RECIPES
from tui_cytpix.engine.network.model import Model, load_model, save_model
from tui_cytpix.engine.train.augment import Augmentation
from tui_cytpix.engine.train.dataset import Example, batches, example
from tui_cytpix.engine.train.rehearsal import REHEARSED, rehearsal, rehearsal_for, simulated_examples
from tui_cytpix.engine.train.trainer import FitSettings, Trainer, look
from tui_cytpix.errors import UsageError

SETTINGS = FitSettings(batch=4, views_per_epoch=32, rate=1e-2, warm_up=5, average=0.9, crop=48)


CPU = torch.device("cpu")


def _trainer(base: Model, settings: FitSettings, seed: int, rehearsed: Sequence[Example]) -> Trainer:
    trainer = Trainer(base, settings, seed)
    trainer.rehearsed = rehearsed
    return trainer


@pytest.fixture(scope="module")
def bright(toys):
    """Toy images, and the same with their contrast turned: what was known, and what is new."""
    shown = [toys.image(i, cells=1 + i % 2) for i in range(6)]
    ground = np.full((48, 48), 500, np.float32)
    known = [example(t.image, ground, t.truth) for t in shown]
    new = [example(1000 - t.image.astype(np.float32), ground, t.truth) for t in shown]
    return known, new


def test_every_kind_of_the_base_models_can_be_rehearsed():
    events = rehearsal(("beads", "pombe-rich"))
    assert len(events) == REHEARSED
    assert all(np.array_equal(a.gray, b.gray) for a, b in zip(events, rehearsal(("beads", "pombe-rich")), strict=True))
    assert 0.2 < np.mean([e.scene.has_long_cells for e in events]) < 0.6
    for family in {recipe.family.name: recipe.family for recipe in RECIPES.values()}.values():
        assert REHEARSED <= len(rehearsal(tuple(family.tubes))) < 1.5 * REHEARSED
    assert rehearsal(()) == ()
    with pytest.raises(UsageError):
        rehearsal(("no such kind",))


def test_cropped_frames_become_views_of_any_size():
    cropped = list(simulated_examples("tight-rounds", 2, 4, seed=1))
    assert len({e.gray.shape for e in cropped}) > 4
    assert all(e.scene.labels.shape == e.gray.shape and e.truth.particle_count for e in cropped)
    views = torch.cat(list(batches(cropped, 96, 2, 8, Augmentation(scale=(0.5, 2.0), another=0.5), (1,))))
    assert views.shape == (16, 7, 96, 96)
    assert torch.isfinite(views).all()


@pytest.fixture(scope="module")
def knowing(toys, bright):
    """A model that knows the toys of the first kind."""
    trainer = Trainer(toys.model(), replace(SETTINGS, pull=0.0), 0)
    for _ in range(10):
        trainer.train_epoch(bright[0])
    return trainer.model()


def test_what_was_known_is_not_forgotten(bright, knowing):
    known, new = bright
    after = {}
    for name, rehearsed in (("plain", ()), ("rehearsed", known)):
        trainer = _trainer(knowing, replace(SETTINGS, pull=0.0), 0, rehearsed)
        for _ in range(10):
            trainer.train_epoch(new)
        after[name] = [look(trainer.predictor(), side)[0].mean for side in (known, new)]
    assert after["rehearsed"][0] > after["plain"][0] + 0.1
    assert after["rehearsed"][1] > 0.5


def test_only_where_the_base_is_mostly_right_its_knowledge_is_kept(bright, knowing):
    known, _ = bright
    base = replace(knowing, card=replace(knowing.card, training={"kinds": ["beads"]}))
    found = look(Trainer(base, SETTINGS, 0).predictor(), known)[1]
    right = [e for e, f in zip(known, found, strict=True) if f.particle_count == e.wanted.particle_count]
    assert right
    other = replace(right[0].truth, centroids=np.repeat(right[0].truth.centroids, 2, axis=0))
    wrong = replace(right[0], truth=other)
    assert rehearsal_for(base, [right[0]] * 8 + [wrong] * 2, CPU) == rehearsal(("beads",))
    assert rehearsal_for(base, [right[0]] * 7 + [wrong] * 3, CPU) == ()
    assert rehearsal_for(knowing, right, CPU) == ()


def test_rehearsed_training_depends_on_the_seed_alone_and_goes_on_as_if_never_stopped(toys, bright):
    known, new = bright

    def trained(epochs: int, state: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
        trainer = _trainer(toys.model(), SETTINGS, 1, known)
        if state:
            trainer.restore(state)
        for _ in range(epochs):
            trainer.train_epoch(new)
        return trainer.state()

    whole, again = trained(2), trained(1, trained(1))
    assert all(np.array_equal(whole[name], again[name]) for name in whole)
    plain = _trainer(toys.model(), SETTINGS, 1, [])
    plain.train_epoch(new)
    assert not all(np.array_equal(value, trained(1)[name]) for name, value in plain.state().items())


def test_many_annotated_images_do_not_run_out_of_rehearsal(toys, bright):
    known, new = bright
    settings = replace(SETTINGS, views_per_epoch=1)
    trainer = _trainer(toys.model(), settings, 0, known[:1])
    trainer.train_epoch(new * 3)
    assert trainer.steps == -(-len(new) * 3 // settings.batch)


@pytest.mark.parametrize("kinds", [["beads"], ["of a later version"], []])
def test_a_job_rehearses_what_the_card_names_and_hands_it_on(toy_run, tmp_path, here, kinds):
    base = load_model(toy_run.base)
    save_model(toy_run.base, base.net, replace(base.card, training={"kinds": kinds}))
    events = here(tmp_path / "1", toy_run.train_spec(epochs=1))
    assert events[-1]["type"] == "finished"
    told = [e["text"] for e in events if e["type"] == "log"]
    assert any("rehearsed" in text for text in told) == (kinds == ["of a later version"])
    assert load_model(toy_run.folder.checkpoints / "last.safetensors").card.training["kinds"] == kinds


def test_a_users_base_goes_over_what_it_counts_right_with_its_own_outlines(knowing):
    """Whatever it says of the annotated images; the simulator's truth only tells which of its answers are kept."""
    base = replace(knowing, card=replace(knowing.card, kind="UDT"))
    shown = rehearsal(("beads",))
    gone_over = rehearsal_for(base, (), CPU, ["beads"])
    assert 0 < len(gone_over) < len(shown)
    answers = dict(zip(map(id, shown), look(Trainer(knowing, SETTINGS, 0).predictor(), shown)[1], strict=True))
    of_gray = {id(item.gray): item for item in shown}
    for item in gone_over:
        event = of_gray[id(item.gray)]
        assert item.truth.same_as(answers[id(event)])
        assert item.truth.particle_count == event.truth.particle_count
        assert np.array_equal(item.scene.mask, item.truth.mask)
    assert any(not np.array_equal(i.truth.mask, of_gray[id(i.gray)].truth.mask) for i in gone_over)
