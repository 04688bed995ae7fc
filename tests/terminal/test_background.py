"""The theme fits the terminal's background, where that is told; no answer, early or late, is taken for keys."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.benchmarks._pty import Program
from tests.benchmarks.terminal_bytes import app_command, make_runs, variables

LIGHT, DARK = b"48;2;250;250;247", b"48;2;18;22;27"  # the themes' backgrounds


def check_keys(program: Program) -> None:
    """Those that are typed, and no others, have come."""
    program.settle()
    program.type(b"/")
    program.wait(rb"Go to which image")
    program.type(b"3\r")
    program.wait(rb"3/12")


@pytest.mark.parametrize(
    ("background", "theme"), [(b"ffff/ffff/ffff", LIGHT), (b"1c1c/1c1c/1c1c", DARK), (b"", DARK)], ids=str
)
def test_a_plain_terminal_decides_and_its_answer_is_not_typed(tmp_path: Path, background: bytes, theme: bytes) -> None:
    run, home = make_runs(tmp_path)[1], tmp_path / "home"
    program = Program(app_command(run), variables(home), size=(100, 30), background=background, round_trip=0.1)
    try:
        program.wait(rb"1/12")
        assert theme in bytes(program.output)
        assert (DARK if theme == LIGHT else LIGHT) not in bytes(program.output)
        check_keys(program)
    finally:
        program.close()


def test_what_was_chosen_by_key_is_remembered(tmp_path: Path) -> None:
    run, home = make_runs(tmp_path)[1], tmp_path / "home"
    for before, after in ((LIGHT, DARK), (DARK, LIGHT)):
        program = Program(app_command(run), variables(home), size=(100, 30), background=b"ffff/ffff/ffff")
        try:
            program.wait(rb"1/12")
            program.settle()
            assert before in bytes(program.output)
            assert after not in bytes(program.output)
            program.type(b"\x1bOQ")  # f2
            program.wait(re.escape(after))
            program.settle()
        finally:
            program.close()


def test_a_terminal_that_answers_nothing_gets_the_dark_theme_and_its_keys(tmp_path: Path) -> None:
    run, home = make_runs(tmp_path)[1], tmp_path / "home"
    program = Program(app_command(run), variables(home), size=(100, 30), silent=True)
    try:
        program.wait(rb"Waiting for the terminal")
        program.wait(rb"1/12")
        assert DARK in bytes(program.output)
        check_keys(program)
    finally:
        program.close()


def test_tmux_tells_the_background_of_its_pane(terminal, run: Path) -> None:
    window = terminal(run, COLORTERM="truecolor")
    window._tmux("set-option", "-g", "window-style", "bg=#ffffff")
    window.wait("saved")
    time.sleep(0.5)
    shown = window._tmux("capture-pane", "-e", "-p", "-t", "app")
    assert LIGHT.decode() in shown
    assert DARK.decode() not in shown
