"""Test images on which a model and the reference masks disagree, to look at and say which side is wrong.

    python -m tests.benchmarks disagreements [--model general-full] [--data yeast] [--annotations 20] [--seeds 1]
        [--picture FILE.png]

Lists images with another count, or with a particle that has no partner. The picture shows each as image | reference
outlines | the model's outlines and centroids, under the name of seed and image and the two counts.
"""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import cv2
import numpy as np

from tests.benchmarks._cells import REAL, SIMULATED, load
from tests.benchmarks._fitting import compared, fit_and_answer, in_folds
from tests.benchmarks._montage import montage, triple
from tests.benchmarks._threads import one_thread

MOST_SHOWN = 60


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="disagreements", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="general-full")
    parser.add_argument("--data", choices=[*REAL, *(f"sim:{kind}" for kind in SIMULATED)], default="yeast")
    parser.add_argument("--annotations", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args(arguments)
    one_thread()
    print("| seed | image | source | true | counted | missed | too many | IoU | confidence |\n|" + " --- |" * 9)
    tiles: list[np.ndarray] = []
    tested = wrong = 0
    for seed in range(given.seeds if given.annotations else 1):
        fit = functools.partial(fit_and_answer, given.model, seed=seed)
        test, fitted = in_folds(load(given.data), given.annotations, seed, fit)
        tested += len(test)
        for crop, answer, c in zip(test, fitted.answers, compared(fitted, test), strict=True):
            if c.count_right and not c.centroids.fp and not c.centroids.fn:
                continue
            wrong += not c.count_right
            print(
                f"| {seed} | {crop.name} | {crop.source} | {c.true_count} | {c.predicted_count} | {c.centroids.fn} "
                f"| {c.centroids.fp} | {c.iou:.2f} | {answer.confidence:.2f} |"
            )
            tiles.append(triple(crop, answer, f"{seed}: {crop.name}  true {c.true_count}, counted {c.predicted_count}"))
    print(f"\n{len(tiles)} of {tested} images disagree, {wrong} of them in the count.")
    if given.picture and tiles:
        cv2.imwrite(str(given.picture), montage(tiles[:MOST_SHOWN]))
        if len(tiles) > MOST_SHOWN:
            print(f"The picture shows the first {MOST_SHOWN}.")
    return 0
