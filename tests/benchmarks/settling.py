"""Whether training comes to rest on what is annotated: flips, wrong counts and TA over the last epochs.

    python -m tests.benchmarks settling [--models cell-full FILE.safetensors] [--seeds 3] [--annotations 14]
        [--epochs 150] [--last 50] [--held-out 400] [--picture FILE.png]

Simulated S. pombe in two conditions, a tube of each per seed; the first images of the app's seeded selection of both,
annotated by their true labels, every fifth held out. A flip is a change of an annotated training image's count from one
epoch to the next. Wrong are the images whose count is wrong after the last epoch; the picture shows them. With
--held-out base and new model answer so many images of another tube of each condition: multiplet sensitivity before and
after, the paired change with its 95 % interval, and the new model's singlet specificity.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from tests.benchmarks._cells import Crop, chosen_first, tube
from tests.benchmarks._fitting import HELD_OUT, Fitted, answer, compared, examples_of, model_path, zooms_of
from tests.benchmarks._montage import montage, triple
from tests.benchmarks._threads import one_thread
from tui_cytpix.core.statistics.fixed_sample_intervals import bootstrap_mean_ci
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import Model, load_model
from tui_cytpix.engine.train.rehearsal import rehearsal_for
from tui_cytpix.engine.train.trainer import FitSettings, Trainer, look

CONDITIONS, IMAGES = ("pombe-edinburgh", "pombe-rich"), 60
HELD_OUT_TUBE = 500  # added to the number of a training's tube


class Rest(NamedTuple):
    """One training's last epochs: counts (epochs, images), TA of each epoch, the last answers, and the model."""

    counts: np.ndarray
    accuracy: np.ndarray
    last: list[Segmentation]
    model: Model


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
    return Rest(np.array(counts), np.array(accuracy), answers, trainer.model()), shown


def held_out(base: Model, new: Model, seed: int, images: int) -> list[str]:
    """A row a condition."""
    rows = []
    for kind in CONDITIONS:
        crops = tube(kind, HELD_OUT_TUBE + seed, images)
        before, after = (
            compared(Fitted(answer(model, crops, zooms_of(model, crops)), 0.0, 0.0, model.card.size_cutoff_um), crops)
            for model in (base, new)
        )
        found = np.array(
            [
                [c.predicted_clump > 1 for c in pair]
                for pair in zip(before, after, strict=True)
                if pair[0].true_clump > 1
            ]
        )
        low, high = bootstrap_mean_ci(found[:, 1].astype(float) - found[:, 0])
        single = np.mean([c.predicted_clump == 1 for c in after if c.true_clump == 1])
        rows.append(
            f"{kind}, {len(found)} multiplets | {found[:, 0].mean():.3f} | {found[:, 1].mean():.3f} | "
            f"{found[:, 1].mean() - found[:, 0].mean():+.3f} [{low:+.3f}, {high:+.3f}] | {single:.3f}"
        )
    return rows


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="settling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["cell-full"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--annotations", type=int, default=14)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--last", type=int, default=50)
    parser.add_argument("--held-out", type=int, default=0, metavar="IMAGES")
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    one_thread()
    names = ["model", "seed", "training images", "flips", "wrong at the end", "TA at the end", "TA peak to peak"]
    print(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}")
    tiles, rows = [], []
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
            if given.held_out:
                rows += [f"| {stem} | {seed} | {row} |" for row in held_out(base, rest.model, seed, given.held_out)]
    if rows:
        names = ["model", "seed", "held out", "multiplets found before", "after", "change", "singlet specificity after"]
        print(f"\n| {' | '.join(names)} |\n|{' --- |' * len(names)}", *rows, sep="\n")
    if given.picture and tiles:
        cv2.imwrite(str(given.picture), montage(tiles))
    return 0
