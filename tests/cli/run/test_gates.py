"""`run gate`: what the explore screen does to a run, headless."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.workflow import workspaces as wsp
from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.simulate import write
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run


@pytest.fixture
def samples_without_fcs(tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n in range(5):
        Image.fromarray(rng.normal(120, 6, (64, 64)).astype(np.uint8)).save(folder / f"{n}.png")
    return folder


@pytest.fixture
def run(tmp_path, tube):
    path = tmp_path / "run"
    with Run.create(path) as run:
        run_samples.add_sample(run, tube)
    return path


def test_gates_from_first_to_last(run_main, run, tmp_path) -> None:
    def result(*arguments, status=0):
        found, out, err = run_main("run", "gate", run, *arguments, "--json")
        assert found == status, err
        return json.loads(out) if out else err

    added = result("range", "cells", "FSC-A", "20000", "1e6")
    assert added["gate"]["corners"] == [[20000.0], [1000000.0]]
    corners = [part for corner in ((-900, -900), (9e3, -900), (-900, 9e3)) for part in ("--corner", *map(str, corner))]
    dim = result("polygon", "dim", "BL1-A", "BL2-A", *corners, "--parent", "cells")
    assert [axis["scale"]["kind"] for axis in dim["gate"]["axes"]] == ["logicle", "logicle"]
    listed = result("list", "--parameter", "FSC-A")
    assert [gate["name"] for gate in listed["gates"]] == ["cells", "dim"]
    everything, cells, inner = listed["populations"]
    assert everything["events"] > cells["events"] > inner["events"] > 0
    assert cells["x"]["number"] == cells["events"]
    assert inner["percent_of_parent"] == pytest.approx(100 * inner["events"] / cells["events"])
    out = tmp_path / "dim.fcs"
    assert result("export", "dim", "--out", out)["events"] == inner["events"] == read_fcs(out).event_count
    assert result("use", "cells")["selection"] == "cells"
    status, out, err = run_main("run", "select", run)
    assert status == 0
    assert "Drawn only from the gate cells" in err
    assert "Drawn only from the gate cells" in (run / "run.toml").read_text("utf-8")
    assert result("use")["selection"] == ""
    assert result("remove", "cells")["removed"] == ["cells", "dim"]
    assert result("list")["gates"] == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("range", "a", "FSC-A", "2", "1"), 2, "low and a high"),
        (("range", "a", "Nowhere", "1", "2"), 1, "no such parameter"),
        (("range", "a", "FSC-A", "1", "2", "--compensated"), 1, "can't be compensated"),
        (("range", "a", "FSC-A", "1", "2", "--parent", "b"), 2, "not there"),
        (("polygon", "a", "FSC-A", "SSC-A", "--corner", "1", "2"), 2, "at least 3"),
        (("remove", "a"), 2, "no such gate"),
        (("use", "a"), 2, "no such gate"),
        (("export", "a", "--out", "x.csv"), 2, "no such gate"),
        (("list", "--parameter", "Nowhere"), 1, "no such parameter"),
    ],
)
def test_wrong_usage_is_told(run_main, run, arguments, status, words) -> None:
    found, out, err = run_main("run", "gate", run, *arguments)
    assert found == status
    assert words in err
    assert out == ""
    assert Run.open(run, writing=False).settings.gates == ()


def test_a_sample_that_is_gone_is_named(run_main, run, tube, tmp_path) -> None:
    moved = tmp_path / "moved.acs"
    write("pombe-edinburgh", moved, 24, "acs", 2)
    with Run.open(run) as opened:
        run_samples.add_sample(opened, moved)
    moved.unlink()
    status, out, err = run_main("run", "gate", run, "list")
    assert status == 0
    assert "moved: The sample is not where it was" in err
    assert "all events" in out


def test_a_sample_without_the_parameter_has_dashes(run_main, run, samples_without_fcs, tmp_path) -> None:
    with Run.open(run) as opened:
        run_samples.add_sample(opened, samples_without_fcs, 0.3)
    assert run_main("run", "gate", run, "range", "cells", "FSC-A", "20000", "1e6")[0] == 0
    table = tmp_path / "all.csv"
    status, out, err = run_main("run", "gate", run, "list", "--parameter", "FSC-A", "SSC-A", "--out", table)
    assert (status, err.count("bug")) == (0, 0)
    without = [line.split()[-10:] for line in out.splitlines() if line.startswith("plain")]
    assert without == [["-"] * 10] * 2  # all events, and the gate
    assert [len(row.split(",")) for row in table.read_text("utf-8").splitlines()] == [31] * 5
    status, out, _ = run_main("run", "gate", run, "list", "--parameter", "FSC-A", "SSC-A", "--json")
    found = [one for one in json.loads(out)["populations"] if one["sample"] == "plain"]
    assert [(one["x"], one["y"]) for one in found] == [(None, None)] * 2


def test_the_image_gate_and_numbers_per_volume(run_main, run, tmp_path) -> None:
    def result(*arguments, status=0):
        found, out, err = run_main("run", "gate", run, *arguments, "--json")
        assert found == status, err
        return json.loads(out) if out else err

    result("range", "cells", "FSC-A", "0", "1048576")
    result("range", "narrow", "FSC-A", "20000", "50000")
    result("range", "doublets", "ParticleCount", "2", "9", "--parent", "cells")
    table = tmp_path / "before.csv"
    status, _, err = run_main("run", "gate", run, "list", "--out", table)
    assert status == 0
    assert err.count("No image gate is named") == 1  # one sentence for all gates
    assert "No image gate is named" in table.read_text("utf-8")
    assert "imaged events lie outside narrow. The file calls it Cells (`tui-cytpix inspect`)" in result(
        "image", "narrow", status=1
    )
    assert "no such gate" in result("image", "nowhere", status=2)
    assert result("image", "cells")["image_gate"] == "cells"
    listed = result("list")
    assert (listed["image_gate"], listed["counter"]) == ("cells", "")
    everything, cells, narrow, doublets = (
        next(one for one in listed["populations"] if one["gate"] == gate)
        for gate in ("all events", "cells", "narrow", "doublets")
    )
    assert everything["per_ul"]["events"]["value"] == pytest.approx(25, rel=0.1)  # the simulator's 40 nl an event
    assert cells["per_ul"]["events"]["low"] < cells["per_ul"]["events"]["value"] < cells["per_ul"]["events"]["high"]
    for empty in (cells, narrow, doublets):  # the tube has too few images
        assert empty["per_ul"]["cells"] is None
        assert "Too few of its events were imaged" in empty["per_ul"]["why"]
    assert doublets["events"] <= doublets["all_events"] == 24
    assert result("image")["image_gate"] == ""


def test_a_montage_of_two_gates(run_main, run, tmp_path, samples_without_fcs) -> None:
    run_main("run", "gate", run, "range", "cells", "FSC-A", "0", "1e9")
    run_main("run", "gate", run, "range", "none", "FSC-A", "-2", "-1")
    out = tmp_path / "m.png"
    status, said, err = run_main("run", "gate", run, "montage", "cells", "none", "--out", out, "--images", 3, "--json")
    assert status == 1
    assert "tube: no image lies in none." in err
    found = json.loads(said)
    (panel,) = found["panels"]
    assert (panel["sample"], panel["gate"], len(panel["images"]), panel["inside"]) == ("tube", "cells", 3, 24)
    assert panel["bar_um"] in (10, 20)
    with Image.open(out) as picture:
        assert picture.width > 700
    before = out.read_bytes()
    assert run_main("run", "gate", run, "montage", "cells", "--out", out)[0] == 2  # it is there
    assert out.read_bytes() == before
    again = tmp_path / "again.png"
    assert run_main("run", "gate", run, "montage", "cells", "--out", again, "--images", 3)[0] == 0
    with Image.open(out) as one, Image.open(again) as other:
        assert (np.asarray(one) == np.asarray(other)).all()  # the same seed
    with Run.open(run) as opened:
        run_samples.add_sample(opened, samples_without_fcs)
    status, said, err = run_main("run", "gate", run, "montage", "--out", tmp_path / "m.svg", "--sample", "plain")
    assert (status, err.count("um/px")) == (0, 0)
    assert "plain, all events: 5 of 5 images. No scale bar: um/px is unknown." in said
    assert "Which sample" in run_main("run", "gate", run, "montage", "--out", tmp_path / "n.svg", "--sample", "x")[2]
    told = run_main("run", "gate", run, "export", "--out", tmp_path / "e.csv")[2]
    assert "Which sample? The run has 2. Give --sample, one of" in told


def test_all_events_with_the_gates_that_they_are_in(run_main, run, tmp_path) -> None:
    run_main("run", "gate", run, "range", "cells", "FSC-A", "20000", "1e6")
    run_main("run", "gate", run, "range", "narrow", "FSC-A", "20000", "50000", "--parent", "cells")
    out = tmp_path / "all.fcs"
    status, said, _ = run_main("run", "gate", run, "export", "--out", out, "--prefix", "My_", "--json")
    assert status == 0
    fcs = read_fcs(out)
    assert (json.loads(said)["gate"], json.loads(said)["events"]) == ("all events", fcs.event_count)
    area = fcs.column("FSC-A")
    assert (fcs.column("My_Gate_cells") == ((area >= 20000) & (area <= 1e6))).all()
    assert (fcs.column("My_Gate_narrow") == ((area >= 20000) & (area <= 50000))).all()


def test_a_file_that_is_there_is_not_replaced(run_main, run, tmp_path) -> None:
    run_main("run", "gate", run, "range", "cells", "FSC-A", "20000", "1e6")
    mine = tmp_path / "mine.csv"
    mine.write_text("mine")
    for arguments in (
        ("run", "gate", run, "list", "--out", mine),
        ("run", "gate", run, "export", "cells", "--out", mine),
        ("run", "report", run, "--out", mine),
        ("models", "export", "cell-half", mine),
    ):
        status, _out, err = run_main(*arguments)
        assert status == 2
        assert "The file exists" in err
        assert mine.read_text() == "mine"
    for _ in range(2):  # the run's own page is made anew
        assert run_main("run", "report", run)[0] == 0


def test_a_flowjo_workspace(run_main, run, tmp_path) -> None:
    pytest.importorskip("flowkit", reason="FlowKit (the extra `flowjo`) is not installed")
    inner = wsp.population("bright", wsp.rectangle(("BL1-A", 1000.0, None)))
    populations = [wsp.population("cells", wsp.rectangle(("FSC-A", 20000.0, 1e6)), inner), wsp.either("any", "cells")]
    path = wsp.write(tmp_path / "w.wsp", wsp.sample("tube.fcs", populations))
    status, out, err = run_main("run", "gate", run, "import", path)
    assert status == 1  # one is left out
    assert out.splitlines() == ["cells: FSC-A 20000 to 1e+06", "bright: BL1-A 1000 to 1e+15, within cells"]
    assert "tube is tube.fcs in the workspace." in err
    assert "Left out: any: It is a boolean gate." in err
    status, out, err = run_main("run", "gate", run, "import", path, "--sample", "tube", "--json")
    found = json.loads(out)
    assert (found["gates"], found["samples"]) == ([], {"tube": "tube.fcs"})
    assert "bright is in the run already." in found["notes"]
    status, out, _ = run_main("run", "gate", run, "list", "--json")
    everything, cells, bright = json.loads(out)["populations"]
    assert everything["events"] > cells["events"] > bright["events"] > 0
