"""CSV tables, judged by the standard library's reader."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from tui_cytpix.formats.table import CsvTable


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_values_come_back_and_missing_ones_are_empty(tmp_path):
    path = tmp_path / "events.csv"
    with CsvTable(path, ["Event", "Area", "Count", "Note"]) as table:
        assert not path.exists()
        table.write({"Event": '7,"x"\n', "Area": 1 / 3, "Count": 2, "Note": "µ", "Other": 1})
        table.write({"Event": "8", "Area": math.nan, "Note": None})
        table.write({"Event": "9", "Area": np.float32("nan"), "Count": np.int32(3), "Note": np.float32(0.1)})
    rows = read(path)
    assert rows[0] == {"Event": '7,"x"\n', "Area": "0.333333333", "Count": "2", "Note": "µ"}
    assert rows[1] == {"Event": "8", "Area": "", "Count": "", "Note": ""}
    assert (rows[2]["Area"], rows[2]["Count"]) == ("", "3")
    assert np.float32(rows[2]["Note"]) == np.float32(0.1)


def test_every_float32_survives(tmp_path):
    values = np.frombuffer(np.random.default_rng(0).bytes(4000), np.float32)
    values = values[np.isfinite(values)]
    with CsvTable(tmp_path / "t.csv", ["x"]) as table:
        for value in values:
            table.write({"x": float(value)})
    np.testing.assert_array_equal(np.array([r["x"] for r in read(tmp_path / "t.csv")], np.float32), values)


def test_a_table_that_fails_does_not_appear(tmp_path):
    def fail() -> None:
        with CsvTable(tmp_path / "t.csv", ["x"]) as table:
            table.write({"x": 1})
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
