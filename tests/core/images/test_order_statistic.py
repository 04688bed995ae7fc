from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.images.order_statistic import kth_smallest


@pytest.mark.parametrize("size", [1, 2, 17, 500, 4000])
def test_it_is_what_stands_there_when_all_are_sorted(size):
    rng = np.random.default_rng(size)
    wave = np.tile(np.arange(16.0), size // 16 + 1)[:size]  # of these a sixteenth are all alike, and tell nothing
    for values in (rng.normal(size=size), np.sort(rng.normal(size=size) ** 4), rng.integers(0, 3, size), wave):
        drawn = values.astype(np.float32)
        for k in {0, size // 4, size // 2, size - 1}:
            assert kth_smallest(drawn, k) == np.sort(drawn)[k]
