"""Closed edges against drawn ellipses, whose pixels are known."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.editing.closed_edge import closed_edges

SHAPE = (96, 96)
MIDDLE = (46.0, 50.0)


def ellipse(half_length: float, half_width: float, turn: float) -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    down, right = y - MIDDLE[0], x - MIDDLE[1]
    along, across = right * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - right * np.sin(turn)
    return (along / half_length) ** 2 + (across / half_width) ** 2 <= 1


def mask_iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("gray", [-20.0, 20.0])
@pytest.mark.parametrize(("half_length", "half_width"), [(14, 14), (16, 10), (22, 8)])
def test_an_ellipse_in_noise_and_a_slope_of_light(half_length: float, half_width: float, gray: float) -> None:
    truth = ellipse(half_length, half_width, 0.6)
    rng = np.random.default_rng(3)
    light = np.linspace(-8, 8, SHAPE[1])
    image = np.where(truth, gray, 0.0) + light + rng.normal(0, 3, SHAPE)
    start = (MIDDLE[0] + 3, MIDDLE[1] - 3)
    found = list(closed_edges(image, start, np.ones(SHAPE, bool), 30.0))
    assert max(mask_iou(region, truth) for region in found) > 0.92


def test_it_stays_out_of_other_objects() -> None:
    truth = ellipse(14, 14, 0.0)
    free = np.ones(SHAPE, bool)
    free[:, 58:] = False
    image = np.where(truth, -20.0, 0.0)
    found = list(closed_edges(image, MIDDLE, free, 30.0))
    assert found
    assert not any((region & ~free).any() for region in found)


def test_nothing_to_see_has_no_edge() -> None:
    assert not list(closed_edges(np.zeros(SHAPE), MIDDLE, np.ones(SHAPE, bool), 30.0))
