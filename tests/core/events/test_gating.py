"""Ranges and polygons, against scikit-image, flowutils, closed forms and what must hold whatever the polygon."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import points_in_poly

from tui_cytpix.core.events.gating import in_polygon, in_range

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
coordinate = st.integers(-20, 20).map(lambda n: n / 4)
polygons = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9).map(lambda p: np.array(p, float))


def grid(step: float = 0.25, reach: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    along = np.arange(-reach, reach + step / 2, step)
    x, y = np.meshgrid(along, along)
    return x.ravel(), y.ravel()


def inside(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return in_polygon(np.asarray(x, float), np.asarray(y, float), corners)


def distance_to_sides(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    nearest = np.full(len(x), np.inf)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = b - a
        length = float(side @ side)
        share = np.clip(((x - a[0]) * side[0] + (y - a[1]) * side[1]) / length, 0, 1) if length else np.zeros(len(x))
        nearest = np.minimum(nearest, np.hypot(x - a[0] - share * side[0], y - a[1] - share * side[1]))
    return nearest


def test_a_range_holds_both_its_ends_and_no_nan() -> None:
    values = np.array([0.9, 1.0, 1.5, 2.0, 2.1, np.nan, np.inf])
    assert in_range(values, 1.0, 2.0).tolist() == [False, True, True, True, False, False, False]


def test_sides_and_corners_are_inside() -> None:
    x = np.array([0, 4, 4, 0, 2, 2, 0, 4, 2, -0.001, 4.001, 2, 2, np.nan, 2])
    y = np.array([0, 0, 4, 4, 0, 4, 2, 2, 2, 2, 2, -0.001, 4.001, 2, np.nan])
    assert inside(SQUARE, x, y).tolist() == [True] * 9 + [False] * 6


def test_a_star_that_crosses_itself_is_hollow() -> None:
    angles = np.pi / 2 + np.arange(5) * 4 * np.pi / 5
    star = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert inside(star, np.array([0.0, 0.0]), np.array([0.0, 0.8])).tolist() == [False, True]


@settings(max_examples=150, deadline=None)
@given(polygons)
def test_as_scikit_image_away_from_the_sides(corners: np.ndarray) -> None:
    x, y = grid()
    clear = distance_to_sides(corners, x, y) > 1e-9
    expected = points_in_poly(np.stack([x, y], axis=1), corners)
    assert (inside(corners, x, y)[clear] == expected[clear]).all()


@settings(max_examples=100, deadline=None)
@given(polygons)
def test_what_lies_on_a_side_is_inside(corners: np.ndarray) -> None:
    middle = (corners + np.roll(corners, -1, axis=0)) / 2
    points = np.concatenate([corners, middle])
    assert inside(corners, points[:, 0], points[:, 1]).all()


@settings(max_examples=100, deadline=None)
@given(polygons, st.integers(0, 8))
def test_start_and_direction_do_not_matter(corners: np.ndarray, start: int) -> None:
    x, y = grid(0.5)
    found = inside(corners, x, y)
    assert (inside(np.roll(corners, start, axis=0), x, y) == found).all()
    assert (inside(corners[::-1], x, y) == found).all()


@settings(max_examples=60, deadline=None)
@given(polygons, st.integers(-8, 8), st.integers(-8, 8))
def test_it_moves_with_its_points(corners: np.ndarray, dx: int, dy: int) -> None:
    x, y = grid(0.5)
    assert (inside(corners + np.array([dx, dy]), x + dx, y + dy) == inside(corners, x, y)).all()


def test_the_share_of_random_points_is_the_area() -> None:
    angles = np.sort(np.random.default_rng(3).uniform(0, 2 * np.pi, 40))
    disc = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x, y = np.random.default_rng(4).uniform(-1, 1, (2, 200_000))
    area = 0.5 * abs(float(np.sum(disc[:, 0] * np.roll(disc[:, 1], -1) - np.roll(disc[:, 0], -1) * disc[:, 1])))
    share = float(inside(disc, x, y).mean())
    assert share == pytest.approx(area / 4, abs=4 * math.sqrt(0.25 / 200_000))


def test_convex_polygons_as_flowutils() -> None:
    gating = pytest.importorskip("flowutils.gating")
    rng = np.random.default_rng(5)
    for _ in range(20):
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 12)))
        corners = np.stack([np.cos(angles) * 3e4, np.sin(angles) * 2e3], axis=1) + np.array([5e4, 4e3])
        points = rng.normal((5e4, 4e3), (3e4, 2e3), (5000, 2))
        assert (inside(corners, points[:, 0], points[:, 1]) == gating.points_in_polygon(corners, points)).all()
