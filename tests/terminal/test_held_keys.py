"""A held key in a real terminal decides one image; a key that comes before its image is written decides none."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from terminals import until

from tests.benchmarks._pty import Program
from tests.benchmarks.terminal_bytes import app_command, make_runs, variables
from tui_cytpix.domain.annotation import Status
from tui_cytpix.workflow.run.run import Run

HOLDS = 5  # tries until a busy machine has sent the repeats evenly


def statuses(run: Path) -> list[Status]:
    with Run.open(run, writing=False) as opened:
        return [opened.annotations.state(key).status for key in opened.settings.selection.images]


@pytest.mark.slow
def test_a_hold_and_a_burst_accept_one_image_each(terminal, run):
    shutil.rmtree(run / "predictions")  # asked for anew, while the key is held
    window = terminal(run)
    window.wait("10 annotated: 8 train")
    window.press("a")
    window.wait("10 annotated", r"column \d+", r"\d particles?,")
    others = 10 - statuses(run).count(Status.ACCEPTED)  # annotated, and not selected
    even = False
    for _ in range(HOLDS):
        time.sleep(1.5)  # the `a` before is long gone
        before = statuses(run).count(Status.ACCEPTED)
        even = window.hold("a", 3.0)
        until(lambda before=before: statuses(run).count(Status.ACCEPTED) > before, window.screen)
        if even:
            break
    assert even, "the machine is too busy to hold a key"
    window.wait(f"{others + before + 1} annotated ✓")
    time.sleep(1.5)
    window.press("-N 30 a")
    window.wait(f"{others + before + 2} annotated ✓", " saved ")
    time.sleep(1.0)
    window.wait(f"{others + before + 2} annotated ✓", " saved ")
    assert statuses(run).count(Status.ACCEPTED) == before + 2


def test_on_a_link_that_has_stopped_nothing_more_is_decided(tmp_path):
    run = make_runs(tmp_path)[1]
    program = Program(app_command(run), variables(tmp_path / "home"), size=(160, 50))
    try:
        program.wait(rb"1/12")
        program.settle()
        program.type(b"a")
        program.wait(rb"column \d+")
        program.settle(quiet=1.5)
        program.reading.clear()
        program.type(b"a")
        time.sleep(1.0)
        program.type(b"x")  # the second image is on its way since long, but not here
        time.sleep(0.5)
        program.reading.set()
        program.wait(rb"x came before the image was drawn")
        program.settle()
        program.type(b"I")
        program.wait(rb"indistinguishable\.")
        program.settle()
    finally:
        program.close()
    assert statuses(run)[:3] == [Status.ACCEPTED, Status.AMBIGUOUS, Status.OPEN]
