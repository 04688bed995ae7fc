from __future__ import annotations

import cv2
import numpy as np
import pytest

from tui_cytpix.core.images.background import image_background
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.images.scale import typical_diameter


def _image(radius: int, seed: int, *, specks: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    gray = np.full((160, 160), 500, np.float32)
    y, x = rng.integers(60, 100, 2)
    cv2.circle(gray, (int(x), int(y)), radius, 540, -1)
    cv2.circle(gray, (int(x), int(y)), radius, 380, 2)
    for _ in range(specks):
        cv2.circle(gray, tuple(rng.integers(0, 160, 2).tolist()), 2, 420, -1)
    gray = gray + rng.normal(0, 3, gray.shape)
    return normalise(gray.astype(np.uint16), image_background(gray.astype(np.uint16)))


@pytest.mark.parametrize("radius", [6, 12, 30])
def test_the_size_of_cells_is_found_among_specks(radius):
    found = typical_diameter(_image(radius, seed, specks=3) for seed in range(8))
    assert found == pytest.approx(2 * radius + 2, rel=0.15)


def test_where_nothing_stands_out_nothing_is_said():
    assert typical_diameter([np.zeros((40, 40), np.float32)]) is None
    assert typical_diameter([]) is None
