"""`inspect --concordance`: its table, its report, and what it says where nothing can be compared."""

from __future__ import annotations

import json

from tui_cytpix.simulate import write


def test_table_and_report(run_main, tube, tmp_path):
    out_file = tmp_path / "report.json"
    status, out, err = run_main("inspect", tube, "--concordance", "--images", "20", "--seed", "3", "--out", out_file)
    assert status == 0
    assert "20 of 24 images, drawn at random (seed 3)" in out
    (line,) = (line for line in out.splitlines() if line.startswith("PerimeterMicrons "))
    assert line.split()[1:] == ["equal", "20", "1", *line.split()[4:6], "0", "to", "0", "ours"]
    assert "Not compared: ConfidenceScore." in out
    assert "comparing images: 20 of 20" in err
    assert "an anonymous report" in err
    told = json.loads(out_file.read_text())
    assert "No names" in told["contains"]
    status, out, _ = run_main("inspect", tube, "--concordance", "--images", "20", "--seed", "3", "--json")
    assert status == 0
    assert json.loads(out) == told
    assert tube.stem not in out


def test_it_is_refused_before_any_work(run_main, tube, tmp_path):
    assert run_main("inspect", tube, "--out", tmp_path / "a.json")[0] == 2
    there = tmp_path / "there.json"
    there.write_text("mine")
    status, out, err = run_main("inspect", tube, "--concordance", "--out", there)
    assert (status, out, there.read_text()) == (2, "", "mine")
    assert "comparing" not in err


def test_a_sample_without_masks_is_one_sentence_and_the_others_are_compared(run_main, tube, tmp_path):
    export = tmp_path / "secret.zip"
    write("pombe-edinburgh", export, 12, "export", 2)
    status, out, err = run_main("inspect", export, "--concordance", "--out", tmp_path / "a.json")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "no instrument masks" in err
    assert not (tmp_path / "a.json").exists()
    status, out, err = run_main("inspect", export, tube, "--concordance", "--images", "10", "--json")
    assert status == 1
    assert [one["sample"] for one in json.loads(out)["samples"]] == [1]
    assert "secret" not in out
