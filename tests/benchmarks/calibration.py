"""How well confidences tell errors: of an image's count, and of each particle; a reliability table and picture.

    python -m tests.benchmarks calibration [--models general-full] [--sets yeast pombe rods sim:leukocytes]
        [--annotations 0 10] [--seeds 3] [--plot FILE.png]

`Segmentation.confidence` against "the count is right", `particle_confidence` against "matches a true centroid". ECE:
mean |confidence - share right| over ten equal bins, weighted by their sizes. Brier: mean (confidence - right)^2, beside
that of always saying the share right. AUROC: that a wrong one has less confidence than a right one. Answers pool over
seeds; without annotations one seed says all. Sets without a scale have no size cutoff.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy import stats

from tests.benchmarks._cells import REAL, SIMULATED, load, split
from tests.benchmarks._fitting import compared, fit_and_answer

BINS = 10
SIDE, MARGIN = 300, 40  # px of one diagram
BEST_SETS = ["yeast", "pombe", "rods", *(f"sim:{kind}" for kind in SIMULATED)]


@dataclass(frozen=True)
class Reliability:
    """Confidences in 0..1 and whether each was right, of the same length."""

    confidence: np.ndarray
    right: np.ndarray

    @property
    def brier(self) -> float:
        """Of the confidences."""
        return float(np.mean((self.confidence - self.right) ** 2))

    @property
    def brier_of_share(self) -> float:
        """Of always saying the share that is right."""
        return float(np.var(self.right))

    @property
    def auroc(self) -> float:
        """Mann-Whitney's U over all pairs of a wrong and a right one; NaN where there are none of one."""
        wrong, right = self.confidence[~self.right], self.confidence[self.right]
        if not len(wrong) or not len(right):
            return float("nan")
        return float(stats.mannwhitneyu(right, wrong).statistic / (len(right) * len(wrong)))

    def bins(self) -> list[tuple[int, float, float]]:
        """Of each bin: how many, mean confidence, share right (NaN in an empty one)."""
        place = np.minimum((self.confidence * BINS).astype(int), BINS - 1)
        inside = [place == k for k in range(BINS)]
        return [
            (int(m.sum()), float(self.confidence[m].mean()), float(self.right[m].mean()))
            if m.any()
            else (0, float("nan"), float("nan"))
            for m in inside
        ]

    @property
    def ece(self) -> float:
        """Expected calibration error."""
        return sum(n * abs(said - was) for n, said, was in self.bins() if n) / len(self.right)


def pooled(parts: Sequence[Reliability]) -> Reliability:
    """All together."""
    return Reliability(np.concatenate([p.confidence for p in parts]), np.concatenate([p.right for p in parts]))


def measure(model: str, data: str, annotations: int, seeds: int) -> tuple[Reliability, Reliability]:
    """Of the images and of the particles of one set."""
    images, particles = [], []
    for seed in range(seeds if annotations else 1):
        annotated, test = split(load(data), annotations, seed)
        answers = fit_and_answer(model, annotated, test, seed).answers
        for answer, comparison in zip(answers, compared(answers, test), strict=True):
            images.append((answer.confidence, comparison.count_right))
            particles += zip(answer.particle_confidence.tolist(), comparison.matched, strict=True)
    return _reliability(images), _reliability(particles)


def _reliability(pairs: Sequence[tuple[float, bool]]) -> Reliability:
    return Reliability(np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs], bool))


def diagram(of: Reliability, title: str) -> np.ndarray:
    """uint8 (H, W, 3): share right over mean confidence, dots as large as the bins; bars count them."""
    picture = np.full((SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, 3), 255, np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(MARGIN + x * SIDE), round(MARGIN + (1 - y) * SIDE)

    def write(text: str, where: tuple[int, int]) -> None:
        cv2.putText(picture, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)

    counts = [n for n, _, _ in of.bins()]
    for k, n in enumerate(counts):
        cv2.rectangle(picture, at(k / BINS, 0), at((k + 0.95) / BINS, 0.2 * n / max(counts)), (230, 220, 210), -1)
    cv2.rectangle(picture, at(0, 0), at(1, 1), (0, 0, 0), 1)
    cv2.line(picture, at(0, 0), at(1, 1), (150, 150, 150), 1, cv2.LINE_AA)
    for n, said, was in of.bins():
        if n:
            low, high = stats.binomtest(round(n * was), n).proportion_ci(method="wilson")
            cv2.line(picture, at(said, low), at(said, high), (200, 100, 0), 1, cv2.LINE_AA)
            cv2.circle(picture, at(said, was), 4, (200, 100, 0), -1, cv2.LINE_AA)
    for value in (0, 0.5, 1):
        write(f"{value:g}", (at(value, 0)[0] - 6, at(0, 0)[1] + 14))
        write(f"{value:g}", (at(0, 0)[0] - 26, at(0, value)[1] + 4))
    write(title, (MARGIN, MARGIN - 12))
    write("confidence (across), share right (up)", (MARGIN, SIDE + MARGIN + 30))
    return picture


def row(name: str, of: Reliability) -> str:
    """A line of the summary."""
    return (
        f"| {name} | {len(of.right)} | {of.right.mean():.3f} | {of.confidence.mean():.3f} | {of.ece:.3f} "
        f"| {of.brier:.3f} | {of.brier_of_share:.3f} | {of.auroc:.3f} |"
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="calibration", description=__doc__)
    parser.add_argument("--models", nargs="+", default=["general-full"])
    every = [*REAL, *(f"sim:{kind}" for kind in SIMULATED)]
    parser.add_argument("--sets", nargs="+", choices=every, default=BEST_SETS)
    parser.add_argument("--annotations", nargs="+", type=int, default=[0, 10])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args(arguments)
    columns = (
        "model, set, annotations, of what | number | share right | confidence | ECE | Brier | of the share | AUROC"
    )
    print(f"| {columns} |\n|{' --- |' * 8}", flush=True)
    pools: dict[str, list[Reliability]] = {}
    for model in given.models:
        for data in given.sets:
            for n in given.annotations if data in REAL else [0]:
                for what, of in zip(("images", "particles"), measure(model, data, n, given.seeds), strict=True):
                    print(row(f"{Path(model).stem}, {data}, {n}, {what}", of), flush=True)
                    world = "real" if data in REAL else "simulated"
                    pools.setdefault(f"{Path(model).stem}, {world}, {n}, {what}", []).append(of)
    together = {name: pooled(parts) for name, parts in pools.items()}
    for name, of in together.items():
        print(row(f"all: {name}", of))
    spans = " | ".join(f"{k / BINS:.1f}-{(k + 1) / BINS:.1f}" for k in range(BINS))
    print(f"\n| share right (number) in bins of confidence | {spans} |\n|{' --- |' * (BINS + 1)}")
    for name, of in together.items():
        print(f"| {name} | {' | '.join(f'{was:.2f} ({n})' if n else '-' for n, _, was in of.bins())} |")
    if given.plot:
        cv2.imwrite(str(given.plot), np.hstack([diagram(of, name) for name, of in together.items()]))
    return 0
