"""`run label`: labels of samples are set, taken away, and told; a name that is wrong changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run


@pytest.fixture
def made(tmp_path: Path) -> Path:
    with Run.create(tmp_path / "r") as run:
        for sample in ("a", "b", "c"):
            (tmp_path / sample).mkdir()
            Image.fromarray(np.tri(16, k=ord(sample) - 99, dtype=np.uint8) * 90).save(tmp_path / sample / "1.png")
            run_samples.add_sample(run, tmp_path / sample, 0.3)
    return tmp_path / "r"


def labels(run_main, run: Path) -> dict[str, tuple[str, ...]]:
    samples = json.loads(run_main("run", "status", run, "--json")[1])["samples"]
    return {s["name"]: (s["condition"], s["tube"], s["day"], s["role"], s["um_per_px"]) for s in samples}


def test_labels_are_set_for_several_samples_and_taken_away(made, run_main):
    said = run_main("run", "label", made, "a", "c", "--condition", " rich ", "--day", "Monday", "--role", "evaluation")
    assert said[0] == 0
    told = "c       rich       -     -     Monday  evaluation  0.3"
    assert told in said[1].splitlines()
    run_main("run", "label", made, "a", "--condition", "", "--tube", "2", "--um-per-px", "0,25")
    run_main("run", "label", made, "b", "--um-per-px", "0")
    assert labels(run_main, made) == {
        "a": ("", "2", "Monday", "evaluation", 0.25),
        "b": ("", "", "", "research", None),
        "c": ("rich", "", "Monday", "evaluation", 0.3),
    }
    words = run_main("run", "status", made)[1]
    assert "c (0.3 um/px); condition rich; day Monday; role evaluation\n" in words
    found = json.loads(run_main("run", "label", made, "b", "--json")[1])
    assert [(one["name"], one["role"]) for one in found["samples"]] == [("b", "research")]


def test_a_unit_under_two_conditions_is_told(made, run_main):
    assert run_main("run", "label", made, "a", "--condition", "rich", "--unit", "culture-1")[2] == ""
    err = run_main("run", "label", made, "b", "--condition", "poor", "--unit", "culture-1")[2]
    assert err.startswith("Under more than one condition: culture-1. ")


def test_labels_are_read_beside_an_open_app_and_not_changed(made, run_main):
    with Run.open(made):
        assert "research" in run_main("run", "label", made, "a")[1]
        status, _, err = run_main("run", "label", made, "a", "--day", "1")
    assert (status, "in use" in err) == (1, True)


def test_one_wrong_name_changes_nothing(made, run_main, capsys):
    before = labels(run_main, made)
    status, _, err = run_main("run", "label", made, "a", "x", "--condition", "rich")
    assert (status, err) == (2, "tui-cytpix: The run has no such sample. x. Its samples: a, b, c.\n")
    for option, words in (("--role=none", "invalid choice"), ("--um-per-px=300", "no pixel size")):
        with pytest.raises(SystemExit, match="2"):
            run_main("run", "label", made, "a", option)
        assert words in capsys.readouterr().err
    assert labels(run_main, made) == before


def test_another_channel_is_read_under_a_name_of_its_own(tmp_path, run_main):
    np.save(tmp_path / "stack.npy", np.random.default_rng(7).integers(0, 900, (3, 9, 9, 2)).astype(np.uint16))
    run_samples.create_run(tmp_path / "r", [tmp_path / "stack.npy"], 0.3).close()
    status, out, _ = run_main("run", "label", tmp_path / "r", "stack", "--channel", "2", "--json")
    (told,) = json.loads(out)["samples"]
    assert (status, told["name"], told["channel"]) == (0, "stack-2", "2")
    assert "channel" in run_main("run", "label", tmp_path / "r", "stack-2")[1]
    assert run_main("run", "label", tmp_path / "r", "stack-2", "--channel", "5")[0] == 2
