"""Exports of events with the gates that they are in, judged by flowio, pyarrow and anndata."""

from __future__ import annotations

import csv

import flowio
import numpy as np
import pytest

from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.fcs.gate_parameters import parameter_names
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.explore.exported_events import export_events
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

LOW = Gate("low/FSC, µ", (Axis("FSC-A"),), ((0.0,), (190.0,)))
BIG = Gate("big", (Axis("AreaSquareMicrons"),), ((30.0,), (1e9,)), LOW.name)
NOWHERE = Gate("nowhere", (Axis("BL9-A"),), ((0.0,), (1.0,)))
NAMES = ["UDT_Gate_low_FSC", "UDT_Gate_big"]


@pytest.fixture
def table(tmp_path, samples):
    with Run.create(tmp_path / "r") as run:
        run_samples.add_sample(run, samples.with_fcs("tube", 24), 0.5)
        run_samples.add_sample(run, samples.with_fcs("other", 12, rows=100, seed=1), 0.5)
        gates.add(run, LOW, BIG, NOWHERE)
        yield EventTable(run, "tube")


def inside(table: EventTable) -> list[np.ndarray]:
    """By hand, from the columns."""
    low = table.values("FSC-A") <= 190
    return [low, low & (table.values("AreaSquareMicrons") >= 30)]


def export(table: EventTable, path, name: str = "", **options):
    return export_events(path, table, (LOW, BIG, NOWHERE), name, **options)


def test_an_fcs_has_a_parameter_for_each_gate_that_can_be_applied(tmp_path, table) -> None:
    done = export(table, tmp_path / "all.fcs")
    assert done.events == 400
    assert [problem.partition(":")[0] for problem in done.problems] == ["nowhere"]
    judge = flowio.FlowData(str(tmp_path / "all.fcs"))
    assert judge.pnn_labels[-2:] == NAMES
    data = np.asarray(judge.as_array())
    for column, expected in zip(data[:, -2:].T, inside(table), strict=True):
        assert (column == expected).all()
    text = {key.lower(): value for key, value in judge.text.items()}
    last = len(judge.pnn_labels)
    assert [text[f"p{n}r"] for n in (last - 1, last)] == ["2", "2"]
    assert text["cytpix_gate"] == gates.ALL
    assert text["cytpix_gate_udt_gate_big"] == "low/FSC, µ: FSC-A 0 to 190; big: AreaSquareMicrons 30 to 1e+09"
    assert (data[:, 1] == table.values("FSC-A")).all()


def test_events_of_one_gate_tell_all_gates_under_the_prefix(tmp_path, table) -> None:
    assert export(table, tmp_path / "low.fcs", LOW.name, prefix="My ").events == 20
    judge = flowio.FlowData(str(tmp_path / "low.fcs"))
    assert judge.pnn_labels[-2:] == ["My Gate_low_FSC", "My Gate_big"]
    data = np.asarray(judge.as_array())
    low, big = inside(table)
    assert (data[:, -2] == 1).all()
    assert (data[:, -1] == big[low]).all()
    with pytest.raises(UsageError, match="no prefix"):
        export(table, tmp_path / "bad.fcs", prefix="a,b")


def test_names_are_ascii_and_differ() -> None:
    assert parameter_names(["a b", "a/b", "细胞", "群", "a_b"], "UDT_", ["udt_gate_A_B_2"]) == [
        "UDT_Gate_a_b",
        "UDT_Gate_a_b_3",
        "UDT_Gate",
        "UDT_Gate_2",
        "UDT_Gate_a_b_4",
    ]


def test_what_was_exported_can_be_exported_again(tmp_path, samples) -> None:
    with Run.create(tmp_path / "r") as run:
        run_samples.add_sample(run, samples.with_fcs("tube", 4, rows=50))
        gates.add(run, LOW)
        export_events(tmp_path / "first.fcs", EventTable(run, "tube"), run.settings.gates, "")
        (tmp_path / "first.fcs").replace(tmp_path / "again.fcs")
        run_samples.add_sample(run, samples.make("again", 4), 0.5)
        export_events(tmp_path / "second.fcs", EventTable(run, "again"), run.settings.gates, "")
    assert flowio.FlowData(str(tmp_path / "second.fcs")).pnn_labels[-2:] == [NAMES[0], f"{NAMES[0]}_2"]


def test_tables_have_every_parameter_and_the_gates(tmp_path, table) -> None:
    known = [one.name for one in table.parameters]
    export(table, tmp_path / "low.csv", LOW.name)
    with (tmp_path / "low.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["Sample", "Row", "Image", *known, *NAMES]
    assert [row[NAMES[1]] for row in rows] == ["1" if one else "0" for one in inside(table)[1][:20]]
    parquet = pytest.importorskip("pyarrow.parquet")
    export(table, tmp_path / "low.parquet", LOW.name)
    judge = parquet.read_table(tmp_path / "low.parquet")
    assert judge.column_names == list(rows[0])
    for row, other in zip(rows, judge.to_pylist(), strict=True):
        assert [row[name] for name in ("Sample", "Row", "Image")] == [other[n] for n in ("Sample", "Row", "Image")]
        assert [float(row[name]) for name in known if row[name]] == pytest.approx(
            [other[name] for name in known if other[name] is not None], rel=1e-8
        )
        assert [bool(int(row[name])) for name in NAMES] == [other[name] for name in NAMES]


def test_anndata_of_all_events(tmp_path, table) -> None:
    pytest.importorskip("h5py")
    anndata = pytest.importorskip("anndata", reason="anndata is not installed")
    export(table, tmp_path / "all.h5ad")
    judge = anndata.read_h5ad(tmp_path / "all.h5ad")
    assert judge.shape == (400, len(table.parameters))
    assert list(judge.obs_names[:2]) == ["tube:0", "tube:1"]
    assert judge.obs_names[-1] == "tube:row-399"
    for name, expected in zip(NAMES, inside(table), strict=True):
        assert judge.obs[name].dtype == bool
        assert (judge.obs[name].to_numpy() == expected).all()
    assert (judge[:, "SSC-A"].X[:, 0] == table.values("SSC-A")).all()
