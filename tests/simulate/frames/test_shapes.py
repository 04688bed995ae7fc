"""Shapes and their arrangement against closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tui_cytpix.simulate.frames.arrange import contact_distance, draw_cluster
from tui_cytpix.simulate.frames.drawing import draw_shape
from tui_cytpix.simulate.frames.shapes import Rod, Round, Shape, Spindle
from tui_cytpix.simulate.kinds.catalogue import KINDS


def _grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:160, :160].astype(np.float32)
    return y, x


def test_areas_are_those_of_the_ideal_shapes():
    disc, ellipse = Round(80.3, 79.6, 0.4, 20.0), Round(80.0, 80.0, 0.4, 15.0, elongation=1.5)
    rod = Rod(80.0, 80.0, 0.7, 30.0, 8.0)
    ideal = (np.pi * 20**2, np.pi * 15 * 22.5, np.pi * 8**2 + 44 * 16)
    for shape, area in zip((disc, ellipse, rod), ideal, strict=True):
        assert (shape.depth(*_grid()) < 1).sum() == pytest.approx(area, rel=0.02)


@pytest.mark.parametrize(("sharpness", "area"), [(0.0, np.pi), (1.0, 8 / 3)])
def test_a_spindle_is_an_ellipse_or_two_parabolas_and_sharper_ones_are_slimmer(sharpness: float, area: float):
    spindle = Spindle(80.0, 80.0, 0.6, 50.0, 12.0, sharpness=sharpness)
    assert (spindle.depth(*_grid()) < 1).sum() == pytest.approx(area * 50 * 12, rel=0.02)
    sharper = replace(spindle, sharpness=sharpness + 1)
    assert (sharper.depth(*_grid()) < 1).sum() < 0.95 * area * 50 * 12
    # The ends stay where they are, and depth grows evenly from the middle to them.
    along = np.float32([0.25, 0.5, 1.0]) * 50
    y, x = 80 + along * np.sin(np.float32(0.6)), 80 + along * np.cos(np.float32(0.6))
    for one in (spindle, sharper):
        np.testing.assert_allclose(one.depth(y, x), [0.25, 0.5, 1.0], atol=1e-3)


def test_volumes_are_those_of_the_ideal_bodies():
    sphere, rod = Round(80.0, 80.0, 0.0, 20.0), Rod(80.0, 80.0, 0.3, 30.0, 8.0)
    assert sphere.thickness(*_grid(), 0.0).sum() == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    assert rod.thickness(*_grid(), 0.0).sum() == pytest.approx(4 / 3 * np.pi * 8**3 + 44 * np.pi * 8**2, rel=0.01)


@pytest.mark.parametrize(
    "shape",
    [
        Rod(80.0, 80.0, 1.1, 30.0, 8.0, bend=0.08, taper=0.1, septum=2.0, constriction=0.2),
        Round(80.0, 80.0, 1.1, 20.0, elongation=1.3, waves=((2, 0.05, 0.3), (3, 0.08, 2.0))),
        Spindle(80.0, 80.0, 1.1, 40.0, 9.0, bend=0.1, taper=0.2, sharpness=1.6),
    ],
)
def test_outlines_lie_where_the_depth_is_one(shape: Shape):
    depth = shape.depth(*shape.outline())
    assert np.abs(depth - 1).max() < 0.06


def test_a_bud_belongs_to_its_mother_wherever_they_are_moved():
    pair = Round(50.0, 50.0, 0.0, 12.0, bud=Round(50.0, 66.0, 0.0, 6.0)).at(70.0, 60.0)
    assert pair.depth(np.float32([70, 70]), np.float32([60, 78]))[1] < 1
    assert pair.reach == pytest.approx(22)


def test_discs_touch_at_the_sum_of_their_radii():
    a, b = Round(0.0, 0.0, 0.0, 20.0), Round(5.0, 5.0, 0.0, 12.0)
    assert contact_distance(a, b, 0.7) == pytest.approx(32, abs=0.3)


def test_parallel_rods_touch_at_the_sum_of_their_radii_or_their_half_lengths():
    a, b = Rod(0.0, 0.0, 0.0, 30.0, 8.0), Rod(0.0, 0.0, 0.0, 25.0, 7.0)
    assert contact_distance(a, b, np.pi / 2) == pytest.approx(15, abs=0.3)
    assert contact_distance(a, b, 0.0) == pytest.approx(55, abs=0.5)


@pytest.mark.parametrize("kind", ["pombe-rich", "leukocytes", "yeast"])
def test_clumps_hang_together_and_hardly_overlap(kind: str):
    tight = replace(KINDS[kind], arrangement=replace(KINDS[kind].arrangement, overlap_um=(0.1, 0.1)))
    for seed in range(6):
        cluster = draw_cluster(tight, 4, np.random.default_rng(seed))
        assert len(cluster) >= 3
        y, x = (np.mgrid[:300, :300] - 150).astype(np.float32)
        inside = np.stack([shape.depth(y, x) < 1 for _, shape in cluster])
        assert (inside.sum(axis=0) > 1).sum() < 0.06 * inside.any(axis=0).sum()


def test_lengths_and_widths_are_those_of_the_kind():
    cell = KINDS["pombe-edinburgh"].cells[0]
    assert cell.length_um is not None
    for seed in range(30):
        rod = draw_shape(cell, 0.3, np.random.default_rng(seed))
        assert isinstance(rod, Rod)
        assert cell.length_um[0] - 0.01 <= 2 * rod.half_length * 0.3 <= cell.length_um[1] + 0.01
        assert cell.width_um[0] <= 2 * rod.radius * 0.3 <= cell.width_um[1]
