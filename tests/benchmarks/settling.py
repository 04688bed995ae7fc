"""Whether training comes to rest on what is annotated: flips, wrong counts and TA over the last epochs.

    python -m tests.benchmarks settling [--models cell-full FILE.safetensors] [--seeds 3] [--annotations 14]
        [--epochs 150] [--last 50] [--picture FILE.png]

Simulated S. pombe in two conditions, a tube of each per seed; the first images of the app's seeded selection of both,
annotated by their true labels, every fifth held out. A flip is a change of an annotated training image's count from one
epoch to the next. Wrong are the images whose count is wrong after the last epoch; the picture shows them.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from tests.benchmarks._cells import Crop, chosen_first, tube
from tests.benchmarks._fitting import HELD_OUT, examples_of, model_path, zooms_of
from tests.benchmarks._montage import montage, triple
from tests.benchmarks._threads import one_thread
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.model import Model, load_model
from tui_cytpix.engine.rehearsal import rehearsal_for
from tui_cytpix.engine.trainer import FitSettings, Trainer, look

CONDITIONS, IMAGES = ("pombe-edinburgh", "pombe-rich"), 60


class Rest(NamedTuple):
    """One training's last epochs: counts (epochs, images), TA of each epoch, and the last answers."""

    counts: np.ndarray
    accuracy: np.ndarray
    last: list[Segmentation]


def annotated(seed: int, number: int) -> list[Crop]:
    """Images of two tubes, as the app would show them first."""
    crops = [crop for kind in CONDITIONS for crop in tube(kind, seed, IMAGES)]
    return chosen_first(crops, number, seed)


def train(base: Model, crops: list[Crop], seed: int, epochs: int, last: int) -> tuple[Rest, list[Crop]]:
    """Trains as a run does, and looks at the training images after each of the last epochs."""
    training, _ = examples_of(crops, zooms_of(base, crops), base.card.size_cutoff_um)
    shown = [crop for i, crop in enumerate(crops) if i % HELD_OUT != HELD_OUT - 1]
    trainer = Trainer(base, FitSettings(), seed)
    trainer.rehearsed = rehearsal_for(base, training, trainer.device)
    counts, accuracy, answers = [], [], []
    for epoch in range(1, epochs + 1):
        trainer.train_epoch(training)
        if epoch > epochs - last:
            found, answers = look(trainer.predictor(), training)
            counts.append([answer.particle_count for answer in answers])
            accuracy.append(found.mean)
    return Rest(np.array(counts), np.array(accuracy), answers), shown


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="settling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["cell-full"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--annotations", type=int, default=14)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--last", type=int, default=50)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    one_thread()
    names = ["model", "seed", "training images", "flips", "wrong at the end", "TA at the end", "TA peak to peak"]
    print(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}")
    tiles = []
    for name in given.models:
        base = load_model(model_path(name))
        for seed in range(given.seeds):
            rest, crops = train(base, annotated(seed, given.annotations), seed, given.epochs, given.last)
            wrong = [k for k, crop in enumerate(crops) if rest.counts[-1][k] != crop.count]
            flips = int((np.diff(rest.counts, axis=0) != 0).sum())
            figures = f"{rest.accuracy[-1]:.3f} | {np.ptp(rest.accuracy):.3f}"
            stem = Path(name).stem
            print(f"| {stem} | {seed} | {len(crops)} | {flips} | {len(wrong)} | {figures} |", flush=True)
            tiles += [triple(crops[k], rest.last[k], f"{stem}, {seed}: {crops[k].name}") for k in wrong]
    if given.picture and tiles:
        cv2.imwrite(str(given.picture), montage(tiles))
    return 0
