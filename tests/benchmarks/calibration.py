"""Whether a confidence is worth its name: how often counts and particles of such a confidence are right.

    python -m tests.benchmarks calibration [--models general-full] [--sets yeast pombe sim:leukocytes]
        [--annotations 0 10] [--seeds 2] [--plot FILE.png]

An image's confidence is about its count, a particle's about whether a true centroid matches it. ECE is the expected
calibration error over ten bins, Brier the mean squared error of the confidence, AUROC the chance that a right answer
was said to be surer than a wrong one. Then the bins, over all sets. Models that say nothing of particles get empty
cells.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks._cells import REAL, SIMULATED, load
from tests.benchmarks._fitting import compared, fit_and_answer, in_folds
from tests.benchmarks._reliability import NOTHING, Said, auroc, bins, brier, calibration_error, plot
from tests.benchmarks._threads import one_thread
from tui_cytpix.core.statistics.agreement import ImageComparison
from tui_cytpix.domain.segmentation import Segmentation

SETS = ["yeast", "pombe", "rods", "sim:leukocytes", "sim:pombe-rich", "sim:beads"]
KINDS = ("images", "particles")
SCORES: dict[str, Callable[[Said], float]] = {"ECE": calibration_error, "Brier": brier, "AUROC": auroc}


def of_images(answers: Sequence[Segmentation], compared: Sequence[ImageComparison]) -> Said:
    """Confidence that the count is right, of the images that have one."""
    pairs = [(a.confidence, c.count_right) for a, c in zip(answers, compared, strict=True) if np.isfinite(a.confidence)]
    return Said(np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs], bool))


def of_particles(answers: Sequence[Segmentation], compared: Sequence[ImageComparison]) -> Said:
    """Confidence that a particle has a true centroid, of the particles that have one."""
    said = NOTHING
    for answer, comparison in zip(answers, compared, strict=True):
        if len(answer.particle_confidence):
            said += Said(answer.particle_confidence.astype(float), np.array(comparison.matched, bool))
    return said


def measure(model: str, data: str, annotations: int, seeds: int) -> dict[str, Said]:
    """What was said of images and of particles, over the seeds; one seed says all without annotations."""
    found = dict.fromkeys(KINDS, NOTHING)
    for seed in range(seeds if annotations else 1):
        fit = functools.partial(fit_and_answer, model, seed=seed)
        test, fitted = in_folds(load(data), annotations, seed, fit)
        right = compared(fitted, test)
        found["images"] += of_images(fitted.answers, right)
        found["particles"] += of_particles(fitted.answers, right)
    return found


def row(name: str, found: dict[str, Said]) -> str:
    """A line of the first table."""
    cells = []
    for said in found.values():
        wrong = f"{1 - said.right.mean():.3f}" if len(said.right) else ""
        scores = [score(said) for score in SCORES.values()] if len(said.right) else [float("nan")] * len(SCORES)
        cells += [str(len(said.sure)), wrong, *("" if np.isnan(s) else f"{s:.3f}" for s in scores)]
    return f"| {name} | {' | '.join(cells)} |"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="calibration", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["general-full"])
    parser.add_argument("--sets", nargs="+", choices=[*REAL, *(f"sim:{kind}" for kind in SIMULATED)], default=SETS)
    parser.add_argument("--annotations", nargs="+", type=int, default=[0, 10])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args(arguments)
    one_thread()
    names = [
        "model, annotations, set",
        *(f"{kind}{x}" for kind in KINDS for x in ("", " wrong", *map(" {}".format, SCORES))),
    ]
    print(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}")
    pooled: dict[str, dict[str, Said]] = {kind: {} for kind in KINDS}
    for model in given.models:
        for number in given.annotations:
            line = f"{Path(model).stem}, {number}"
            for data in given.sets:
                found = measure(model, data, number, given.seeds)
                print(row(f"{line}, {data}", found), flush=True)
                for kind in KINDS:
                    pooled[kind][line] = pooled[kind].get(line, NOTHING) + found[kind]
            print(row(f"{line}, all", {kind: pooled[kind][line] for kind in KINDS}), flush=True)
    _print_bins(pooled)
    if given.plot:
        plot(pooled).save(given.plot)
    return 0


def _print_bins(pooled: dict[str, dict[str, Said]]) -> None:
    print(f"\n| bins: model, annotations |{' n | said | right |' * len(KINDS)}\n|{' --- |' * (1 + 3 * len(KINDS))}")
    for line in pooled[KINDS[0]]:
        for cells in zip(*(bins(pooled[kind][line]) for kind in KINDS), strict=True):
            shown = [f"{n} | {said:.2f} | {right:.2f}" if n else " | | " for n, said, right in cells]
            print(f"| {line} | {' | '.join(shown)} |")
