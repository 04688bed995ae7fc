"""Keys that reach a real terminal in one write, as a slow line delivers them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks._pty import Program
from tests.benchmarks.terminal_bytes import app_command, make_runs, variables
from tui_cytpix.domain.annotation import Status
from tui_cytpix.workflow.run import Run


@pytest.mark.slow
def test_typed_ahead_from_the_gallery_into_the_editor(tmp_path: Path) -> None:
    path = make_runs(tmp_path)[1]
    program = Program(app_command(path), variables(tmp_path / "home"), size=(100, 30))
    try:
        program.wait(rb"1/12")
        program.type(b"l\r2a1axq/5\r")
        program.wait(rb"5/12")
        program.wait(rb"2 accepted|2 annotated")
        program.settle()
    finally:
        program.close()
    with Run.open(path, writing=False) as run:
        states = [run.annotations.state(key) for key in run.settings.selection.images[:5]]
    kinds = [Status.OPEN, Status.ACCEPTED, Status.ACCEPTED, Status.REJECTED, Status.OPEN]
    assert [state.status for state in states] == kinds
    assert [s.segmentation.particle_count for s in states[1:3] if s.segmentation is not None] == [2, 1]
