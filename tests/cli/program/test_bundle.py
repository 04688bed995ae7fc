"""`bundle`: what is in it is told first, and it is written where that is asked for."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tui_cytpix.workflow.run.run import Run


def test_it_is_told_first_and_written_on_request(run_main, tmp_path: Path) -> None:
    Run.create(tmp_path / "r").close()
    status, out, err = run_main("bundle", tmp_path / "r")
    assert status == 0
    assert "run/run.toml: its settings" in out
    assert "No image and no mask." in out
    assert "Nothing is written yet" in err
    assert run_main("bundle", tmp_path / "r", "--out", tmp_path / "b.zip")[:2] == (0, f"{tmp_path / 'b.zip'}\n")
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert file.read("contents.txt").decode() == out
    status, _, err = run_main("bundle", "--out", tmp_path / "b.zip")
    assert (status, "b.zip" in err) == (2, True), "nothing is overwritten"


def test_what_is_no_run_is_refused(run_main, tmp_path: Path) -> None:
    status, _, err = run_main("bundle", tmp_path)
    assert status == 2
    assert "This is no run" in err
