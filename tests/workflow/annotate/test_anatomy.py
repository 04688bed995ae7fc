"""Objects and particles of a segmentation, against shapes whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.divided import nothing
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.annotate.anatomy import dissect


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    ys, xs = np.ogrid[: shape[0], : shape[1]]
    return (ys - y) ** 2 + (xs - x) ** 2 <= radius**2


def two_touching_and_one_alone() -> Segmentation:
    shape = (80, 120)
    mask = disc(shape, 30, 30, 12) | disc(shape, 30, 52, 12) | disc(shape, 60, 100, 10)
    return Segmentation(mask, np.array([[30, 30], [30, 52], [60, 107]], np.float32))


def test_objects_and_their_particles() -> None:
    anatomy = dissect(two_touching_and_one_alone())
    assert [part.particles for part in anatomy.objects] == [(0, 1), (2,)]
    alone = anatomy.objects[1]
    assert alone.area_px == int(disc((80, 120), 60, 100, 10).sum())
    assert alone.centre == pytest.approx((60, 100))


def test_particles_divide_the_clump_in_the_middle() -> None:
    anatomy = dissect(two_touching_and_one_alone())
    assert anatomy.particle_labels[30, 30] == 1
    assert anatomy.particle_labels[30, 52] == 2
    assert set(np.unique(anatomy.particle_labels)) == {0, 1, 2, 3}
    np.testing.assert_allclose(anatomy.radii_px, [12, 12, 10], atol=0.5)


def test_offsets_and_who_is_off_centre() -> None:
    anatomy = dissect(two_touching_and_one_alone())
    assert anatomy.offsets_px[2] == pytest.approx(7, abs=0.1)
    assert anatomy.off_centre == (2,)


def test_what_is_under_a_point() -> None:
    anatomy = dissect(two_touching_and_one_alone())
    found = anatomy.object_at((30.4, 51.6))
    assert found is not None
    assert found.number == 1
    assert anatomy.object_at((0, 0)) is None
    assert anatomy.object_at((-3, 500)) is None


def test_a_centroid_on_background_belongs_to_no_object() -> None:
    mask = disc((40, 40), 10, 10, 5)
    anatomy = dissect(Segmentation(mask, np.array([[30, 30]], np.float32)))
    assert anatomy.objects[0].particles == ()
    assert anatomy.off_centre == (0,)


def test_nothing_at_all() -> None:
    anatomy = dissect(nothing((20, 20)))
    assert anatomy.objects == ()
    assert anatomy.off_centre == ()
