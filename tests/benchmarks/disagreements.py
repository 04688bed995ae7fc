"""Test images on which a model and the reference masks disagree, as a list and as pictures to judge which is wrong.

    python -m tests.benchmarks disagreements [--model general-full] [--sets yeast] [--annotations 20] [--seeds 0 1 2]
        [--picture FOLDER]

Trains as `accuracy` does. A disagreement is a different count, or as many but a centroid that has no partner. Pictures,
one for each set and seed: image | reference outlines and centres | the model's outline and centroids, with the number
of the line in the list. An image that several seeds test counts once in the last line of a set.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tests.benchmarks._cells import Crop, load, split
from tests.benchmarks._fitting import compared, fit_and_answer
from tui_cytpix.core.centroids import centres
from tui_cytpix.core.matching import ImageComparison
from tui_cytpix.core.watershed import particle_labels
from tui_cytpix.domain.segmentation import Segmentation

CELL, PER_ROW = 220, 2  # px of a picture's panels; triples in a row
REFERENCE, MODEL = (80, 220, 80), (60, 120, 255)  # BGR


@dataclass(frozen=True)
class Disagreement:
    """One test image, what the model says, and how it compares."""

    crop: Crop
    answer: Segmentation
    comparison: ImageComparison

    @property
    def kind(self) -> str:
        c = self.comparison
        return "matching" if c.count_right else "too many" if c.predicted_count > c.true_count else "too few"


def find(crops: Sequence[Crop], answers: Sequence[Segmentation]) -> list[Disagreement]:
    """Those of the images, in their order."""
    triples = zip(crops, answers, compared(answers, crops), strict=True)
    return [Disagreement(*t) for t in triples if t[2].centroids.fp or t[2].centroids.fn]


def picture(found: Sequence[Disagreement]) -> np.ndarray:
    """uint8 (H, W, 3): a numbered triple for each."""
    triples = [_triple(k, one) for k, one in enumerate(found, start=1)]
    triples += [np.zeros_like(triples[0])] * (-len(triples) % PER_ROW)
    rows = [np.hstack(triples[k : k + PER_ROW]) for k in range(0, len(triples), PER_ROW)]
    return np.vstack(rows)


def _triple(number: int, one: Disagreement) -> np.ndarray:
    crop = one.crop
    zoom = max(1, (CELL - 4) // max(crop.image.shape))
    low, high = np.quantile(crop.image, (0.002, 0.998))
    gray = np.clip((crop.image - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8)
    large = cv2.cvtColor(cv2.resize(gray, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    predicted = particle_labels(one.answer.mask, one.answer.centroids)
    panels = [
        large,
        _drawn(large, crop.labels, centres(crop.labels), zoom, REFERENCE),
        _drawn(large, predicted, one.answer.centroids, zoom, MODEL),
    ]
    framed = np.zeros((CELL, 3 * CELL + 20, 3), np.uint8)
    for k, panel in enumerate(panels):
        height, width = (min(side, CELL) for side in panel.shape[:2])
        framed[:height, k * CELL : k * CELL + width] = panel[:height, :width]
    cv2.putText(framed, str(number), (2, CELL - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 255), 1)
    return framed


def _drawn(
    large: np.ndarray, labels: np.ndarray, points: np.ndarray, zoom: int, colour: tuple[int, int, int]
) -> np.ndarray:
    panel = large.copy()
    for label in np.unique(labels)[1:]:
        region = cv2.resize((labels == label).astype(np.uint8), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(panel, outlines, -1, colour, 1)
    for y, x in points:
        cv2.drawMarker(panel, (round((x + 0.5) * zoom), round((y + 0.5) * zoom)), colour, cv2.MARKER_CROSS, 8, 2)
    return panel


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="disagreements", description=__doc__)
    parser.add_argument("--model", default="general-full")
    parser.add_argument("--sets", nargs="+", default=["yeast", "pombe", "rods"])
    parser.add_argument("--annotations", type=int, default=20)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args(arguments)
    print("| set, seed | number | image | source | reference | model | kind | IoU |\n|" + " --- |" * 8, flush=True)
    for data in given.sets:
        wrong, tested = set(), set()
        for seed in given.seeds:
            annotated, test = split(load(data), given.annotations, seed)
            found = find(test, fit_and_answer(given.model, annotated, test, seed).answers)
            for k, one in enumerate(found, start=1):
                c = one.comparison
                print(
                    f"| {data}, {seed} | {k} | {one.crop.name} | {one.crop.source} | {c.true_count} "
                    f"| {c.predicted_count} | {one.kind} | {c.iou:.2f} |",
                    flush=True,
                )
            wrong |= {one.crop.name for one in found if not one.comparison.count_right}
            tested |= {crop.name for crop in test}
            if given.picture and found:
                given.picture.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(given.picture / f"{data}-{given.annotations}-{seed}.png"), picture(found))
        print(f"| {data}, all | | {len(wrong)} of {len(tested)} images with another count in a seed | | | | | |")
    return 0
