"""Seconds of a real training job, and how near its accuracy comes to that of three times as many epochs.

    python -m tests.benchmarks training [--base general-full] [--kind pombe-rich] [--annotations 20] [--epochs 100]
        [--plateau 300] [--preview 200] [--tested 100] [--seed 0]

A simulated tube of 248x248 images, the preview chosen by the run and counted again every five epochs, the first
`annotations` of a seeded shuffle of it annotated with the truth, a fifth of them held out; all by the headless verbs,
on the CPU. Accuracy is on another tube. Seconds are from the start of the verb to the end of the job, torch's loading
included; CPU seconds are those of the job as last seen, which a busy machine hardly lengthens; an epoch is its training
and its look at the annotated images, median over all, in wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks._fitting import model_path

ROOT = Path(__file__).resolve().parents[2]
MEASURES = ("count_accuracy", "centroid_f1", "foreground_iou", "ap50")


@dataclass(frozen=True)
class Pace:
    """Of one job."""

    seconds: float
    cpu_seconds: float
    epoch_seconds: float


class Program:
    """The headless verbs, in processes and with folders of their own."""

    def __init__(self, home: Path) -> None:
        names = ("DATA", "CONFIG", "STATE", "CACHE")
        self._environment = os.environ | {f"XDG_{name}_HOME": str(home / name.lower()) for name in names}
        self._environment |= {"PYTHONPATH": str(ROOT)}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Runs a verb; what it says on stderr shows only where it fails."""
        return subprocess.Popen(
            [sys.executable, "-m", "tui_cytpix", *map(str, arguments)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: object) -> dict[str, Any]:
        process = self.start(*arguments, "--json")
        out, errors = process.communicate()
        if process.returncode:
            raise SystemExit(f"{arguments[:2]} failed:\n{errors}")
        return dict(json.loads(out))


def train(program: Program, run: Path, epochs: int) -> Pace:
    """One job of so many epochs more."""
    start = time.perf_counter()
    before = set(run.glob("jobs/*-train"))
    process, cpu = program.start("run", "train", run, "--epochs", epochs, "--device", "cpu", "--json"), 0.0
    while True:
        try:
            _, errors = process.communicate(timeout=0.25)
        except subprocess.TimeoutExpired:
            cpu = _cpu_seconds(set(run.glob("jobs/*-train")) - before) or cpu
            continue
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(f"training failed:\n{errors}")
        (job,) = set(run.glob("jobs/*-train")) - before
        return Pace(seconds, cpu, float(np.median([e["seconds"] for e in _events(job) if e["type"] == "epoch"])))


def _events(job: Path) -> list[dict[str, Any]]:
    path = job / "events.jsonl"
    lines = path.read_text().splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def _cpu_seconds(jobs: set[Path]) -> float:
    """Of the job's process so far, in user and system mode; 0 where it has no process."""
    for job in jobs:
        for event in _events(job)[:1]:
            stat = Path(f"/proc/{event['pid']}/stat")
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                return 0.0
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def accuracy(program: Program, sample: dict[str, Any], model: Path) -> str:
    """Cells of the table."""
    scale = ("--um-per-px", sample["um_per_px"])
    found = program("compare", sample["path"], "--model", model, "--truth", sample["truth"], *scale)["models"][0]
    return " | ".join(f"{found[name]:.3f}" for name in MEASURES)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="training", description=__doc__)
    parser.add_argument("--base", default="general-full")
    parser.add_argument("--kind", default="pombe-rich")
    for name, default in (("annotations", 20), ("epochs", 100), ("plateau", 300), ("preview", 200), ("tested", 100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(aside)
        program, run, base = Program(folder), folder / "run", model_path(given.base)
        trained, tested = (
            program("simulate", given.kind, "--out", folder / name, "--images", n, "--layout", "folder", "--seed", seed)
            for name, n, seed in (("tube", given.preview, given.seed), ("other", given.tested, given.seed + 1000))
        )
        scale = ("--um-per-px", trained["um_per_px"])
        samples = ("--sample", trained["path"], "--base", base, "--preview", given.preview, "--seed", given.seed)
        program("run", "new", run, *samples, *scale)
        chosen = program("run", "select", run)
        events = [key.rpartition(":")[2] for key in (*chosen["random"], *chosen["variable"])]
        np.random.default_rng(given.seed).shuffle(events)
        program("run", "annotate", run, "--from-masks", trained["truth"], "--only", *events[: given.annotations])
        columns = ("model, epochs", "seconds", "CPU s", "an epoch, s", *MEASURES)
        print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)
        print(f"| {base.stem}, 0 | | | | {accuracy(program, tested, base)} |", flush=True)
        for more, total in ((given.epochs, given.epochs), (given.plateau - given.epochs, given.plateau)):
            pace = train(program, run, more)
            cells = accuracy(program, tested, run / "checkpoints" / "last.safetensors")
            times = f"{pace.seconds:.1f} | {pace.cpu_seconds:.1f} | {pace.epoch_seconds:.2f}"
            print(f"| trained, {total} ({more} timed) | {times} | {cells} |", flush=True)
    return 0
