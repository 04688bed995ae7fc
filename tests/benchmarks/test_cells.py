"""The benchmarks' folds on real cells: nothing that is annotated comes back as a test."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.benchmarks._cells import CELLS, Crop, folds, labels_that_fall_apart, labels_with_a_waist, load


def masks(crop: Crop) -> set[bytes]:
    """Each particle's mask in its bounding box."""
    found = set()
    for label in np.unique(crop.labels)[1:]:
        ys, xs = np.nonzero(crop.labels == label)
        box = crop.labels[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] == label
        found.add(bytes(box.shape) + np.packbits(box).tobytes())
    return found


@pytest.mark.shared_data
@pytest.mark.skipif(not CELLS.is_dir(), reason="the real cells are absent")
@pytest.mark.parametrize("data", ["yeast", "pombe", "rods"])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_cell_is_in_training_and_test(data, seed):
    crops = load(data)
    every = folds(crops, 20, seed)
    assert sorted(c.name for fold in every for c in fold.test) == sorted(c.name for c in crops)
    for fold in every:
        trained = set().union(*map(masks, fold.annotated))
        assert not [crop.name for crop in fold.test if masks(crop) & trained]


def test_a_label_over_two_cells_falls_apart_and_a_cell_with_a_dent_does_not():
    def crop(name: str, *discs: tuple[int, int, int]) -> Crop:
        labels = np.zeros((60, 80), np.uint16)
        for y, x, radius in discs:
            cv2.circle(labels, (x, y), radius, 1, -1)
        return Crop(name, "a", labels, labels.astype(np.float32), labels)

    two, one = crop("two", (30, 25, 11), (30, 45, 10)), crop("one", (30, 30, 12))
    bud = crop("bud", (30, 30, 12), (30, 41, 6))
    assert labels_that_fall_apart([two, bud, one]) == {"two"}


def test_a_rod_with_a_waist_is_told_from_a_plain_one():
    def crop(name: str, waist: int) -> Crop:
        labels = np.zeros((60, 100), np.uint16)
        for x, half in ((30, 10), (50, waist), (70, 10)):
            cv2.rectangle(labels, (x - 10, 30 - half), (x + 10, 30 + half), 1, -1)
        return Crop(name, "a", labels, labels.astype(np.float32), labels)

    assert labels_with_a_waist([crop("waisted", 7), crop("slight", 9), crop("plain", 10)]) == {"waisted"}
