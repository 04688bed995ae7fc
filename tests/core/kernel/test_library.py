"""The compiled library against the plain code, over shapes, types and contents; skipped where it is not compiled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_cytpix.core.images.normalise import plain_normalised
from tui_cytpix.core.kernel import library

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
