"""How well an object is divided where its mask and its count are right, as after a digit in the editor.

    python -m tests.benchmarks division [--sets pombe sim:yeast ...] [--tubes 8]

The objects of 2 to 4 particles of simulated tubes, or real crops. IoU is a particle's with its part, matched one to
one; AP50 counts those of at least 0.5. `flooded` is what the watershed makes of the same parts' centres.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tests.benchmarks._cells import FIRST_SEED, IMAGES_PER_TUBE, REAL, Crop, load, tube
from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.division import divide
from tui_cytpix.core.objects.regions import compact, label_objects
from tui_cytpix.core.objects.watershed import particle_labels
from tui_cytpix.simulate.kinds.catalogue import KINDS

LEAST_PX = 30
Objects = Iterator[tuple[NDArray[np.float32], NDArray[np.int32], int]]


def objects(crops: Iterator[Crop]) -> Objects:
    """Each object's image less its background, its true labels from 1, and their number."""
    for crop in crops:
        numbered, count = label_objects(crop.labels > 0)
        for number in range(1, count + 1):
            truth, values = compact(np.where(numbered == number, crop.labels, 0))
            if 2 <= len(values) <= 4 and np.count_nonzero(truth) >= LEAST_PX:
                yield np.asarray(crop.image, np.float32) - crop.background, truth, len(values)


def crops_of(name: str, tubes: int) -> Iterator[Crop]:
    if not name.startswith("sim:"):
        yield from load(name)
        return
    for number in range(tubes):
        yield from tube(name.removeprefix("sim:"), FIRST_SEED + number, IMAGES_PER_TUBE)


def agreement(truth: NDArray[np.int32], found: NDArray[np.uint16], count: int) -> tuple[float, float]:
    """Mean IoU, and the AP50 of one object."""
    sides = [[(labels == k) for k in range(1, count + 1)] for labels in (truth, found)]
    iou = np.array([[(one & other).sum() / (one | other).sum() for other in sides[1]] for one in sides[0]])
    matched = iou[linear_sum_assignment(iou, maximize=True)]
    right = int((matched >= 0.5).sum())
    return float(matched.mean()), right / (2 * count - right)


def row(name: str, found: Objects) -> str:
    measured = []
    for image, truth, count in found:
        parts = divide(truth > 0, count, image)
        flooded = particle_labels(truth > 0, centres(parts))
        measured.append([*agreement(truth, parts, count), *agreement(truth, flooded, count)])
    if not measured:
        return f"| {name} | 0 | | | | |"
    return f"| {name} | {len(measured)} | " + " | ".join(f"{value:.3f}" for value in np.mean(measured, axis=0)) + " |"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="division", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [f"sim:{name}" for name in KINDS]
    parser.add_argument("--sets", nargs="+", choices=[*REAL, *every], default=every)
    parser.add_argument("--tubes", type=int, default=8, help="of each simulated kind")
    given = parser.parse_args(arguments)
    print("| set | objects | IoU | AP50 | IoU flooded | AP50 flooded |\n|---|---|---|---|---|---|")
    for name in given.sets:
        print(row(name, objects(crops_of(name, given.tubes))), flush=True)
    return 0
