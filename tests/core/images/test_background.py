"""Backgrounds and normalisation against drawn truth, and invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from tui_cytpix.core.images import background, normalise

SIZE = 120
NOISE = 5.0


@pytest.fixture(scope="module")
def lit():
    """Shading, a channel wall and dirt, float64 (H, W)."""
    ys, xs = np.mgrid[:SIZE, :SIZE] / SIZE
    light = 500 + 60 * xs - 80 * (ys - 0.4) ** 2
    light[:, 100:104] *= 0.85
    light[20:24, 30:34] *= 0.7
    return light


def residual(found, truth, where=slice(None)):
    """Root mean square error in units of the noise, leaving the level aside."""
    error = found - truth
    return float(np.sqrt(((error - np.median(error)) ** 2)[where].mean())) / NOISE


@pytest.fixture(scope="module")
def passing(lit, cell_frame):
    """100 frames with cells anywhere, and lamp flicker."""
    rng = np.random.default_rng(0)
    cells = [
        [(*rng.uniform(10, SIZE - 10, 2), rng.uniform(8, 14)) for _ in range(rng.integers(1, 4))] for _ in range(100)
    ]
    frames = [cell_frame(lit, k, c) * rng.uniform(0.98, 1.02) for k, c in enumerate(cells)]
    return np.stack(frames).round().astype(np.uint16)


def test_what_stands_still_is_found_dirt_and_walls_included(passing, lit):
    found = background.static_background(passing)
    assert found.dtype == np.float32
    assert residual(found, lit) < 0.4
    assert abs(np.median(found - lit)) < NOISE


def test_cells_that_always_pass_the_middle_do_not_burn_in(lit, cell_frame):
    rng = np.random.default_rng(1)
    frames = [cell_frame(lit, k, [(*rng.normal(60, 4, 2), rng.uniform(12, 16))]) for k in range(150)]
    stack = np.stack(frames).round().astype(np.uint16)
    middle = np.s_[45:76, 45:76]
    assert residual(np.median(stack, axis=0), lit, middle) > 3  # the plain median's fault
    assert residual(background.static_background(stack), lit, middle) < 1


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 14), st.sampled_from([np.uint8, np.uint16, np.float32]), st.integers(0, 99))
def test_few_images_of_any_type_give_a_finite_background(count, dtype, seed):
    stack = np.random.default_rng(seed).integers(0, 200, (count, 9, 7)).astype(dtype)
    found = background.static_background(stack)
    assert found.shape == (9, 7)
    assert np.isfinite(found).all()


def test_blank_images_are_left_out_and_only_blank_ones_are_no_error(passing, lit):
    blank = np.zeros((60, SIZE, SIZE), np.uint16)
    assert residual(background.static_background(np.concatenate([passing[:50], blank])), lit) < 0.5
    assert (background.static_background(blank) == 0).all()


def test_more_than_200_images_are_thinned():
    stack = np.broadcast_to(np.arange(64, dtype=np.uint8).reshape(8, 8), (1000, 8, 8))
    assert np.array_equal(background.static_background(stack), stack[0])


def test_one_image_gives_its_shading(cell_frame):
    ys, xs = np.mgrid[:SIZE, :SIZE] / SIZE
    light = 500 + 60 * xs - 80 * (ys - 0.4) ** 2
    frame = cell_frame(light, 0, [(60, 60, 18), (30, 90, 12)])
    assert residual(background.image_background(frame), light) < 0.5


def test_a_crop_full_of_cells_keeps_its_background(cell_frame):
    cells = [(y, x, 13) for y in (26, 60, 94) for x in (26, 60, 94)]
    light = np.full((SIZE, SIZE), 400.0)
    frame = cell_frame(light, 0, cells)
    # Cells and halos cover 70 % of the pixels; rims are 24, halos 12, insides 8 times the noise away
    assert abs(np.median(background.image_background(frame)) - 400) < 3 * NOISE
    assert np.ptp(background.image_background(frame)) < 8 * NOISE


def test_a_constant_image_is_its_own_background():
    flat = np.full((30, 20), 77, np.uint8)
    assert background.image_background(flat) == pytest.approx(np.full((30, 20), 77.0), abs=0.1)
    assert (normalise.normalise(flat, flat.astype(np.float32)) == 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6))
def test_tiny_images_are_no_error(height, width):
    image = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    found = normalise.normalise(image, background.image_background(image))
    assert found.shape == image.shape
    assert np.isfinite(found).all()


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 60), st.floats(-500, 5000), st.floats(-50, 50), st.integers(0, 50))
def test_gain_gray_level_and_brightness_change_nothing(cell_frame, gain, offset, brightness, seed):
    light = np.full((64, 64), 500.0)
    frame = cell_frame(light, seed, [(30, 30, 12)]).astype(np.float64)
    one = normalise.normalise(frame, light.astype(np.float32))
    two = normalise.normalise(gain * frame + offset + brightness, (gain * light + offset).astype(np.float32))
    assert np.abs(one - two).max() < 0.02


def test_ten_bits_and_eight_look_the_same(cell_frame):
    light = np.full((SIZE, SIZE), 600.0)
    frame = cell_frame(light, 0, [(60, 60, 15)])
    ten, eight = frame.round().astype(np.uint16), (frame / 4).round().astype(np.uint8)
    one = normalise.normalise(ten, light.astype(np.float32))
    two = normalise.normalise(eight, (light / 4).astype(np.float32))
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.99
    assert two.std() == pytest.approx(one.std(), rel=0.05)


def test_a_cell_looks_the_same_in_a_frame_and_in_a_tight_crop(cell_frame):
    light = np.full((248, 248), 600.0)
    frame = cell_frame(light, 0, [(124, 124, 15)])
    whole = normalise.normalise(frame, background.image_background(frame))[96:152, 96:152]
    crop = frame[96:152, 96:152]
    tight = normalise.normalise(crop, background.image_background(crop))
    assert np.corrcoef(whole.ravel(), tight.ravel())[0, 1] > 0.98
    assert np.polyfit(whole.ravel(), tight.ravel(), 1)[0] == pytest.approx(1, abs=0.15)


def test_a_blank_frame_is_not_blown_up():
    frame = np.random.default_rng(0).normal(500, NOISE, (SIZE, SIZE)).round().astype(np.uint16)
    seen = normalise.normalise(frame, np.full(frame.shape, 500, np.float32))
    assert seen.std() == pytest.approx(1 / 8, rel=0.1)


def test_noise_is_that_of_the_background(cell_frame):
    cells = [(60, 60, 15), (20, 90, 12)]
    frame = cell_frame(np.full((SIZE, SIZE), 600.0), 0, cells)
    assert normalise.noise(frame) == pytest.approx(NOISE, rel=0.1)
    # A judge that knows where no cell is
    ys, xs = np.mgrid[:SIZE, :SIZE]
    away = np.min([np.hypot(ys - y, xs - x) - r for y, x, r in cells], axis=0)
    assert normalise.noise(frame) == pytest.approx(
        stats.median_abs_deviation(frame[away > 12], scale="normal"), rel=0.1
    )
    assert normalise.noise(frame[:2]) == 0


def test_the_level_is_the_backgrounds_also_where_cells_fill_most():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(500, 3, 4000), rng.normal(420, 40, 6000)])
    image = rng.permutation(values).reshape(100, 100)
    assert normalise.level(image) == pytest.approx(500, abs=3)
    assert abs(np.median(image) - 500) > 20


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["pombe_bf_photophenosizer", "yeast_wellslide_bf", "imagestream_eosinophils_bf"])
def test_real_crops_have_background_near_zero_and_cells_of_one_size(shared_data, name):
    folder = shared_data / "cells" / name
    inside, outside = [], []
    for path in sorted((folder / "images").iterdir())[:40]:
        image = np.asarray(Image.open(path))
        mask = np.asarray(Image.open(folder / "masks" / path.name)) > 0
        seen = normalise.normalise(image, background.image_background(image))
        inside.append(np.abs(seen[mask]).mean())
        outside.append(abs(np.median(seen[~mask])))
    assert np.mean(outside) < 0.06
    assert 0.25 < np.mean(inside) < 1.2


def test_a_glaring_wall_at_the_border_does_not_hide_the_cells(cell_frame):
    light = np.full((SIZE, SIZE), 400.0)
    frame = cell_frame(light, 0, [(60, 60, 13)])
    dark = frame.copy()
    dark[:, :14] -= 350  # beyond the field stop
    background = np.asarray(light, np.float32)
    alone = normalise.normalise(frame, background)
    beside = normalise.normalise(dark, background)
    np.testing.assert_allclose(beside[:, 20:], alone[:, 20:], rtol=0.25, atol=0.1)


def test_where_no_light_falls_there_is_nothing_and_cells_beside_it_keep_their_contrast(cell_frame):
    light = np.full((SIZE, SIZE), 220.0)
    frame = cell_frame(light, 0, [(60, 60, 13)])
    ys, xs = np.mgrid[:SIZE, :SIZE]
    dark = np.where(xs + ys < 70, 0, frame)  # the corner of a well
    alone = normalise.normalise(frame, background.image_background(frame))
    beside = normalise.normalise(dark, background.image_background(dark))
    assert normalise.unlit(frame) is None
    assert (beside[:20, :20] == 0).all()
    np.testing.assert_allclose(beside[45:, 45:], alone[45:, 45:], rtol=0.25, atol=0.1)


def test_an_image_without_any_light_is_dark_and_not_unlit():
    assert normalise.unlit(np.zeros((40, 40), np.uint8)) is None


def test_a_cell_cut_by_the_border_keeps_its_contrast(cell_frame):
    light = np.full((SIZE, SIZE), 400.0)
    cut = normalise.normalise(cell_frame(light, 0, [(60, 4, 13)]), np.asarray(light, np.float32))
    whole = normalise.normalise(cell_frame(light, 0, [(60, 60, 13)]), np.asarray(light, np.float32))
    assert 0.6 < cut.std() / whole.std() < 1.2
