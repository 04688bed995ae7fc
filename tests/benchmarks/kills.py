"""Kills the app, the trainer, or both, at random moments, and looks for what was lost.

    python -m tests.benchmarks kills [--kills 50] [--seed 0]
    python -m tests.benchmarks kills --points 1000    at write points of every verb and of the app: as `full_disks`

One run in a real terminal: images are accepted by keys and training is started by keys, again and again, with SIGKILL
in between. After each kill everything on disk is read by those who read it in earnest: no annotation that was shown as
saved may be missing, no epoch but the one under way, no file may be half written, and the curve may have no gap.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import full_disks
from tests.children import end_engines
from tests.terminal.terminals import Terminal, command, environment, until
from tui_cytpix.domain.jobs.training import JobState, TrainingStatus
from tui_cytpix.engine.train.checkpoints import read_state
from tui_cytpix.formats.model.file import read_tensors
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.json_log import read_log
from tui_cytpix.formats.run.predictions import read_shard
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train.watch import TrainingWatch

IMAGES, BASE = 160, "cell-half"
VICTIMS = ("app", "trainer", "both")
LONGEST_WAIT = 3.0


@dataclass
class Story:
    """A run that is killed and goes on. `losses` are sentences: empty is good."""

    run: Path
    variables: dict[str, str]
    seed: int
    losses: list[str] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    saved: int = 0
    told: dict[int, float] = field(default_factory=dict)
    window: Terminal | None = None

    def tell(self, kills: int) -> None:
        """So many kills, each followed by a look at the disk."""
        rng = random.Random(self.seed)
        self.saved = self.accepted()
        try:
            for number in range(1, kills + 1):
                self._kill(number, rng)
        finally:
            self._close()

    def _kill(self, number: int, rng: random.Random) -> None:
        victim = rng.choice(VICTIMS)
        window = self._open()
        self._train(window)
        self._accept(window, hastily=rng.random() < 0.5)
        time.sleep(rng.uniform(0, LONGEST_WAIT))
        epochs = {e.epoch: e.va for e in self.status().epochs}
        pid, app = self.trainer(), window.pid
        if victim != "trainer":
            window.kill(signal.SIGKILL)
        if victim != "app" and pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.killed[victim] += 1
        if victim != "trainer":
            until(lambda: is_dead(app), lambda: f"process {app} survives SIGKILL")
            self._close()
        if victim != "app":
            until(lambda: self.status().state is not JobState.RUNNING, lambda: f"{self.status()}")
        self.told |= epochs
        self.losses += [f"kill {number} ({victim}): {loss}" for loss in self.look()]

    # In the terminal

    def _open(self) -> Terminal:
        if self.window is None:
            self.window = Terminal(self.run.parent, self.variables, self.run, size=(100, 30))
            self.window.wait(r"\d+ annotated: ")
        return self.window

    def _close(self) -> None:
        if self.window is not None:
            self.window.close()
            self.window = None

    def _train(self, window: Terminal) -> None:
        """Starts it, or lets it go on, where it is not at work."""
        if self.status().live:
            return
        window.wait_gone(r"● \d+/\d+")
        window.press("*")
        window.wait("Leave it")
        window.press("p")
        if not self.status().epochs:
            window.answer("Train how many epochs", "9999")
        before = len(self.status().epochs)
        until(lambda: len(self.status().epochs) > before, lambda: f"{window.screen()}\n{self.status()}")

    def _accept(self, window: Terminal, *, hastily: bool) -> None:
        """One image more, seen saved; with `hastily` another one that may or may not get there."""
        if "Accept" not in window.told():
            window.press("a")
        window.wait(rf"{self.saved} annotated ✓", r"\d particles?")
        while f"{self.saved + 1} annotated ✓" not in window.told():  # of what is annotated already it takes its leave
            place = self._place(window)
            window.decide("a")
            until(lambda place=place: self._place(window) not in ("", place), window.screen)
        self.saved += 1
        window.wait(" saved ", r"\d particles?")
        if hastily:
            window.decide("a")
        else:
            window.press("q")
            window.wait(r"\d+ annotated: ")

    @staticmethod
    def _place(window: Terminal) -> str:
        found = re.search(r"· (\d+)/\d+", window.told())
        return found[1] if found else ""

    # On disk

    def status(self) -> TrainingStatus:
        return TrainingWatch(RunFolder(self.run)).poll()

    def accepted(self) -> int:
        with Run.open(self.run, writing=False) as run:
            return len(run.annotations.accepted())

    def trainer(self) -> int:
        """The trainer's process; 0 where there is none."""
        with contextlib.suppress(StopIteration):
            events, _ = read_log(Path(self.status().job) / "events.jsonl")
            return next(int(e["pid"]) for e in events if e["type"] == "started")
        return 0

    def look(self) -> list[str]:
        """What is lost or broken, in sentences."""
        found = []
        with Run.open(self.run, writing=False) as run:
            accepted, damaged = len(run.annotations.accepted()), run.damaged_lines
        if not self.saved <= accepted <= self.saved + 1:
            found.append(f"{self.saved} annotations were shown as saved, {accepted} are there")
        self.saved = accepted
        if damaged:
            found.append(f"{damaged} damaged lines")
        curve = {e.epoch: e.va for e in self.status().epochs}
        if sorted(curve) != list(range(1, len(curve) + 1)):
            found.append(f"the curve has a gap: {sorted(curve)}")
        lost = sorted(set(self.told) - set(curve))
        if lost:
            found.append(f"epochs {lost} are gone")
        changed = [n for n, va in self.told.items() if n in curve and curve[n] != va]
        if changed:
            found.append(f"epochs {changed} were told otherwise before")
        state = self.run / "checkpoints" / "last.npz"
        if state.exists() and self.told:
            kept = read_state(state)[1].pending.epoch.epoch
            if kept < max(self.told):
                found.append(f"epoch {max(self.told)} was told, {kept} is saved")
        return found + self.half_written()

    def half_written(self) -> list[str]:
        """Files that carry their final name and can't be read whole."""
        found = []
        for path in sorted(p for p in self.run.rglob("*") if p.is_file() and not p.name.endswith(".part")):
            try:
                if path.suffix == ".safetensors":
                    read_tensors(path)
                elif path.suffix == ".npz" and path.parent.name == "checkpoints":
                    read_state(path)
                elif path.suffix == ".npz" and path.parent.name != "preview":
                    read_shard(path)
                elif path.suffix == ".jsonl" and read_log(path)[1]:
                    found.append(f"{path}: damaged lines")
                elif path.name == "run.toml":
                    RunFolder(self.run).read_settings()
            except Exception as error:  # whatever it is, it is a loss
                found.append(f"{path}: {error}")
        return found


def is_dead(pid: int) -> bool:
    """Gone, or only not yet asked for its end by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def prepare(folder: Path) -> tuple[Path, dict[str, str]]:
    """A run with ten annotations and 160 preview images, and the environment that it lives in."""
    variables = environment(folder / "home")

    def verb(*arguments: object) -> None:
        subprocess.run(command(*arguments), env=variables, check=True, capture_output=True)

    tube, run = folder / "tube.acs", folder / "r"
    verb("simulate", "pombe-edinburgh", "--out", tube, "--images", IMAGES)
    truth = Path(f"{tube}.truth")
    verb("run", "new", run, "--sample", tube, "--base", BASE, "--preview", IMAGES)
    verb("run", "select", run)
    chosen = re.findall(r'"tube:(\d+)"', (run / "run.toml").read_text())
    verb("run", "annotate", run, "--from-masks", truth, "--only", *chosen[:10])
    return run, variables


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--points", type=int)
    given, others = parser.parse_known_args(arguments)
    if given.points is not None:
        return full_disks.main(["--fault", "kill", "--tries", str(given.points), "--seed", str(given.seed), *others])
    if others:
        parser.error(f"{' '.join(others)}: only with --points")
    folder = Path(tempfile.mkdtemp(prefix="cytpix-kills-"))
    try:
        story = Story(*prepare(folder), given.seed)
        try:
            story.tell(given.kills)
        finally:
            end_engines(story.run)
        sizes = sum(p.stat().st_size for p in story.run.rglob("*") if p.is_file()) / 1e6
        left = len(list(story.run.rglob("*.part")))
        print(f"{sum(story.killed.values())} kills: {json.dumps(story.killed)}")
        print(
            f"{story.saved} annotations, {len(story.status().epochs)} epochs over "
            f"{len(list(story.run.glob('jobs/*-train')))} jobs, run of {sizes:.1f} MB, {left} leftover .part files"
        )
        print("\n".join(story.losses) or "nothing was lost")
        return bool(story.losses)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
