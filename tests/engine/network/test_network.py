from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.network_maps import maps_of
from tui_cytpix.engine.network.model import load_model, save_model, weights
from tui_cytpix.engine.network.network import MAX_LEVELS, MAX_WIDTH, NetworkSettings, build
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.model.file import write_model


def test_the_shipped_size_stays_small():
    assert sum(p.numel() for p in build(NetworkSettings(), 0).parameters()) < 300_000


@pytest.mark.parametrize("widths", [(4,), (4, 6), (4, 6, 8, 8)])
def test_output_has_maps_of_the_inputs_size(widths):
    net = build(NetworkSettings(widths), 0).eval()
    step = net.multiple
    x = torch.zeros(2, 1, 3 * step, 2 * step)
    assert net(x).shape == (2, 3, 3 * step, 2 * step)


def test_the_same_seed_builds_the_same_network_and_leaves_torchs_own_state_alone(toys):
    before = torch.random.get_rng_state()
    one, two, other = build(toys.TINY, 3), build(toys.TINY, 3), build(toys.TINY, 4)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("resolution", ["full", "half"])
def test_any_size_alone_or_in_a_batch_gives_the_same_maps(resolution, toys):
    rng = np.random.default_rng(0)
    grays = [rng.normal(0, 1, shape).astype(np.float32) for shape in [(31, 17), (40, 40), (31, 17), (3, 5)]]
    predictor = Predictor(toys.model(resolution), fast=False)
    together = maps_of(predictor, grays)
    for gray, maps in zip(grays, together, strict=True):
        assert maps.shape == (3, *gray.shape)
        assert (maps[0] >= 0).all()
        assert (maps[0] <= 1).all()
        np.testing.assert_allclose(maps_of(predictor, [gray])[0], maps, atol=1e-5)


def test_folding_batch_norm_and_bf16_change_next_to_nothing(toys):
    model = toys.model()
    model.net.train()
    x = torch.randn(8, 1, 16, 16)
    for _ in range(5):
        model.net(x)
    model.net.eval()
    gray = x[0, 0].numpy()
    room = 2 * model.net.multiple  # what it is shown of the background beyond the borders
    with torch.inference_mode():
        plain = model.net(torch.nn.functional.pad(x[:1], (room,) * 4))[0, :, room:-room, room:-room]
        plain[0].sigmoid_()
    np.testing.assert_allclose(maps_of(Predictor(model, fast=False, whole_frame=True), [gray])[0], plain, atol=1e-5)
    np.testing.assert_allclose(maps_of(Predictor(model, whole_frame=True), [gray])[0], plain, atol=0.02)


def test_a_saved_model_comes_back_within_half_precision(tmp_path, toys):
    model = toys.model(seed=5)
    path = tmp_path / "m.safetensors"
    save_model(path, model.net, model.card)
    back = load_model(path)
    assert back.card == model.card
    for name, value in weights(model.net).items():
        np.testing.assert_allclose(weights(back.net)[name], value, rtol=1e-3, atol=1e-4)


def test_weights_that_do_not_fit_are_refused(tmp_path, toys):
    model, path = toys.model(), tmp_path / "m.safetensors"
    good = weights(model.net)
    name = next(iter(good))
    bad = [
        {k: v for k, v in good.items() if k != name},
        {**good, "more": np.zeros(3, np.float32)},
        {**good, name: good[name][:1]},
        {**good, name: np.full_like(good[name], np.nan)},
        {**good, name: good[name].astype(np.int32)},
        {**good, name: np.full_like(good[name], 1e300, np.float64)},
    ]
    for tensors in bad:
        write_model(path, tensors, model.card)
        with pytest.raises(ModelFileError):
            load_model(path)


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"widths": [10**9]},
        {"widths": []},
        {"widths": ["a"]},
        {"widths": [True]},
        {"widths": [10**6] * 4},
        {"widths": [4] * 7},
    ],
)
def test_sizes_that_are_not_ours_are_refused(network):
    with pytest.raises(ValueError, match="its network"):
        NetworkSettings.from_card(network)


@pytest.mark.parametrize(
    "post",
    [
        {"foreground": 1e30},
        {"certain": -1.0},
        {"least_share": 1.5},
        {"least_object": 2.0},
        {"least_part": -0.1},
        {"least_px": 1e30},
        {"least_px": -1.0},
        {"image_slope": 1e30},
    ],
)
def test_thresholds_that_nothing_can_reach_are_refused(tmp_path, toys, post):
    model, path = toys.model(), tmp_path / "m.safetensors"
    write_model(path, weights(model.net), replace(model.card, post=post))
    with pytest.raises(ModelFileError, match="can't be built"):
        load_model(path)


def test_a_network_that_its_file_does_not_hold_takes_no_memory(tmp_path, toys, monkeypatch):
    model, path = toys.model(), tmp_path / "m.safetensors"
    large = {"architecture": "flow-unet", "widths": [MAX_WIDTH] * MAX_LEVELS}
    write_model(path, weights(model.net), replace(model.card, network=large))
    made, take = [], torch.nn.Conv2d.reset_parameters
    monkeypatch.setattr(
        torch.nn.Conv2d, "reset_parameters", lambda one: (made.append(one.weight.device.type), take(one))
    )
    with pytest.raises(ModelFileError, match="don't fit"):
        load_model(path)
    assert set(made) == {"meta"}
