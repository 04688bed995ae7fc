"""Milliseconds from a key to its picture, in the gallery and the editor, at rest and while a training job works beside.

    python -m tests.benchmarks key_paint [--size 160x50] [--presses 150] [--graphics sixel]

A key counts until the last byte of its frame has come through a pseudo-terminal. Rest and training alternate in
blocks, so that whatever else the machine does weighs on both; "cpu" is the app's own processor time for a key, on which
that weighs little.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks._pty import Program, terminal_size
from tests.benchmarks.kills import prepare
from tests.benchmarks.terminal_bytes import app_command, variables
from tests.children import end_engines
from tests.terminal.terminals import until
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.workflow.train.watch import TrainingWatch

BAR_MS = 30.0
BLOCKS = 3  # of each state, for each kind of key
EPOCHS = b"\x15" + b"9999\r"  # in place of what is offered
PAUSES_S = (0.04, 0.12)  # between keys, evenly at random
FRAME_END = b"\x1b[?2026l"
TOO_LONG_S = 5.0
HEAD = "ms                rest p50    p95 train p50    p95 ratio p50    p95  rest cpu  train"
KEYS = {
    "gallery": (b"l", b"h", b"j", b"k"),
    "editor": (b"l", b"j", b"h", b"k"),
    "editor, 8 px": (b"L", b"J", b"H", b"K"),
    "editor, outline": (b"t", b"T"),
}


def latency_ms(program: Program, key: bytes) -> float:
    """Until the frame that follows the key is complete; NaN where none comes."""
    begin, since = len(program.output), time.monotonic()
    program.type(key)
    while FRAME_END not in program.output[begin:]:
        if time.monotonic() - since > TOO_LONG_S:
            return float("nan")
        time.sleep(0.0005)
    return (program.times[-1][0] - since) * 1e3


def block(
    program: Program, keys: tuple[bytes, ...], presses: int, rng: np.random.Generator
) -> tuple[list[float], float]:
    """(ms of each key, ms of the app's processor time a key)."""
    cpu, found = program.cpu_ms(), []
    for number in range(presses):
        found.append(latency_ms(program, keys[number % len(keys)]))
        time.sleep(rng.uniform(*PAUSES_S))
    return found, (program.cpu_ms() - cpu) / presses


class Bench:
    """The app on a run at step 4, in a pseudo-terminal; training starts, pauses and goes on by its keys."""

    def __init__(self, run: Path, program: Program) -> None:
        self.program, self._watch = program, TrainingWatch(RunFolder(run))
        self._rng = np.random.default_rng(0)

    def begin_training(self) -> None:
        """Until the first epochs are done."""
        self.program.type(b"*p")
        self.program.wait(rb"Train how many epochs")
        self.program.type(EPOCHS)
        until(lambda: len(self._watch.poll().epochs) > 1, lambda: "training never began")

    def train(self, *, on: bool) -> None:
        """Until it is so."""
        if (self._watch.poll().state is JobState.RUNNING) is not on:
            self.program.type(b"*p")
            wanted = JobState.RUNNING if on else JobState.PAUSED
            until(lambda: self._watch.poll().state is wanted, lambda: f"training is never {wanted}")
        self.program.settle(time.monotonic())

    def compare(self, name: str, presses: int) -> str:
        """One line of the table."""
        found: dict[bool, list[float]] = {False: [], True: []}
        cpu: dict[bool, list[float]] = {False: [], True: []}
        for number in range(2 * BLOCKS):
            training = number % 2 == 1
            self.train(on=training)
            times, used = block(self.program, KEYS[name], presses // BLOCKS, self._rng)
            found[training] += times
            cpu[training].append(used)
        rest, busy = (np.nanpercentile(found[state], [50, 95]) for state in (False, True))
        lost = sum(int(np.isnan(found[state]).sum()) for state in found)
        verdict = "ok" if busy[1] < BAR_MS else "MISSED"
        return (
            f"{name:16} {rest[0]:9.1f} {rest[1]:6.1f} {busy[0]:9.1f} {busy[1]:6.1f} {busy[0] / rest[0]:9.2f} "
            f"{busy[1] / rest[1]:6.2f} {np.mean(cpu[False]):9.1f} {np.mean(cpu[True]):6.1f}  bar {BAR_MS:.0f} {verdict}"
            + (f"  {lost} keys changed nothing" if lost else "")
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="key_paint", description=__doc__)
    parser.add_argument("--size", type=terminal_size, default="160x50")
    parser.add_argument("--presses", type=int, default=150, help="of each kind, at rest and in training")
    parser.add_argument("--graphics", choices=["sixel", "kitty"], default="")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="cytpix-key-paint-"))
    run, _ = prepare(folder)
    program = Program(app_command(run), variables(folder / "home"), size=given.size, graphics=given.graphics)
    try:
        program.wait(rb"10 annotated: ")
        bench = Bench(run, program)
        bench.begin_training()
        print(HEAD)
        for name in KEYS:
            if name == "editor":
                program.type(b"a")
                program.wait(rb"\d particles?")
                program.settle(time.monotonic())
            print(bench.compare(name, given.presses), flush=True)
    finally:
        program.close()
        end_engines(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return 0
