"""Drawings that several tests share, as fixtures that return functions."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def discs():
    """draw((y, x, radius), ..., shape) -> label image, uint16; later discs lie on top."""

    def draw(*circles, shape=(64, 64)):
        ys, xs = np.mgrid[: shape[0], : shape[1]]
        labels = np.zeros(shape, np.uint16)
        for k, (y, x, r) in enumerate(circles, 1):
            labels[(ys - y) ** 2 + (xs - x) ** 2 <= r * r] = k
        return labels

    return draw


@pytest.fixture(scope="session")
def random_mask():
    """draw(seed) -> bool mask with blobs of all kinds."""

    def draw(seed, shape=(40, 50), fill=0.35):
        noise = np.random.default_rng(seed).random(shape)
        for axis in (0, 1):
            noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
        return noise > np.quantile(noise, 1 - fill)

    return draw


@pytest.fixture(scope="session")
def cell_frame():
    """draw(background, seed, cells) -> frame of cells with dark rim and bright halo on a background, as float32."""

    def draw(background, seed, cells, noise=5.0):
        rng = np.random.default_rng(seed)
        ys, xs = np.mgrid[: background.shape[0], : background.shape[1]]
        frame = background.astype(np.float64)
        for y, x, r in cells:
            away = np.hypot(ys - y, xs - x)
            rim, halo = np.exp(-(((away - r) / 2) ** 2)), np.exp(-(((away - r - 4) / 2.5) ** 2))
            frame = frame * (1 - 0.3 * rim + 0.15 * halo - 0.1 * (away < r))
        return (frame + rng.normal(0, noise, frame.shape)).astype(np.float32)

    return draw
