"""A terminal that takes 150 ms to answer, as over a long SSH line: no answer is taken for keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks._pty import Program
from tests.benchmarks.terminal_bytes import app_command, make_runs, variables

ROUND_TRIP = 0.15
DRAWN = {"sixel": rb"\x1bP0;1;0q", "kitty": rb"\x1b_Ga=T,", "": "▀".encode()}


@pytest.mark.parametrize("graphics", ["sixel", "kitty", ""])
def test_answers_that_come_late_are_answers(tmp_path: Path, graphics: str) -> None:
    run = make_runs(tmp_path)[1]
    home = tmp_path / "home"
    program = Program(app_command(run), variables(home), size=(100, 30), graphics=graphics, round_trip=ROUND_TRIP)
    try:
        program.wait(rb"1/12")
        program.wait(DRAWN[graphics])
        program.settle()
        assert b"12/12" not in program.output  # kitty's answer has a G in it, which goes to the last image
        program.type(b"/")
        program.wait(rb"Go to which image")
        program.type(b"3\r")
        program.wait(rb"3/12")  # had anything else been typed, there would be no such image
    finally:
        program.close()
