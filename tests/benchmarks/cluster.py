"""Forty tubes on a real Slurm of one node: two broken, a task killed, one cancelled, one preempted; nothing done twice.

    python -m tests.benchmarks cluster [--tubes 40] [--tasks 8]

Simulated tubes of six images; the node is started here (`tests/cluster/one_node.py`: as root, with slurm-wlm, munge).
While the array works an engine and its task get a SIGKILL, another task `scancel`, a third `scontrol requeue`, as by a
preemption. The same command is given again until nothing is left to submit. In the end every file must be as in the
folder of one job that was left alone, but for the times of writing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.cluster.one_node import CPUS, one_node, tasks, verb, wait_for, why_not
from tests.tubes import contents, small_tubes

BROKEN = 2


class Batch:
    """A list, and the verb on it, there."""

    def __init__(self, environment: dict[str, str], sheet: Path, out: Path) -> None:
        self._environment, self._sheet, self.out = environment, sheet, out

    def __call__(self, *more: object) -> tuple[float, dict[str, Any]]:
        """For how long it worked, and what it told."""
        options = ("--model", "cell-half", "--device", "cpu", "--threads", 1, "--json")
        start = time.monotonic()
        ended = verb(self._environment, "process", "--samples", self._sheet, "--out", self.out, *options, *more)
        seconds = time.monotonic() - start
        assert ended.stdout, ended.stderr
        return seconds, json.loads(ended.stdout)

    def submit(self, number: int) -> tuple[float, dict[str, Any]]:
        seconds, told = self("--on", "slurm", "--tasks", number)
        where = f"job {told['job']}, {told['tasks']} tasks" if told["submitted"] else "nothing"
        print(f"submit: {seconds:5.1f} s; {len(told['submitted']):2} tubes, {where}; before: {_some(told['totals'])}")
        return seconds, told

    def status(self, when: str) -> dict[str, Any]:
        told = self("--status")[1]
        print(f"status: {when}: {_some(told['totals'])}")
        return told


def _some(totals: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in totals.items() if number)


def _trouble(environment: dict[str, str], job: str, out: Path) -> None:
    """Kills a task, cancels one and preempts one of those that run."""

    def asked(*command: str) -> None:
        subprocess.run(command, env=environment, check=True, timeout=60)

    def running() -> list[str]:
        return sorted(task for task, state in tasks(environment).items() if state == "RUNNING")

    def at_work() -> list[Path]:
        return list((out / ".job" / "leases").glob("[!.]*"))

    wait_for(lambda: len(running()) >= 3 and at_work())
    holder = json.loads(at_work()[0].read_text())
    os.kill(holder["pid"], signal.SIGKILL)  # an engine, as for want of memory
    killed, cancelled, preempted = running()[:3]
    asked("scancel", "--signal=KILL", "--full", killed)
    asked("scancel", cancelled)
    asked("scontrol", "requeue", preempted)
    print(f"trouble: engine {holder['pid']} and task {killed} killed, {cancelled} cancelled, {preempted} preempted")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="cluster", description=__doc__)
    parser.add_argument("--tubes", type=int, default=40)
    parser.add_argument("--tasks", type=int, default=8)
    given = parser.parse_args(arguments)
    if why := why_not():
        print(f"No Slurm can be started here: {why}")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="cytpix-cluster-"))
    try:
        paths = [Path(tube["path"]) for tube in small_tubes(folder, given.tubes)]
        for path in paths[:BROKEN]:
            os.truncate(path, 2000)
        sheet = folder / "list.csv"
        sheet.write_text("\n".join(map(str, paths)))
        with one_node() as environment:
            batch, start = Batch(environment, sheet, folder / "out"), time.monotonic()
            _, told = batch.submit(given.tasks)
            _trouble(environment, told["job"], batch.out)
            batch.status("at work")
            wait_for(lambda: not tasks(environment))
            batch.status("ended")
            batch.submit(given.tasks)
            wait_for(lambda: not tasks(environment))
            ended = batch.status("ended")
            print(f"{time.monotonic() - start:.0f} s in all, on {CPUS} processors in name, {os.cpu_count()} in truth")
            seconds, told = batch.submit(given.tasks)
            failed = sorted(one["sample"] for one in told["failures"])
            alone = Batch(environment, sheet, folder / "alone")
            print(f"alone: {alone()[0]:.0f} s")
        files = [
            {name: file for name, file in contents(one.out).items() if not name.startswith(".job/")}
            for one in (batch, alone)
        ]
        differing = sorted(name for name in files[0] | files[1] if files[0].get(name) != files[1].get(name))
        print(f"failed: {', '.join(failed)}; {len(files[1])} files: {', '.join(differing) or 'all equal'}")
        right = ended["totals"]["done"] == given.tubes - BROKEN and failed == sorted(p.stem for p in paths[:BROKEN])
        return not (right and seconds < 5 and not told["submitted"] and not differing)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
