from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.divided import nothing
from tui_cytpix.core.images.background import image_background
from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.core.objects.regions import label_objects
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.flows import ends, flow
from tui_cytpix.engine.network.model import Model
from tui_cytpix.engine.network.postprocess import PostSettings, segment
from tui_cytpix.engine.train import trainer as trainer_module
from tui_cytpix.engine.train.augment import Augmentation, crop
from tui_cytpix.engine.train.dataset import batches, crop_size, example
from tui_cytpix.engine.train.loss import loss
from tui_cytpix.engine.train.scene import Scene, scene
from tui_cytpix.engine.train.trainer import KEPT_OF_USERS, FitSettings, Trainer, look

QUICK = FitSettings(batch=4, views_per_epoch=8, warm_up=2)


@pytest.fixture(scope="module")
def examples(toys):
    found = [toys.image(i, cells=1 + i % 2) for i in range(6)]
    return [example(t.image, image_background(t.image), t.truth) for t in found]


def _weights(trainer: Trainer) -> dict[str, np.ndarray]:
    return trainer.state()


def _same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(toys, examples):
    ends = []
    for seed in (1, 1, 2):
        trainer = Trainer(toys.model(), QUICK, seed)
        trainer.train_epoch(examples)
        trainer.train_epoch(examples)
        ends.append(_weights(trainer))
    assert _same(ends[0], ends[1])
    assert not _same(ends[0], ends[2])


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta")
@pytest.mark.parametrize("resolution", ["full", "half"])
def test_all_that_a_training_computes_with_is_on_its_device(toys, examples, resolution, monkeypatch):
    """Torch's `meta` device computes shapes only, and like a GPU with nothing that is on the CPU."""
    monkeypatch.setattr(torch, "autocast", lambda *_args, **_options: contextlib.nullcontext())
    monkeypatch.setattr(torch.Tensor, "cpu", lambda value: torch.zeros(value.shape, dtype=value.dtype))
    monkeypatch.setattr(torch.Tensor, "__float__", lambda _value: 0.0)
    meta = torch.device("meta")
    trainer, again = (Trainer(toys.model(resolution), QUICK, 3, meta) for _ in range(2))
    trainer.rehearsed = examples
    trainer.train_epoch(examples)
    again.restore(trainer.state())
    again.train_epoch(examples)
    state = again.optimiser.state_dict()["state"]
    assert {moments["exp_avg"].device for moments in state.values()} == {meta}
    _, found = look(again.predictor(), examples)
    assert len(found) == len(examples)
    weights = again.state()
    assert weights.keys() == trainer.state().keys()
    with pytest.raises(RuntimeError):  # so that the rest says something
        again.net(torch.zeros(1, 1, 64, 64))


@pytest.mark.parametrize("fast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("resolution", ["full", "half"])
def test_resuming_equals_never_having_stopped(toys, examples, resolution, fast, monkeypatch):
    monkeypatch.setattr(trainer_module, "has_bf16", lambda _device: fast)  # emulated where it is not, alike
    whole = Trainer(toys.model(resolution), QUICK, 3)
    for _ in range(4):
        whole.train_epoch(examples)
    first = Trainer(toys.model(resolution), QUICK, 3)
    first.train_epoch(examples)
    first.train_epoch(examples)
    second = Trainer(toys.model(resolution), QUICK, 3)
    second.restore(first.state())
    second.train_epoch(examples)
    second.train_epoch(examples)
    assert second.epoch == 4
    assert max(float(np.abs(whole.state()[k] - second.state()[k]).max()) for k in whole.state()) == 0.0
    assert _same(whole.state(), second.state())


def test_a_state_of_another_network_is_refused(toys, examples):
    trainer = Trainer(toys.model(), QUICK, 0)
    trainer.train_epoch(examples)
    state = trainer.state()
    with pytest.raises(ValueError, match="counters"):
        Trainer(toys.model(), QUICK, 0).restore({k: v for k, v in state.items() if k != "counters"})
    name = next(k for k in state if k.startswith("net.") and state[k].ndim == 4)
    with pytest.raises(ValueError, match="state_dict"):
        Trainer(toys.model(), QUICK, 0).restore({**state, name: state[name][:1]})


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: {"counters": np.array([-1, 3])},
        lambda s: {"counters": np.array([np.nan, 3])},
        lambda s: {"counters": np.array(["a", "b"])},
        lambda s: {"counters": np.array(3)},
        lambda s: {"adam.0.exp_avg": s["adam.0.exp_avg"][:1]},
        lambda s: {"adam.0.exp_avg": np.full_like(s["adam.0.exp_avg"], np.inf)},
        lambda s: {"adam.0.exp_avg": np.array("a")},
        lambda s: {"adam.0.step": np.zeros(3, np.float32)},
        lambda s: {"adam.9999.exp_avg": s["adam.0.exp_avg"]},
        lambda s: {"adam.0.other": s["adam.0.exp_avg"]},
        lambda s: {"adam.0": s["adam.0.exp_avg"]},
        lambda s: {"net.head.bias": np.full_like(s["net.head.bias"], np.nan)},
        lambda s: {"net.head.bias": np.array(["a"] * len(s["net.head.bias"]))},
        lambda s: {"net.head.bias": np.full(s["net.head.bias"].shape, 1e300)},
    ],
)
def test_a_state_that_the_next_epoch_could_not_use_is_refused(toys, examples, damage):
    trainer = Trainer(toys.model(), QUICK, 0)
    trainer.train_epoch(examples)
    state = trainer.state()
    Trainer(toys.model(), QUICK, 0).restore(state)
    with pytest.raises(ValueError, match=r"."):
        Trainer(toys.model(), QUICK, 0).restore({**state, **damage(state)})


def test_training_learns_the_toy_cells(toys, examples):
    trainer = Trainer(toys.model(), FitSettings(batch=8, views_per_epoch=32, rate=1e-2, warm_up=5, average=0.9), 0)
    before, _ = look(trainer.predictor(), examples)
    first = trainer.train_epoch(examples)
    for _ in range(14):
        last = trainer.train_epoch(examples)
    after, _ = look(trainer.predictor(), examples)
    assert last < first / 2
    assert after.mean > max(before.mean, 0.5)
    assert 0 < after.error < 0.5


STILL = Augmentation(scale=(0.9, 1.1), gain=(1, 1), noise=(0, 0), blur=(0, 0), field=(0, 0), bend=0)


def _block() -> Scene:
    mask = np.zeros((60, 60), bool)
    mask[20:40, 15:50] = True
    return scene(mask.astype(np.float32) * 2, Segmentation(mask, np.array([[30, 32]], np.float32)))


def test_views_keep_their_maps_aligned():
    """A map that is a function of the gray stays that function of the gray, whatever the geometry."""
    shown, rng = _block(), np.random.default_rng(0)
    for _ in range(30):
        view = crop(shown, 64, np.array([30, 30], np.float32), STILL, rng)
        np.testing.assert_allclose(view[0], 2 * view[1] * view[3], atol=1e-5)
        assert set(np.unique(view[3])) <= {0.0, 1.0}


def test_the_vectors_of_a_view_lead_to_the_middle_of_what_it_shows():
    """Turned, mirrored, stretched: who follows them gets to where the block's middle is now."""
    shown, rng = _block(), np.random.default_rng(0)
    for _ in range(30):
        view = crop(shown, 64, np.array([30, 30], np.float32), STILL, rng)
        assert view.shape == (7, 64, 64)
        inside = view[6] > 0
        if inside[[0, -1]].any() or inside[:, [0, -1]].any():
            continue
        np.testing.assert_allclose(np.hypot(view[4], view[5])[inside], 1, atol=1e-5)
        ys, xs = np.nonzero(inside)
        x, y = ends(view[4:6], inside)[:, ys, xs]
        middle = np.array([xs.mean(), ys.mean()])
        away = np.hypot(xs + x - middle[0], ys + y - middle[1])
        assert np.quantile(away, 0.95) < 3


def test_right_angle_views_hold_the_sensors_own_pixels():
    rng = np.random.default_rng(1)
    gray = rng.normal(0, 1, (40, 40)).astype(np.float32)
    shown = scene(gray, nothing((40, 40)))
    still = Augmentation(gain=(1, 1), noise=(0, 0), blur=(0, 0), field=(0, 0), bend=0)
    values = {round(float(v), 4) for v in gray.ravel()}
    exact = 0
    for _ in range(40):
        view = crop(shown, 64, np.array([20, 20], np.float32), still, rng)
        seen = {round(float(v), 4) for v in view[0][view[3] > 0]}
        exact += seen <= values
    assert 10 <= exact <= 30


def test_batches_show_every_image_equally_often_and_repeat_for_a_seed(examples):
    still = Augmentation()
    one = list(batches(examples, 64, 3, 4, still, (5, 1)))
    two = list(batches(examples, 64, 3, 4, still, (5, 1)))
    assert sum(len(b) for b in one) == 18
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], next(batches(examples, 64, 3, 4, still, (5, 2))))


def test_crops_have_room_for_small_images_and_for_large_objects(examples):
    assert crop_size(examples) == 64
    mask = np.zeros((248, 248), bool)
    mask[100:120, 60:140] = True
    size = crop_size([example(mask * 100.0, np.zeros((248, 248), np.float32), examples[0].truth)])
    assert size == 64  # its truth is small


def test_pixels_outside_of_the_image_cost_nothing():
    outputs = torch.zeros(1, 3, 8, 8)
    view = torch.ones(1, 6, 8, 8)
    view[:, 0, 4:] = 0
    for weight in (1, 2, -1):
        view[:, weight, :, 4:] = 0
    base = loss(outputs, view)
    outputs[..., 4:] = 50
    torch.testing.assert_close(loss(outputs, view), base)


def test_looking_at_images_leaves_out_what_the_size_cutoff_leaves_out(toys):
    """A speck below the cutoff, drawn or predicted, changes neither TA nor VA."""
    drawn = toys.image(3, cells=1)
    speck = np.zeros_like(drawn.truth.mask)
    speck[2:6, 2:6] = True
    truth = Segmentation(drawn.truth.mask | speck, np.vstack([drawn.truth.centroids, [[3.5, 3.5]]]).astype(np.float32))
    maps = np.concatenate([truth.mask[None].astype(np.float32), flow(particles_of(truth))])

    class Seeing:
        """Predicts the drawing itself, specks and all."""

        def predict_normalised(self, grays, cutoffs_px, zooms):
            return [(segment([maps], PostSettings(least_px=1), [c], [1.0])[0], maps[0]) for c in cutoffs_px]

    plain = example(drawn.image, image_background(drawn.image), drawn.truth, cutoff_px=8.0)
    specked = example(drawn.image, image_background(drawn.image), truth, cutoff_px=8.0)
    assert look(Seeing(), [plain])[0].mean == look(Seeing(), [specked])[0].mean
    without_cutoff = example(drawn.image, image_background(drawn.image), drawn.truth)
    assert look(Seeing(), [without_cutoff])[0].mean < look(Seeing(), [plain])[0].mean


def test_what_is_far_smaller_than_anything_annotated_is_noise(toys, examples):
    trainer = Trainer(toys.model(), QUICK, 0)
    trainer.train_epoch(examples)
    smallest = min(int(label_objects(e.truth.mask)[0].astype(bool).sum()) for e in examples if _objects(e) == 1)
    least = trainer.model().post.least_px
    assert PostSettings.least_px <= least <= max(PostSettings.least_px, 0.25 * smallest)
    assert trainer.predictor().model.post.least_px == least
    large = np.zeros((48, 48), bool)
    large[4:44, 4:44] = True
    truth = Segmentation(large, np.array([[24, 24]], np.float32))
    trainer.train_epoch([example(large * 100.0, np.zeros((48, 48), np.float32), truth)])
    assert trainer.model().post.least_px == 400


def _objects(item) -> int:
    return label_objects(item.truth.mask)[1]


def _users(model: Model) -> Model:
    return replace(model, card=replace(model.card, kind="UDT"))


def test_from_a_users_base_the_model_lies_part_of_the_way_back(toys, examples):
    ends = {}
    for name, base in (("built-in", toys.model()), ("UDT", _users(toys.model()))):
        trainer = Trainer(base, QUICK, 1)
        trainer.train_epoch(examples)
        ends[name] = trainer.model().net.state_dict()
        for key, value in trainer.predictor().model.net.state_dict().items():
            assert torch.equal(value, ends[name][key])
    start = toys.model().net.state_dict()
    moved = 0
    for key, value in ends["UDT"].items():
        if value.is_floating_point():
            new = ends["built-in"][key]
            torch.testing.assert_close(value, new + KEPT_OF_USERS * (start[key] - new))
            moved += not torch.equal(value, start[key])
    assert moved > 10


def test_from_a_users_base_more_is_gone_over_again_and_its_small_cells_are_no_noise(toys, examples):
    large = np.zeros((48, 48), bool)
    large[4:44, 4:44] = True
    truth = Segmentation(large, np.array([[24, 24]], np.float32))
    one = example(large * 100.0, np.zeros((48, 48), np.float32), truth)
    for base, views, least in ((toys.model(), QUICK.batch + 1, 400), (_users(toys.model()), QUICK.batch + 2, 20)):
        trainer = Trainer(base, QUICK, 0)
        trainer.rehearsed = examples
        assert len(next(trainer._views(examples))) == views
        trainer.train_epoch([one])
        assert trainer.model().post.least_px == least
