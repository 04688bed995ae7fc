"""The compiled library against the plain code, over shapes, types and contents; skipped where it is not compiled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from tui_cytpix.core.features.pixels import Canvas
from tui_cytpix.core.features.sums import Patches, plain_sums
from tui_cytpix.core.images import differing_regions
from tui_cytpix.core.images.differing_regions import plain_busy_cells
from tui_cytpix.core.images.normalise import plain_normalised
from tui_cytpix.core.kernel import library
from tui_cytpix.engine.network import flows, postprocess

pytestmark = pytest.mark.skipif(library.why_absent() != "", reason="the library is not compiled here")

seeds = st.integers(0, 2**32 - 1)
sides = st.one_of(st.integers(1, 8), st.integers(9, 90))
grays = st.sampled_from([np.uint8, np.uint16])


def frame(rng, height, width, dtype):
    """Gray values with everything that may be in them, and a background: noise or none, few values or many, blobs
    inside and at the border.
    """
    level, spread = rng.choice([8, 100, 200]), rng.choice([0, 1, 20])
    image = level + spread * rng.normal(size=(height, width))
    for _ in range(rng.integers(0, 4)):
        y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(1, 15)
        ys, xs = np.ogrid[:height, :width]
        image[(ys - y) ** 2 + (xs - x) ** 2 < radius**2] += rng.choice([-70, 30, 500])
    most = np.iinfo(dtype).max
    scale = 1 if dtype == np.uint8 else rng.choice([1, 16, 200])
    shade = level * scale + rng.choice([0, 0.25, 3]) * np.linspace(-1, 1, width, dtype=np.float32)
    background = np.broadcast_to(np.asarray(shade, np.float32), (height, width)).copy()
    return np.clip(image * scale, 0, most).astype(dtype), background


@settings(max_examples=200, deadline=None)
@given(seeds, sides, sides, grays)
def test_normalising_is_the_same_to_the_last_bit(seed, height, width, dtype):
    image, background = frame(np.random.default_rng(seed), height, width, dtype)
    found, plain = library.normalise(image, background), plain_normalised(image, background)
    if found is None:  # a part may be unlit
        assert image.min() <= 2
        return
    np.testing.assert_array_equal(found[0], plain.gray)
    assert found[1:] == (plain.sigma, plain.noise)


def test_what_normalising_leaves_to_the_plain_code():
    background = np.zeros((4, 5), np.float32)
    assert library.normalise(np.zeros((4, 5), np.int32), background) is None
    assert library.normalise(np.zeros((4, 5), np.uint8), background) is None  # black all over
    assert library.normalise(np.zeros((0, 5), np.uint8), background[:0]) is None
    with pytest.raises(ValueError, match="background"):
        library.normalise(np.ones((4, 4), np.uint8), background)


@settings(max_examples=200, deadline=None)
@given(seeds, sides, sides, st.integers(1, 9), st.sampled_from([0.0, 0.1]))
def test_the_same_cells_differ(seed, height, width, cell, sigma):
    """But for those so near to the threshold that the rounding of their means decides."""
    rng = np.random.default_rng(seed)
    image = plain_normalised(*frame(rng, height, width, np.uint16)).gray + rng.choice([0, 0.02], size=(height, width))
    image = image.astype(np.float32)
    found = library.busy_cells(image, cell, sigma**2, differing_regions.QUIET, np.array(differing_regions.MEASURES))
    surely, perhaps = (
        plain_busy_cells(
            image,
            cell,
            sigma**2,
            [one._replace(times=one.times * by, faintest=one.faintest * by) for one in differing_regions.MEASURES],
        )
        for by in (1 + 1e-5, 1 - 1e-5)
    )
    assert found.shape == surely.shape
    assert (surely <= found).all()
    assert (found <= perhaps).all()


def labelled(rng, height, width):
    """Regions numbered from 1, some of them scattered, some without any pixel; and how many numbers there are."""
    count = int(rng.integers(0, 6))
    labels = np.zeros((height, width), int)
    for label in range(1, count + 1):
        if rng.random() < 0.2:
            labels[rng.random(labels.shape) < rng.choice([0.001, 0.5])] = label
        else:
            (y0, y1), (x0, x1) = (np.sort(rng.integers(0, n + 1, 2)) for n in labels.shape)
            labels[y0:y1, x0:x1] = label
    return labels, count


@settings(max_examples=200, deadline=None)
@given(seeds, st.lists(st.tuples(sides, sides), max_size=3), grays, st.sampled_from([np.bool_, np.uint16, np.int32]))
def test_sums_of_regions_are_the_same(seed, shapes, dtype, kind):
    rng = np.random.default_rng(seed)
    frames = [frame(rng, *shape, dtype) for shape in shapes]
    regions = [labelled(rng, *shape) for shape in shapes]
    labels, counts = [one.astype(kind) for one, _ in regions], [count for _, count in regions]
    if kind is np.bool_:
        counts = [1] * len(shapes)
    images, backgrounds = [image for image, _ in frames], [background for _, background in frames]
    found = Patches(images, backgrounds).sums(labels, counts)
    plain = plain_sums(Canvas(images, backgrounds), labels, counts)
    for name, value in plain._asdict().items():
        there = getattr(found, name)
        if isinstance(value, dict):
            assert list(there) == list(value)
        of_plain, of_found = (list(one.values()) if isinstance(one, dict) else one for one in (value, there))
        np.testing.assert_allclose(of_found, of_plain, rtol=1e-7, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("step", [1, 2])
def test_a_part_of_an_image_is_measured_where_it_lies(step):
    rng = np.random.default_rng(step)
    image, background = frame(rng, 40, 50, np.uint16)
    inside = np.zeros(image.shape, np.uint16)
    inside[8:20, 9:31], inside[22:30, 12:20] = 1, 2
    part = np.s_[5:35, 6:40:step]
    cut = [one[part] for one in (image, background, inside)]
    found, copied = ([a[None] for a in arrays] for arrays in (cut, [np.ascontiguousarray(one) for one in cut]))
    np.testing.assert_array_equal(library.measure(*found, [2]), library.measure(*copied, [2]))


def test_what_measuring_refuses():
    image, background = np.ones((4, 5), np.uint8), np.ones((4, 5), np.float32)
    assert library.measure([image.astype(float)], [background], [image], [1]) is None
    with pytest.raises(ValueError, match="labels of"):
        library.measure([image], [background], [image[:2]], [1])
    with pytest.raises(ValueError, match="above 1"):
        library.measure([image], [background], [image * 2], [1])
    nothing = library.measure([image, image], [background] * 2, [image * 0, None], [1, 1])
    np.testing.assert_array_equal(nothing[0], nothing[1])
    nothing = nothing[:1]
    assert nothing.shape == (1, library.MEASURES)
    assert nothing[0, 0] == 0
    assert all(math.isnan(value) for value in nothing[0, 1:])


def bilinear(image, ys, xs):
    """At all (y, x), what lies beyond the border like the border, in float64."""
    height, width = image.shape
    y0, x0 = np.floor(ys).astype(int), np.floor(xs).astype(int)
    fy, fx = (ys - y0)[:, None], (xs - x0)[None]
    corner = {
        (dy, dx): image[np.ix_(np.clip(y0 + dy, 0, height - 1), np.clip(x0 + dx, 0, width - 1))].astype(float)
        for dy in (0, 1)
        for dx in (0, 1)
    }
    upper, lower = (corner[dy, 0] * (1 - fx) + corner[dy, 1] * fx for dy in (0, 1))
    return upper * (1 - fy) + lower * fy


@settings(max_examples=100, deadline=None)
@given(seeds, sides, sides, st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.5, 1.0, 0.37, 1.7]))
def test_maps_are_interpolated_and_only_where_a_region_is_its_own(seed, height, width, rows, columns, scale):
    """Against the formulas: OpenCV before 5 rounds places to 1/32 px."""
    rng = np.random.default_rng(seed)
    crop = rng.normal(0, rng.choice([1, 60]), (3, rows, columns)).astype(np.float32)
    own = rng.random((height, width)) < 0.7
    first = rng.integers(-40, 10, 2) / 4
    maps = rng.normal(size=(3, height + 3, width + 2)).astype(np.float32)
    before, target = maps.copy(), maps[:, 1:-2, 1:-1]
    assert library.place_maps(crop, (scale, first[0], scale, first[1]), own, target)
    ys, xs = (scale * (np.arange(n) + 0.5) + at for n, at in zip(own.shape, first, strict=True))
    expected = np.stack([bilinear(one, ys, xs) for one in crop])
    np.testing.assert_allclose(target[1:, own], expected[1:, own], rtol=1e-5, atol=1e-4)
    logits = expected[0][own]
    np.testing.assert_allclose(
        target[0, own], special.expit(logits), rtol=1e-6 * (1 + np.abs(logits).max(initial=0)), atol=1e-7
    )
    target[:, own] = before[:, 1:-2, 1:-1][:, own]
    np.testing.assert_array_equal(maps, before)


def test_half_a_probability_is_a_logit_of_nothing():
    target = np.zeros((1, 1, 4), np.float32)
    logits = np.array([[[-1e30, 0, -0.0, 1e30]]], np.float32)
    assert library.place_maps(logits, (1.0, -0.5, 1.0, -0.5), np.ones((1, 4), bool), target)
    np.testing.assert_allclose(target[0, 0], [0, 0.5, 0.5, 1], atol=1e-30)
    assert (target[0, 0, 1:3] == 0.5).all()


@settings(max_examples=100, deadline=None)
@given(seeds, st.integers(1, 40), st.integers(1, 40), st.integers(1, 3), st.integers(1, 2))
def test_vectors_are_followed_to_the_same_ends(seed, height, width, radius, step):
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint16)
    for label in range(1, int(rng.integers(2, 5))):
        y, x, size = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(1, 12)
        ys, xs = np.ogrid[:height, :width]
        labels[(ys - y) ** 2 + (xs - x) ** 2 < size**2] = label
    field = flows.flow(labels) + rng.choice([0, 0.02, 0.5]) * rng.normal(size=(2, height, width))
    field, inside = field.astype(np.float32)[:, ::step, ::step], (labels > 0)[::step, ::step]
    share = rng.choice([0.1, 0.35, 1.0])
    found = library.owners(field, inside, share, flows._disc(radius))
    if not inside.any():
        assert found is None
        return
    plain = flows.plain_owners(field, inside, share, radius)
    assert found[1] == plain[1]
    np.testing.assert_array_equal(found[0], plain[0])
    assert found[2] == pytest.approx(plain[2], abs=1e-4)


@settings(max_examples=200, deadline=None)
@given(seeds, sides, sides, st.integers(1, 4))
def test_particles_are_summed_up_the_same(seed, height, width, count):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, count + 1, (height, width)).astype(np.uint16)
    labels.flat[rng.integers(labels.size)] = count
    if count == 1:
        labels = labels > 0
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    towards = np.stack([width / 2 - xs, height / 2 - ys]) + rng.choice([0, 5]) * rng.normal(size=(2, height, width))
    maps = np.concatenate([rng.random((1, height, width)), towards]).astype(np.float32)
    whole = np.zeros((3, height + 2, width + 3), np.float32)
    whole[:, 1:-1, 1:-2] = maps
    near = rng.choice([0.0, 9.0])
    sums, is_one = library.particle_sums(whole[:, 1:-1, 1:-2], labels, count, near)
    plain, plainly_one = postprocess.plain_sums(maps, labels, count, near)
    np.testing.assert_array_equal(sums, plain)
    assert is_one == plainly_one


def test_what_summing_particles_refuses():
    maps = np.zeros((3, 4, 5), np.float32)
    with pytest.raises(ValueError, match="above 1"):
        library.particle_sums(maps, np.full((4, 5), 2, np.uint16), 1, 0.0)
    with pytest.raises(ValueError, match="labels of"):
        library.particle_sums(maps, np.zeros((4, 4), np.uint16), 1, 0.0)


@settings(max_examples=100, deadline=None)
@given(seeds, sides, sides, st.sampled_from([0, 0.05, 1]))
def test_outlines_are_as_clear(seed, height, width, scale):
    rng = np.random.default_rng(seed)
    probability = (scale * rng.random((height, width))).astype(np.float32)
    mask = rng.random(probability.shape) < rng.choice([0, 0.01, 0.5])
    found = library.mask_clearness(probability, mask, postprocess._LIKELY)
    assert found == pytest.approx(postprocess.plain_clearness(probability, mask), rel=1e-6, nan_ok=True)
