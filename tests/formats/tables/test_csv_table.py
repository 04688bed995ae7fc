"""CSV tables, read back by the standard library."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from tui_cytpix.formats.tables.csv_table import csv_rows, csv_table


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_values_come_back_and_missing_ones_are_empty(tmp_path):
    path = tmp_path / "events.csv"
    with csv_table(path, ["Sample, or so", "Event", "Area", "Count"]) as table:
        assert not path.exists()
        heads = [('7,"x"\n', "µ"), ("nan", "8"), ("", "9")]
        table.write(csv_rows(heads, np.array([[1 / 3, 2], [math.nan, math.nan], [-1e-300, 1e6]])))
    rows = read(path)
    assert rows[0] == {"Sample, or so": '7,"x"\n', "Event": "µ", "Area": "0.333333333", "Count": "2"}
    assert rows[1] == {"Sample, or so": "nan", "Event": "8", "Area": "", "Count": ""}
    assert rows[2] == {"Sample, or so": "", "Event": "9", "Area": "-1e-300", "Count": "1000000"}
    assert csv_rows([], np.zeros((0, 3))) == ""


def test_every_float32_survives(tmp_path):
    values = np.frombuffer(np.random.default_rng(0).bytes(4000), np.float32)
    values = values[np.isfinite(values)]
    with csv_table(tmp_path / "t.csv", ["event", "x"]) as table:
        table.write(csv_rows([("",)] * len(values), values[:, None].astype(np.float64)))
    np.testing.assert_array_equal(np.array([r["x"] for r in read(tmp_path / "t.csv")], np.float32), values)


def test_a_table_that_fails_does_not_appear(tmp_path):
    def fail() -> None:
        with csv_table(tmp_path / "t.csv", ["x"]) as table:
            table.write("1\r\n")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
