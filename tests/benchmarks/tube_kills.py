"""Kills a process job and its workers at random moments, starts it again, and compares with one that nobody killed.

    python -m tests.benchmarks tube_kills [--kills 20] [--tubes 10] [--seed 0]

Ten simulated tubes of six images. Each kill is a SIGKILL to the job's whole process group, some time after it began to
work; then the same job is started again, as a scheduler would. In the end every file must be as in the folder of the
job that was left alone, but for the times of writing, and no temporary file may be left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests import job_files
from tests.tubes import contents, small_tubes
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.workflow.base_model.library import find

ROOT = Path(__file__).resolve().parents[2]
LONGEST_WAIT = 900.0


class Batch:
    """A job on tubes into a folder, again and again; `jobs` so many were started."""

    def __init__(self, out: Path, spec: dict[str, Any]) -> None:
        self.out, self._spec, self.jobs = out, {**spec, "kind": "process", "out": str(out)}, 0

    def start(self) -> tuple[subprocess.Popen[bytes], JobFolder]:
        self.jobs += 1
        job = job_files.create(self.out / ".job" / f"{self.jobs}-process", self._spec)
        command = [sys.executable, "-P", "-m", "tui_cytpix.engine", str(job.path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, start_new_session=True, env=environment), job

    def run(self) -> dict[str, float]:
        """To its end; returns when its events were, by their types."""
        engine, job = self.start()
        assert engine.wait(LONGEST_WAIT) == 0
        events = {event["type"]: event["time"] for event in job_files.events(job)}
        assert "finished" in events, events
        return events

    def records(self) -> list[Path]:
        return list(self.out.glob("t*.process.json"))

    def kill(self, after: float) -> int:
        """Starts it, kills it so long after it began to work, and returns how many tubes are done."""
        engine, job = self.start()
        try:
            limit = time.monotonic() + LONGEST_WAIT
            while not _began(job) and engine.poll() is None and time.monotonic() < limit:
                time.sleep(0.01)
            with contextlib.suppress(subprocess.TimeoutExpired):
                engine.wait(after)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(engine.pid, signal.SIGKILL)
            engine.wait(LONGEST_WAIT)
        return len(self.records())


def _began(job: JobFolder) -> bool:
    return any(event["type"] == "started" for event in job_files.events(job))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tube_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--tubes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    rng, folder = random.Random(given.seed), Path(tempfile.mkdtemp(prefix="cytpix-tube-kills-"))
    try:
        model = find("cell-half")
        tubes = small_tubes(folder, given.tubes)
        spec = {"samples": tubes, "model": model.path, "device": "cpu", "threads": 1}
        alone, killed = Batch(folder / "alone", spec), Batch(folder / "killed", spec)
        began = alone.run()["started"]
        records = sorted(path.stat().st_mtime for path in alone.records())
        each = (records[-1] - records[0]) / (given.tubes - 1)
        done: Counter[int] = Counter()
        for _ in range(given.kills):
            after = rng.uniform(0, records[0] - began + each)  # few tubes at a time: the last kills, too, find work
            done[killed.kill(after)] += 1
        killed.run()
        wanted, found = contents(alone.out), contents(killed.out)
        differing = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
        print(f"{given.kills} kills; records after each: {sorted(done.elements())} of {given.tubes}")
        print(f"{len(wanted)} files; {', '.join(differing) or 'all equal but for the times of writing'}")
        return bool(differing)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
