"""Gates as data: what is none is refused, files and back, parents."""

from __future__ import annotations

import math

import pytest

from tui_cytpix.domain.gate import Axis, Gate, Scale, check_gates, gate_to_dict, in_order, lineage
from tui_cytpix.domain.plain_values import from_plain

AREA = Axis("FSC-A")
DYE = Axis("BL1-A", Scale("logicle", top=1048576.0, width=0.8), compensated=True)
TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (0.0, 2.5))


def gate(name: str, parent: str = "") -> Gate:
    return Gate(name, (AREA,), ((0.0,), (9.0,)), parent)


def test_to_a_file_and_back() -> None:
    for one in (gate("Zellen µ"), Gate("P 2", (Axis("SSC-A", Scale("arcsinh", 5.0)), DYE), TRIANGLE, "Zellen µ")):
        assert from_plain(Gate, gate_to_dict(one)) == one
    assert "cofactor" not in gate_to_dict(gate("a"))["axes"][0]["scale"]
    assert gate("a", "b").describe() == "FSC-A 0 to 9, within b"
    assert Gate("P", (AREA, DYE), TRIANGLE).describe() == "polygon of 3 corners on FSC-A and BL1-A (compensated)"


@pytest.mark.parametrize(
    ("name", "axes", "corners", "words"),
    [
        ("", (AREA,), ((0.0,), (1.0,)), "name"),
        (" a", (AREA,), ((0.0,), (1.0,)), "name"),
        ("a\x1b[31m", (AREA,), ((0.0,), (1.0,)), "name"),
        ("a" * 61, (AREA,), ((0.0,), (1.0,)), "name"),
        ("a", (), (), "one axis or two"),
        ("a", (AREA,), ((1.0,), (0.0,)), "low and a high"),
        ("a", (AREA,), ((1.0,),), "low and a high"),
        ("a", (AREA,), ((math.nan,), (1.0,)), "finite"),
        ("a", (AREA, DYE), TRIANGLE[:2], "at least 3"),
        ("a", (AREA, DYE), ((0.0,), (1.0,), (2.0,)), "for each axis"),
    ],
)
def test_what_is_no_gate(name: str, axes: tuple, corners: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Gate(name, axes, corners)


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "log"}, {"cofactor": 0.0}, {"top": -1.0}, {"width": 3.0}, {"negative": 5.0}, {"top": math.inf}],
)
def test_what_is_no_scale(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"scale|logicle|finite"):
        Scale(**wrong)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": 5, "axes": [], "corners": []},
        {"name": "a", "axes": [{"parameter": 5}], "corners": [[0], [1]]},
        {"name": "a", "axes": [{"parameter": "x", "scale": {"kind": "logicle", "width": 9.0}}], "corners": [[0], [1]]},
        {"name": "a", "axes": [{"parameter": "x"}], "corners": [["0x"], [1]]},
        {"name": "a", "axes": 3, "corners": [[0], [1]]},
    ],
)
def test_damaged_gates_are_told(data: dict) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_plain(Gate, data)


def test_parents() -> None:
    a, b, c, d = gate("a"), gate("b", "a"), gate("c", "b"), gate("d")
    gates = (c, d, a, b)
    check_gates(gates)
    assert lineage(gates, "c") == (a, b, c)
    assert lineage(gates, "") == ()
    assert [(g.name, depth) for g, depth in in_order(gates)] == [("d", 0), ("a", 0), ("b", 1), ("c", 2)]
    with pytest.raises(ValueError, match="not there"):
        check_gates((b,))
    with pytest.raises(ValueError, match="two gates"):
        check_gates((a, a))
    with pytest.raises(ValueError, match="in itself"):
        check_gates((gate("x", "y"), gate("y", "x")))
    with pytest.raises(ValueError, match="in itself"):
        gate("x", "x")
