"""What share of one core the app takes while it watches training, on each of three screens.

    python -m tests.benchmarks watching [--seconds 60]

The app runs in a real terminal of 160 x 48; the processor's seconds are the app's own (Linux), so a busy machine does
not matter much. The last row is the app at rest.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from tests.benchmarks.kills import prepare
from tests.children import end_engines
from tests.terminal.terminals import Terminal, until
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.workflow.train.watch import TrainingWatch

SETTLE_SECONDS = 8.0


def processor_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share(window: Terminal, seconds: float) -> float:
    """Of one core, from now on."""
    time.sleep(SETTLE_SECONDS)
    before, since = processor_seconds(window.pid), time.monotonic()
    time.sleep(seconds)
    return (processor_seconds(window.pid) - before) / (time.monotonic() - since)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="watching", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args(arguments).seconds
    folder = Path(tempfile.mkdtemp(prefix="cytpix-watching-"))
    run, variables = prepare(folder)
    watch = TrainingWatch(RunFolder(run))
    window = Terminal(folder, variables, run, size=(160, 48))
    try:
        window.wait("10 annotated: ")
        window.press("*")
        window.wait("Leave it")
        window.press("p")
        window.answer("Train how many epochs", "9999")
        until(lambda: watch.poll().epochs, window.screen)
        first, since = len(watch.poll().epochs), time.monotonic()
        print(f"step 4, in training: {share(window, seconds):.1%} of a core")
        pace = (len(watch.poll().epochs) - first) / (time.monotonic() - since)
        window.press(",")
        window.wait("Samples", "Images are selected")
        print(f"step 3, in training: {share(window, seconds):.1%}")
        window.press(".")
        window.wait("10 annotated: ")
        window.press("a")
        window.wait(r"\d particles?")
        print(f"the editor, in training: {share(window, seconds):.1%}")
        window.press("q")
        window.wait("10 annotated: ")
        window.press("*")
        window.wait("Leave it")
        window.press("s")
        window.wait("Stop training after")
        window.press("y")
        until(lambda: watch.poll().state is JobState.STOPPED, window.screen)
        print(f"step 4, at rest: {share(window, seconds):.1%}")
        print(f"{pace:.1f} epochs a second, {len(watch.poll().epochs)} in all")
    finally:
        window.close()
        end_engines(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return 0
