"""Where an image differs from its background: nothing that could be a cell is left out."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.images.differing_regions import differing_regions
from tui_cytpix.core.images.normalise import normalise

FRAME = (248, 248)
GROUND = np.full(FRAME, 500, np.float32)


def frame(seed, sigma=6.0):
    return GROUND + np.random.default_rng(seed).normal(0, sigma, FRAME).astype(np.float32)


def disc(y, x, radius):
    ys, xs = np.ogrid[: FRAME[0], : FRAME[1]]
    return (ys - y) ** 2 + (xs - x) ** 2 <= radius**2


def covered(image):
    """How many regions claim each pixel."""
    claims = np.zeros(image.shape, int)
    for region in differing_regions(normalise(image, GROUND), 4):
        claims[region.box.slices] += region.own
    return claims


def test_noise_alone_is_hardly_anything():
    assert np.mean([covered(frame(seed)).mean() for seed in range(20)]) < 0.01


def test_a_constant_image_is_nothing():
    assert differing_regions(np.zeros(FRAME, np.float32), 4) == []


@pytest.mark.parametrize("contrast", [1.0, -1.0, 3.0, 20.0])
@pytest.mark.parametrize("place", [(124, 124), (0, 60), (247, 247), (3, 200)])
@pytest.mark.parametrize("radius", [4, 12, 40])
def test_discs_are_covered_whole_however_faint_and_wherever(contrast, place, radius):
    """`contrast` in units of the noise."""
    there = disc(*place, radius)
    claims = covered(frame(1) + 6 * contrast * there)
    share = (claims > 0)[there].mean()
    if abs(contrast) > 1:
        assert share == 1
    elif radius > 4:  # one sigma over 50 pixels: nobody sees that
        assert share > 0.95


def test_a_ghost_beside_something_glaring_is_covered():
    image = frame(2, sigma=2.0)
    ghost, bead = disc(60, 60, 20), disc(180, 180, 15)
    claims = covered(image + 40 * ghost + 300 * bead)
    assert (claims[ghost | bead] > 0).all()
    assert claims.mean() < 0.2


def test_a_rim_without_a_net_shade_is_covered():
    """Bright and dark rings cancel in any mean."""
    ring = disc(124, 124, 22) & ~disc(124, 124, 18)
    inner = disc(124, 124, 18) & ~disc(124, 124, 13)
    claims = covered(frame(3) + 30.0 * ring - 30.0 * inner * ring.sum() / inner.sum())
    assert (claims[disc(124, 124, 22)] > 0).mean() > 0.95


def test_no_pixel_belongs_to_two_regions_and_boxes_fit():
    rng = np.random.default_rng(4)
    for size in ((248, 248), (41, 53), (7, 5), (1, 1)):
        image = rng.normal(0, 0.1, size).astype(np.float32)
        image[: size[0] // 3] += 1
        image[-1:, -1:] -= 2
        claims = np.zeros(size, int)
        for region in differing_regions(image, 4):
            assert region.own.shape == claims[region.box.slices].shape
            assert region.own.any()
            claims[region.box.slices] += region.own
        assert claims.max() <= 1


def test_an_image_full_of_things_is_covered_whole():
    texture = np.add.outer(np.sin(np.arange(248) / 4), np.sin(np.arange(248) / 4)).astype(np.float32)
    claims = covered(frame(6) + 100 * texture)
    assert (claims > 0).mean() > 0.98
