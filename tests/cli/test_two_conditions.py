"""The manual's script for two conditions, with fewer images, as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests import children, forks
from tui_cytpix.manual import read_page

FEWER = {
    "--images 400": "--images 12",
    "head -n 8": "head -n 3",
    "--epochs 100": "--epochs 2",
    "--images 600": "--images 30",
}


@pytest.mark.slow
def test_two_conditions_are_one_script(program, tmp_path):
    (script,) = re.findall(r"```bash\n(.*?)```", read_page("headless"), re.S)
    for many, few in FEWER.items():
        assert script.count(many) == 1, many
        script = script.replace(many, few)
    programs = tmp_path / "bin"
    programs.mkdir()
    ours = f"{sys.executable} -P -c 'import sys; from tests import forks; sys.exit(forks.hand_on(*sys.argv[1:]))'"
    for name, command in (("tui-cytpix", f"{ours} {forks.listening()}"), ("python3", sys.executable)):
        (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / name).chmod(0o755)
    done = children.run(
        ["bash", "-c", script],
        env={**program.environment, "PATH": f"{programs}:{program.environment['PATH']}"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    status = program.json("run", "status", tmp_path / "story")
    labels = {(s["name"], s["condition"], s["unit"]) for s in status["samples"]}
    assert labels == {(f"{c}-{n}", c, f"{c}-{n}") for c in ("rich", "poor") for n in range(1, 4)}
    found = program.json("run", "pairs", tmp_path / "story")
    assert (found["images"], found["judged"]) == (30, found["pairs"])
    assert set(found["conditions"]) == {"rich", "poor"}
    assert found["verdict"] in done.stdout
    report = (tmp_path / "story.html").read_text("utf-8")
    assert found["verdict"] in report
    assert "quantitative comparison: good up to 1.0%" in report
    confusion = [cell for one in found["conditions"].values() for cell in one["confusion"]]
    assert all(cell["true"] is not None for cell in confusion)  # all true counts were stated
