"""StarDist and Cellpose 3, trained from scratch on the crops that `accuracy` trains on, for its results file.

    python -m venv PEERS && PEERS/bin/pip install '.[bench]'
    python -m tests.benchmarks peers --python PEERS/bin/python --results FILE [--peers stardist cellpose]
        [--sets yeast pombe] [--annotations 20] [--seeds 0 1] [--cpu-seconds stardist=300 cellpose=720] [--frames 30]
    python -m tests.benchmarks accuracy --results FILE --annotations 20 --paired general-full stardist

They live in an environment of their own, as TensorFlow and Cellpose ask for other versions of what we use; no weights
are downloaded. How each is trained, and where that departs from its defaults: `_peer_worker`. Seconds are of the CPU on
one thread. A peer's label image is its mask, and its labels' centres are the centroids. Speed: whole simulated frames
of leukocytes, 248x248, with the network and all that follows it, beside our models on the same frames.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from tests.benchmarks._cells import REAL, Fold, folds, load
from tests.benchmarks._fitting import Fitted, compared
from tests.benchmarks._results import Key, Result, Results, header, row
from tests.benchmarks.speed import UM_PER_PX, best
from tui_cytpix.core.images.background import static_background
from tui_cytpix.core.objects import regions
from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.statistics.agreement import Counts, ap50_counts
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.workflow.base_model.library import find

WORKER = Path(__file__).with_name("_peer_worker.py")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
OURS = ("cell-half", "cell-full")
CPU_SECONDS = {"stardist": 300.0, "cellpose": 720.0}


def installed_version(python: str, peer: str) -> str:
    """The peer's version in the other environment."""
    code = f"from importlib.metadata import version; print(version({peer!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def measure(
    key: Key, python: str, cpu_seconds: float, frames: Sequence[np.ndarray]
) -> tuple[Result, list[str], list[float]]:
    """One peer on one set with one seed; for each fold a table's line on how its training went, and its frames/s."""
    every = folds(load(key.data), key.annotations, key.seed)
    found = [_answered(key, fold, python, cpu_seconds, frames) for fold in every]
    names, comparisons = [], []
    for fold, answers in zip(every, found, strict=True):
        labels = [answers[f"labels_{k}"] for k in range(len(fold.test))]
        fitted = Fitted([_segmentation(one) for one in labels], 0.0, 0.0)
        names += [crop.name for crop in fold.test]
        comparisons += [
            replace(comparison, particles=_own_masks(crop.labels, own))
            for comparison, crop, own in zip(compared(fitted, fold.test), fold.test, labels, strict=True)
        ]
    training, answering = ([float(one[name]) for one in found] for name in ("training_s", "answering_s"))
    result = Result(key, names, comparisons, float(np.mean(training)), sum(answering))
    lines = [_line(key, one, len(fold.test)) for fold, one in zip(every, found, strict=True)]
    return result, lines, [float(one["frames_per_s"]) for one in found]


def own_rate(model: str, frames: Sequence[np.ndarray]) -> float:
    """Frames a second of our model's, of this thread's CPU: normalised, through the network, to masks and centroids."""
    predictor, background = Predictor(load_model(Path(find(model).path))), static_background(np.stack(frames))
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    images = [(frame, background) for frame in frames]
    predictor.predict(images, UM_PER_PX)  # the first time the network is prepared for sizes
    return len(frames) / best(lambda: predictor.predict(images, UM_PER_PX))


def ratios(rates: Mapping[str, Sequence[float]], frames: Sequence[np.ndarray]) -> Iterator[str]:
    """A table's lines: our models beside the peers, on the same frames; of a peer the best of its folds."""
    columns = ["frames/s of one thread's CPU", *(f"x {peer}" for peer in rates)]
    yield f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}"
    for model in OURS:
        rate = own_rate(model, frames)
        yield f"| {model} {rate:.1f} | {' | '.join(f'{rate / max(found):.1f}' for found in rates.values())} |"
    for peer, found in rates.items():
        yield f"| {peer} {max(found):.2f} |{' |' * len(rates)}"


def _answered(
    key: Key, fold: Fold, python: str, cpu_seconds: float, frames: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """What the other interpreter tells of one fold."""
    arrays = {f"train_image_{k}": crop.image for k, crop in enumerate(fold.annotated)}
    arrays |= {f"train_labels_{k}": crop.labels for k, crop in enumerate(fold.annotated)}
    arrays |= {f"test_image_{k}": crop.image for k, crop in enumerate(fold.test)}
    arrays |= {f"frame_{k}": frame for k, frame in enumerate(frames)}
    with tempfile.TemporaryDirectory() as aside:
        given, out = Path(aside) / "given.npz", Path(aside) / "out.npz"
        np.savez(given, **arrays)
        options = ["--seed", str(key.seed), "--cpu-seconds", str(cpu_seconds)]
        command = [python, WORKER, key.model, given, out, *options]
        with (Path(aside) / "log").open("w+") as log:
            done = subprocess.run(command, stdout=log, stderr=log, check=False, env=os.environ | ONE_THREAD)
            if done.returncode:
                log.seek(0)
                raise SystemExit(f"{key.model} failed:\n{log.read()[-4000:]}")
        with np.load(out) as data:
            return dict(data)


def _own_masks(truth: np.ndarray, labels: np.ndarray) -> Counts:
    """AP50's matches of the peer's own particle masks, not of a watershed from their centres."""
    numbers, values = regions.compact(labels)
    return ap50_counts(truth, numbers, len(values))


def _segmentation(labels: np.ndarray) -> Segmentation:
    return Segmentation(labels > 0, centres(labels))


def _line(key: Key, found: dict[str, np.ndarray], tested: int) -> str:
    losses = found["losses"]
    places = " ".join(f"{losses[k]:.3f}" for k in np.linspace(0, len(losses) - 1, 6).astype(int))
    return (
        f"| {key.data}, {key.annotations}, {key.model} {key.identity} | {key.seed} | {len(losses)} | {found['steps']} "
        f"| {found['ended']} | {places} | {np.argmin(losses) + 1}: {losses.min():.3f} | {found['training_s']:.0f} "
        f"| {tested / found['answering_s']:.1f} | {found['frames_per_s']:.2f} |"
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="peers", description=__doc__)
    parser.add_argument("--python", required=True, help="interpreter of the environment with the peers")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--peers", nargs="+", choices=list(CPU_SECONDS), default=list(CPU_SECONDS))
    parser.add_argument("--sets", nargs="+", choices=list(REAL), default=["yeast", "pombe"])
    parser.add_argument("--annotations", type=int, default=20)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--cpu-seconds", nargs="+", default=[], metavar="PEER=SECONDS")
    parser.add_argument("--frames", type=int, default=30)
    given = parser.parse_args(arguments)
    limits = CPU_SECONDS | {peer: float(s) for peer, s in (text.split("=") for text in given.cpu_seconds)}
    versions = {peer: installed_version(given.python, peer) for peer in given.peers}
    results = Results(given.results)
    frames = [crop.image for crop in load("sim:leukocytes")[: given.frames]]
    columns = (
        "peer | seed | epochs | steps | ended by | losses along the way | best | training CPU s | crops/s | frames/s"
    )
    print(f"| {columns} |\n|{' --- |' * 10}", flush=True)
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for data in given.sets:
        for peer in given.peers:
            for seed in given.seeds:
                key = Key(peer, versions[peer], data, given.annotations, seed)
                if key not in results.found:
                    result, lines, found = measure(key, given.python, limits[peer], frames)
                    results.add(result)
                    rates[f"{peer} {versions[peer]}"] += found
                    print("\n".join(lines), flush=True)
    if rates:
        print("", *ratios(rates, frames), sep="\n", flush=True)
    print(f"\n{header('set, annotations, model')}")
    for data in given.sets:
        for peer in given.peers:
            if seeds := results.seeds(peer, data, given.annotations):
                print(row(f"{data}, {given.annotations}, {peer}", seeds))
    return 0
