"""Seconds of a run's training, through the headless verbs, and its accuracy beside the plateau's.

    python -m tests.benchmarks training [--base general-full] [--kinds pombe-rich leukocytes] [--seeds 1]
        [--annotations 20] [--epochs 100] [--plateau 300]

Simulated images of 248 x 248; a preview of 200, the first 20 of the seeded selection annotated from the true labels;
`run train`, with a fifth held out and the preview re-annotated every five epochs; then more epochs up to the plateau.
Both models, the averaged last weights, are compared with the truth of 200 images of another tube at the model's size
cutoff. `epoch s` is the median of what the job says of an epoch, `all s` the wall clock from the verb to its end,
start-up included, `processor s` the job's own (Linux): on a busy machine the fairer one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks.speed import cpu_seconds
from tui_cytpix.simulate.files.layout import truth_folder

PREVIEW, TESTED, TEST_SEED = 200, 200, 600_000
MEASURES = ("count_accuracy", "centroid_f1", "foreground_iou", "ap50")


@dataclass(frozen=True)
class Trained:
    """One training up to some epoch. `measures` by name."""

    epochs: int
    epoch_s: float
    all_s: float
    processor_s: float
    measures: dict[str, float]


def verb(*arguments: object) -> str:
    """Runs one verb of ours and returns what it printed."""
    command = [sys.executable, "-m", "tui_cytpix", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)}\n{result.stderr}")
    return result.stdout


def engine_seconds(run: Path) -> float:
    """The processor's seconds of the newest training job's process so far (Linux); 0 where it is not there."""
    logs = sorted(run.glob("jobs/*-train/events.jsonl"), key=_job_number)
    try:
        started = json.loads(logs[-1].read_text().splitlines()[0])
    except (IndexError, OSError):
        return 0.0
    return cpu_seconds(started["pid"])


def _job_number(log: Path) -> int:
    return int(log.parent.name.split("-")[0])


def train_further(run: Path, epochs: int, *options: str) -> tuple[float, float]:
    """So many more epochs; the wall clock's seconds from the verb to its end, and the job's of the processor."""
    wall, used = time.monotonic(), 0.0
    command = [sys.executable, "-m", "tui_cytpix", "run", "train", str(run), "--epochs", str(epochs), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            used = max(used, engine_seconds(run))
            time.sleep(0.2)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\n{process.stderr.read() if process.stderr else ''}")
    return time.monotonic() - wall, used


def train(run: Path, epochs: int, test: Path) -> Trained:
    """Trains on, up to so many epochs in all, and compares the model with the test tube's truth."""
    before = epoch_lines(run)
    wall, used = train_further(run, epochs - len(before))
    lines = epoch_lines(run)[len(before) :]
    verb("run", "finish", run, "--name", f"{run.name}-{epochs}", "--checkpoint", "last")
    model, truth = run / "model.safetensors", truth_folder(test)
    told = json.loads(verb("compare", test, "--model", model, "--truth", truth, "--um-per-px", 0.3, "--json"))["models"]
    seconds = float(np.median([line["seconds"] for line in lines]))
    return Trained(epochs, seconds, wall, used, {name: told[0][name] for name in MEASURES})


def epoch_lines(run: Path) -> list[dict[str, float]]:
    """What the run's training jobs said of their epochs, each epoch once."""
    found: dict[float, dict[str, float]] = {}
    for log in sorted(run.glob("jobs/*-train/events.jsonl"), key=_job_number):
        for text in log.read_text().splitlines():
            line = json.loads(text)
            if line["type"] == "epoch":
                found.setdefault(line["epoch"], line)
    return list(found.values())


def simulate(kind: str, out: Path, images: int, seed: int) -> None:
    """A folder of images, and one of label images beside it."""
    verb("simulate", kind, "--out", out, "--images", images, "--layout", "folder", "--seed", seed)


def annotated_run(run: Path, sample: Path, base: str, seed: int, annotations: int) -> None:
    """A run on a simulated sample, so many of its preview images annotated from the true labels."""
    verb("run", "new", run, "--sample", sample, "--base", base, "--seed", seed, "--um-per-px", 0.3)
    verb("run", "select", run, "--preview", PREVIEW)
    chosen = tomllib.loads((run / "run.toml").read_text())["selection"]
    events = [key.partition(":")[2] for key in [*chosen["random"], *chosen["variable"]]]
    random.Random(seed).shuffle(events)
    verb("run", "annotate", run, "--from-masks", truth_folder(sample), "--only", *events[:annotations])


def tell(folder: Path, kind: str, seed: int, given: argparse.Namespace) -> list[Trained]:
    """One run: to the epochs of a usual training, then to the plateau."""
    sample, run = folder / f"{kind}-{seed}", folder / f"run-{kind}-{seed}"
    test = folder / f"{kind}-test"
    if not test.exists():
        simulate(kind, test, TESTED, TEST_SEED)
    simulate(kind, sample, PREVIEW, TEST_SEED + 1 + seed)
    annotated_run(run, sample, given.base, seed, given.annotations)
    return [train(run, epochs, test) for epochs in (given.epochs, given.plateau)]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="general-full", help="built-in model or model file")
    parser.add_argument("--kinds", nargs="+", default=["pombe-rich", "leukocytes"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--annotations", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--plateau", type=int, default=300)
    given = parser.parse_args(arguments)
    names = ["kind, base", "epochs", "epoch s", "all s", "processor s", *MEASURES]
    print(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}", flush=True)
    with tempfile.TemporaryDirectory() as aside:
        os.environ["XDG_DATA_HOME"] = aside
        for kind in given.kinds:
            told = [tell(Path(aside), kind, seed, given) for seed in range(given.seeds)]
            for results in zip(*told, strict=True):
                print(line(f"{kind}, {Path(given.base).stem}", results), flush=True)
            print(difference(kind, told), flush=True)
    return 0


def line(name: str, results: tuple[Trained, ...]) -> str:
    """A row of the table: means over the seeds."""
    seconds = [np.mean([getattr(r, what) for r in results]) for what in ("epoch_s", "all_s", "processor_s")]
    shown = [f"{seconds[0]:.2f}", *(f"{s:.0f}" for s in seconds[1:])]
    measures = [f"{np.mean([r.measures[name] for r in results]):.3f}" for name in MEASURES]
    return f"| {name} | {results[0].epochs} | {' | '.join([*shown, *measures])} |"


def difference(kind: str, told: list[list[Trained]]) -> str:
    """The first training's measures less the plateau's."""
    less = [f"{np.mean([usual.measures[m] - plateau.measures[m] for usual, plateau in told]):+.3f}" for m in MEASURES]
    return f"| {kind}, less the plateau | | | | | {' | '.join(less)} |"
