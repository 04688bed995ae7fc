"""Selection and descriptors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tui_cytpix.core.statistics import sampling
from tui_cytpix.core.statistics.sampling import (
    DESCRIPTORS,
    axis_words,
    descriptors,
    embed_2d,
    near_selected,
    select,
    shares_alike,
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 80), st.floats(0, 1), st.integers(0, 99))
def test_selections_are_disjoint_complete_and_deterministic(population, n, share, seed):
    table = np.random.default_rng(seed).normal(size=(population, 5))
    random, variable = select(table, n, seed, share)
    wanted = min(n, population)
    assert len(variable) == round(share * wanted)
    assert len(random) + len(variable) == wanted
    assert len(set(random) | set(variable)) == wanted
    again = select(table, n, seed, share)
    assert np.array_equal(random, again[0])
    assert np.array_equal(variable, again[1])


def test_seventy_thirty_and_other_seeds():
    table = np.random.default_rng(0).normal(size=(1000, 4))
    random, variable = select(table, 200, 1, 0.3)
    assert (len(random), len(variable)) == (140, 60)
    assert set(select(table, 200, 2, 0.3)[0]) != set(random)


def test_the_variable_part_finds_the_rare_morphologies():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(2000, 6))
    table[:20, :3] += 2.5  # 1 % look different
    random, variable = select(table, 100, 3, 0.3)
    assert (random < 20).sum() <= 2
    assert (variable < 20).sum() >= 4
    spread = np.linalg.norm(table[variable] - table.mean(axis=0), axis=1).mean()
    assert spread > 1.3 * np.linalg.norm(table - table.mean(axis=0), axis=1).mean()


def test_one_freak_column_does_not_decide_alone():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(500, 4))
    table[:100, 0] *= 1e9
    assert np.abs(sampling.standardised(table)).max() <= 3


def test_unreadable_images_are_never_chosen():
    table = np.random.default_rng(0).normal(size=(20, 3))
    table[::2] = np.nan
    random, variable = select(table, 50, 0, 0.3)
    assert sorted([*random, *variable]) == list(range(1, 20, 2))
    assert np.isnan(embed_2d(table)[0][::2]).all()
    assert np.isfinite(embed_2d(table)[0][1::2]).all()
    assert np.isnan(embed_2d(np.full((3, 2), np.nan))[0]).all()


def test_nonsense_is_refused():
    for n, share in ((-1, 0.3), (5, 1.5)):
        with pytest.raises(ValueError, match="select"):
            select(np.zeros((4, 2)), n, 0, share)


def test_identical_images_are_no_error():
    random, variable = select(np.ones((30, 4)), 10, 0, 0.3)
    assert len(set(random) | set(variable)) == 10
    assert all((part == 0).all() for part in embed_2d(np.ones((30, 4))))


def test_the_embedding_is_that_of_an_svd():
    table = np.random.default_rng(0).normal(size=(200, 5)) @ np.diag([5, 3, 1, 1, 1])
    points = sampling.standardised(table)
    left, values, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    found, loadings = embed_2d(table)
    assert found == pytest.approx((points - points.mean(axis=0)) @ loadings, abs=1e-3)
    for axis in (0, 1):
        judge = left[:, axis] * values[axis]
        assert np.abs(found[:, axis]) == pytest.approx(np.abs(judge), abs=1e-3)


def test_an_axis_is_named_by_what_grows_along_it():
    loadings = np.zeros(len(DESCRIPTORS))
    assert axis_words(loadings) == ""
    loadings[DESCRIPTORS.index("area")], loadings[DESCRIPTORS.index("elongation")] = 0.8, -0.5
    loadings[DESCRIPTORS.index("rim")] = 0.1
    assert axis_words(loadings) == "area, less roundness"


def names_of(image, light):
    return dict(zip(DESCRIPTORS, descriptors(image, light.astype(np.float32)).tolist(), strict=True))


def test_descriptors_tell_one_from_two_round_from_long_and_sharp_from_blurred(cell_frame):
    light = np.full((248, 248), 600.0)
    one = names_of(cell_frame(light, 0, [(124, 124, 14)]), light)
    apart = names_of(cell_frame(light, 0, [(80, 80, 14), (170, 170, 14)]), light)
    joined = names_of(cell_frame(light, 0, [(124, 110, 14), (124, 138, 14)]), light)
    cut = names_of(cell_frame(light, 0, [(3, 124, 14)]), light)
    assert one["regions"] == 1
    assert apart["regions"] == pytest.approx(np.log2(3))
    assert apart["second_region"] > 0.9
    assert one["elongation"] > 0.9
    assert joined["elongation"] < 0.75
    assert joined["solidity"] < one["solidity"]
    assert joined["area"] > one["area"] + 0.5
    assert (one["border"], cut["border"]) == (0, 1)


def test_descriptors_do_not_know_gain_and_level(cell_frame):
    light = np.full((124, 124), 600.0)
    frame = cell_frame(light, 0, [(60, 60, 14)])
    one, two = descriptors(frame, light.astype(np.float32)), descriptors(3 * frame + 90, (3 * light + 90).astype("f4"))
    assert two == pytest.approx(one, rel=1e-2, abs=1e-2)


def test_a_blank_frame_has_descriptors_too():
    blank = np.full((40, 40), 9, np.uint8)
    assert (descriptors(blank, blank.astype(np.float32)) == 0).all()
    noisy = np.random.default_rng(0).normal(600, 5, (60, 60))
    found = descriptors(noisy, np.full((60, 60), 600, np.float32))
    assert (found == 0).all()


def test_a_blurred_image_is_less_sharp(cell_frame):
    light = np.full((248, 248), 600.0)
    frame = cell_frame(light, 0, [(124, 124, 14)])
    blurred = ndimage.gaussian_filter(frame, 2)
    assert names_of(blurred, light)["sharpness"] < 0.7 * names_of(frame, light)["sharpness"]


def test_near_is_what_a_loop_over_all_pairs_finds():
    rng = np.random.default_rng(7)
    population, others = rng.normal(3, 5, (300, 6)), rng.normal(3, 7, (80, 6))
    chosen = rng.permutation(300)[:40]
    middle = np.median(population, axis=0)
    scale = 1.4826 * np.median(np.abs(population - middle), axis=0)
    points, candidates = (np.clip((table - middle) / scale, -3, 3) for table in (others, population))
    pairs = [np.linalg.norm(candidates[i] - candidates[j]) for i in range(300) for j in range(i)]
    nearest = [min(np.linalg.norm(point - candidates[k]) for k in chosen) for point in points]
    found = near_selected(population, chosen, others)
    assert found.tolist() == [distance <= 0.6 * np.median(pairs) for distance in nearest]
    assert 0 < found.sum() < 80


def test_near_needs_a_selection_and_grows_with_it():
    rng = np.random.default_rng(8)
    population, others = rng.normal(size=(500, 5)), rng.normal(size=(200, 5))
    shares = [near_selected(population, np.arange(n), others).mean() for n in (0, 5, 50, 500)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] > 0.9
    assert near_selected(population, np.arange(500), others + 40).sum() == 0
    assert near_selected(population, np.arange(5), others[:0]).shape == (0,)


def test_a_heterogeneous_population_needs_more_images():
    spread = np.array(sampling._USUAL_SPREAD)
    rng = np.random.default_rng(0)
    alike = rng.normal(size=(900, len(DESCRIPTORS))) * spread * 0.6
    kinds = rng.normal(size=(60, len(DESCRIPTORS))) * spread * 8
    mixed = alike + kinds[rng.integers(60, size=900)]
    sizes = (25, 50, 100, 200, 400, 800)
    few, many = (shares_alike(table, sizes, 1, 0.3) for table in (alike, mixed))
    assert list(few) == [25, 50, 100, 200, 400]  # of six hundred
    assert few[25] > 0.95
    assert many[25] < 0.5  # sixty kinds are more than 25 images
    assert many[200] > 0.95
    assert sorted(many.values()) == list(many.values())
    assert shares_alike(mixed[:2], (50,), 1, 0.3) == {}


def test_runs_keep_descriptors_so_a_change_of_them_needs_another_version():
    """Of an ellipse with a bright rim: where these numbers change, DESCRIPTORS_VERSION must rise."""
    ys, xs = np.mgrid[:120, :120]
    inside = ((ys - 60) / 14) ** 2 + ((xs - 52) / 26) ** 2
    image = 500 - 90.0 * (inside < 1) + 60.0 * ((inside >= 1) & (inside < 1.4))
    found = descriptors(
        image + np.random.default_rng(0).normal(0, 4, image.shape), np.full((120, 120), 500, np.float32)
    )
    assert sampling.DESCRIPTORS_VERSION == 1
    known = (0.336, 1, 10.67, 0.547, 0.973, 0, -0.506, 0.761, 0.702, 0.561, 0.534, 0)
    np.testing.assert_allclose(found, known, atol=0.02)
