"""Keys that reach a real terminal in one write, as a slow line delivers them."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks._pty import Program
from tests.benchmarks.terminal_bytes import app_command, make_runs, variables
from tui_cytpix.domain.annotation import Status
from tui_cytpix.workflow.run.run import Run


def test_typed_ahead_from_the_gallery_into_the_editor(tmp_path: Path) -> None:
    path = make_runs(tmp_path)[1]
    program = Program(app_command(path), variables(tmp_path / "home"), size=(100, 30))
    try:
        program.wait(rb"1/12")
        program.type(b"l\r2")
        program.wait(rb"2 in this object")
        program.settle()
        program.type(b"aq/5\r")
        program.wait(rb"5/12")
        program.settle()
    finally:
        program.close()
    with Run.open(path, writing=False) as run:
        states = [run.annotations.state(key) for key in run.settings.selection.images[:5]]
    assert [state.status for state in states] == [Status.OPEN, Status.ACCEPTED, *[Status.OPEN] * 3]
    assert states[1].segmentation is not None
    assert states[1].segmentation.particle_count == 2
