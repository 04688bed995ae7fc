"""A window with pictures in pixels that is closed while it is in use: the app ends without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks._pty import Program
from tests.benchmarks.terminal_bytes import app_command, make_runs, variables


@pytest.mark.parametrize("tells_cell", [False, True])
def test_a_window_that_is_resized_and_closed(tmp_path: Path, tells_cell: bool) -> None:
    run, home = make_runs(tmp_path)[1], tmp_path / "home"
    program = Program(app_command(run), variables(home), size=(100, 30), graphics="sixel", tells_cell=tells_cell)
    program.wait(rb"1/12")
    program.wait(rb"\x1bP0;1;0q")
    program.settle()
    program.resize((105, 32), (0, 0))
    program.settle()
    for columns in range(106, 112):  # as while a corner is dragged: the last of them it hears of when it is closed
        program.resize((columns, 34))
    assert program.hang_up() == 0
    assert not list(home.rglob("diagnostic.log"))
    assert not (run / "run.lease").exists()
