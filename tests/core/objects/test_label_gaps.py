"""Gaps between labels: those that scikit-image's watershed draws, and those that are none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed

from tui_cytpix.core.objects.label_gaps import Contacts, contacts, without_gaps
from tui_cytpix.core.objects.regions import label_objects


def discs(*places: tuple[float, float], radius: float = 9.0, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Each pixel belongs to the nearest disc that it lies in."""
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    away = np.stack([np.hypot(ys - y, xs - x) for y, x in places])
    return np.where(away.min(axis=0) <= radius, away.argmin(axis=0) + 1, 0).astype(np.uint16)


MIDDLES = ((20, 20), (22, 35), (34, 26))
TRIO = discs(*MIDDLES)


def test_cells_that_touch_have_no_gap():
    assert contacts(TRIO) == Contacts(joined=3, parted=0, objects=1)
    assert (without_gaps(TRIO) == TRIO).all()
    assert contacts(np.zeros((5, 5), np.uint16)) == Contacts()


def line(labels: np.ndarray, wide: int) -> np.ndarray:
    """Where other labels begin: a line along each contact, one or two pixels wide, bool (H, W)."""
    found = np.zeros(labels.shape, bool)
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1), (-1, 0), (0, -1), (-1, -1), (-1, 1)):
        beside = np.roll(labels, (-dy, -dx), (0, 1))
        other = (labels > 0) & (beside > 0) & (labels != beside)
        found |= other & ((labels > beside) | (wide == 2))
    return found


@pytest.mark.parametrize("how", ["one pixel", "two pixels", "watershed line"])
def test_a_line_between_them_is_a_gap_and_can_be_closed(how):
    if how == "watershed line":
        depth = ndimage.distance_transform_edt(TRIO > 0)
        seeds = np.zeros_like(TRIO)
        for label, place in enumerate(MIDDLES, 1):
            seeds[place] = label
        drawn = watershed(-depth, seeds, np.ones((3, 3)), mask=TRIO > 0, watershed_line=True).astype(np.uint16)
    else:
        drawn = np.where(line(TRIO, 1 if how == "one pixel" else 2), 0, TRIO)
    assert label_objects(drawn > 0)[1] == 3
    assert contacts(drawn) == Contacts(joined=0, parted=3, objects=3, too_many=2)
    closed = without_gaps(drawn)
    assert label_objects(closed > 0)[1] == 1
    assert (closed[drawn > 0] == drawn[drawn > 0]).all()
    assert (closed > 0)[TRIO == 0].sum() <= 9  # in the notches at the ends of the lines
    assert (closed[TRIO > 0] > 0).mean() > 0.98


def test_cells_that_lie_apart_have_none():
    apart = discs((20, 20), (20, 42))  # 4 px between them
    assert contacts(apart) == Contacts(objects=2)
    assert (without_gaps(apart) == apart).all()
