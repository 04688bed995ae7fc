"""Spillover matrices: of real instruments, of no use, and compensation against flowutils and a linear solve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.formats.fcs.spillover import is_fluorescence_area, read_spillover

NAMES = ("Event", "FSC-A", "BL1-A", "BL2-A", "BL1-H", "ImageFlag")


def spillover_of(files, text: str, keyword: str = "$SPILLOVER"):
    columns = {name: np.arange(3.0) for name in NAMES}
    return read_spillover(read_fcs(files.write("t.fcs", files.fcs(columns, {keyword: text} if text else {}))))


def test_only_fluorescence_areas_are_compensated(files) -> None:
    rows = ["BL1-A", "BL2-A", "BL1-H", "ImageFlag"]
    matrix = np.eye(4)
    matrix[0, 1], matrix[1, 0] = 0.2, 0.05
    text = ",".join(["4", *rows, *(f"{v:g}" for v in matrix.ravel())])
    for keyword in ("$SPILLOVER", "SPILL"):
        found = spillover_of(files, text, keyword)
        assert found.usable
        assert found.names == ("BL1-A", "BL2-A")
        assert found.matrix.tolist() == [[1, 0.2], [0.05, 1]]
    true = np.array([[100.0, 0.0], [0.0, 100.0], [30.0, 70.0]])
    measured = true @ found.matrix
    for place, name in enumerate(found.names):
        weights = found.weights(name)
        back = sum(measured[:, found.names.index(other)] * weight for other, weight in weights.items())
        np.testing.assert_allclose(back, true[:, place], atol=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no spillover matrix"),
        ("2,BL1-A,BL2-A,1,0,0", "entries"),
        ("x,BL1-A", "entries"),
        ("99999999,BL1-A", "entries"),
        ("2,BL1-A,BL2-A,1,zero,0,1", "numbers"),
        ("2,BL1-A,BL2-A,1,nan,0,1", "diagonal"),
        ("2,BL1-A,BL2-A,100,0,0,100", "diagonal"),
        ("2,BL1-A,BL1-A,1,0,0,1", "twice"),
        ("2,FSC-A,XL9-A,1,0,0,1", "no fluorescence area"),
        ("2,BL1-A,BL1-H,1,0.3,0,1", "BL1-H"),
        ("2,BL1-A,XL9-A,1,0,0.3,1", "XL9-A"),
        ("2,BL1-A,BL2-A,1,1,1,1", "told apart"),
        ("2,BL1-A,BL2-A,1,0.9999,0.9999,1", "told apart"),
    ],
)
def test_what_is_no_matrix_is_said(files, text: str, words: str) -> None:
    found = spillover_of(files, text)
    assert not found.usable
    assert words in found.problem


def test_areas_by_name() -> None:
    assert [n for n in (*NAMES, "ssc-a", "YG 586/15-A") if is_fluorescence_area(n)] == ["BL1-A", "BL2-A", "YG 586/15-A"]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "detectors", "identity"),
    [("accuri_c6plus", 4, False), ("attune_nxt_brvy_G11", 3, True), ("bd_aria3_indexsort", 6, False)],
)
def test_real_files(shared_data: Path, name: str, detectors: int, identity: bool) -> None:
    fcs = read_fcs(shared_data / "fcs" / f"{name}.fcs")
    found = read_spillover(fcs)
    assert found.usable
    assert (len(found.names), found.is_identity) == (detectors, identity)
    measured = np.stack([fcs.column(n) for n in found.names], axis=1)
    expected = np.linalg.solve(found.matrix.T, measured.T).T
    ours = np.stack([sum(fcs.column(other) * w for other, w in found.weights(n).items()) for n in found.names], axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-6)
    compensate = pytest.importorskip("flowutils.compensate").compensate
    np.testing.assert_allclose(ours, compensate(measured, found.matrix, list(range(detectors))), rtol=1e-6, atol=1e-3)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["miltenyi_fcs31", "stratedigm_varint", "bd_calibur_fcs20"])
def test_real_files_without_a_usable_matrix(shared_data: Path, name: str) -> None:
    assert read_spillover(read_fcs(shared_data / "fcs" / f"{name}.fcs")).problem
