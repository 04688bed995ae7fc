"""The sizes that a cutoff is chosen by."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tui_cytpix.core.objects.regions import keep_by_major_axis, label_objects
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.train.object_sizes import object_sizes

SCALES = {"known": 0.5, "unknown": None}
RUN = SimpleNamespace(images=SimpleNamespace(um_per_px=SCALES.get))
NOTHING = np.zeros((0, 2), np.float32)


def ellipses(*lengths):
    """Objects of these major diameters, px, 4 px wide."""
    mask = np.zeros((40 * len(lengths), 200), bool)
    y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
    for number, length in enumerate(lengths):
        mask |= ((y - 40 * number - 20) / 4) ** 2 + ((x - 100) / (length / 2)) ** 2 <= 1
    return Segmentation(mask, NOTHING)


def test_sizes_are_in_micrometres_where_the_scale_is_known():
    seen = [(ImageKey("known", "1"), ellipses(40, 12)), (ImageKey("unknown", "1"), ellipses(30))]
    found = object_sizes(RUN, seen)
    assert found.images == 2
    assert found.um == pytest.approx([6, 20], rel=0.05)
    assert found.px == pytest.approx([30], rel=0.05)
    words = " ".join(found.in_words("7", 5.0))
    assert "Major diameter of 2 objects, µm" in words
    assert "A cutoff of 7 µm drops 1 of them (50.0%)" in words
    assert "below 5 µm are not among them" in words
    assert "Major diameter of 1 object, px" in words
    assert "the cutoff is off" in words


@pytest.mark.parametrize("cutoff", [0.0, 5.0, 7.3, 9.8, 20.0, 99.0])
def test_as_many_are_dropped_as_the_cutoff_drops(cutoff):
    shape = ellipses(12, 16, 18, 20, 24, 40, 80)
    found = object_sizes(RUN, [(ImageKey("known", "1"), shape)])
    kept = label_objects(keep_by_major_axis(shape.mask, cutoff / 0.5))[1]
    assert f"drops {7 - kept} of them" in " ".join(found.in_words(f"{cutoff:g}", 0.0))


def test_what_is_no_number_and_where_nothing_is_found():
    found = object_sizes(RUN, [(ImageKey("known", "1"), ellipses(40))])
    assert not any("drops" in line for line in found.in_words("5 cm", 5.0))
    (line,) = object_sizes(RUN, [(ImageKey("known", "1"), Segmentation(np.zeros((9, 9), bool), NOTHING))]).in_words(
        "5", 5
    )
    assert "No object is found yet" in line
