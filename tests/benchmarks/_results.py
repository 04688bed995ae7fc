"""Results of the accuracy benchmarks in a file of JSON lines, which an interrupted one goes on from, and their tables.

One line is one model on one set with some annotations and one seed, with every test image's comparison, so that models
can be paired image by image.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tui_cytpix.core.statistics.agreement import Counts, ImageComparison

# Of one image what is summed up above and below the line: a measure is the ratio of the sums.
MEASURES: dict[str, Callable[[ImageComparison], tuple[float, float]]] = {
    "count": lambda c: (c.count_right, 1),
    "centroid F1": lambda c: _shares(2, c.centroids),
    "IoU": lambda c: (0, 0) if math.isnan(c.iou) else (c.iou, 1),
    "AP50": lambda c: _shares(1, c.particles),
    "multiplet sensitivity": lambda c: (c.predicted_clump >= 2, 1) if c.true_clump >= 2 else (0, 0),
    "singlet specificity": lambda c: (c.predicted_clump == 1, 1) if c.true_clump == 1 else (0, 0),
}
RESAMPLES = 2000


def _shares(weight: int, counts: Counts) -> tuple[float, float]:
    return weight * counts.tp, weight * counts.tp + counts.fp + counts.fn


def value(measure: str, comparisons: Iterable[ImageComparison]) -> float:
    """A measure over images; NaN where none has anything to say."""
    above, below = np.sum([MEASURES[measure](c) for c in comparisons], axis=0)
    return float(above / below) if below else math.nan


@dataclass(frozen=True)
class Key:
    """What was measured; `identity` changes with the model."""

    model: str
    identity: str
    data: str
    annotations: int
    seed: int


@dataclass(frozen=True)
class Result:
    """`images` are the names of the test crops of all folds, in the order of `comparisons`; `training_s` is the mean
    over folds, `answering_s` the sum.
    """

    key: Key
    images: list[str]
    comparisons: list[ImageComparison]
    training_s: float
    answering_s: float


class Results:
    """What a file holds, and what is added to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found: dict[Key, Result] = {}
        if path.is_file():
            for line in path.read_text().splitlines():
                if line.endswith("}"):
                    result = _decoded(json.loads(line))
                    self.found[result.key] = result

    def add(self, result: Result) -> None:
        """Remembers a result, on disk too."""
        self.found[result.key] = result
        torn = self._path.is_file() and not self._path.read_bytes().endswith(b"\n")
        with self._path.open("a") as file:
            file.write("\n" * torn + json.dumps(asdict(result)) + "\n")

    def seeds(self, model: str, data: str, annotations: int) -> list[Result]:
        """All seeds of one cell of the table; of a model's several versions the one that was added last."""
        found = [
            r for r in self.found.values() if (r.key.model, r.key.data, r.key.annotations) == (model, data, annotations)
        ]
        found = [r for r in found if r.key.identity == found[-1].key.identity]
        return sorted(found, key=lambda r: r.key.seed)


def _decoded(data: dict[str, Any]) -> Result:
    comparisons = [
        ImageComparison(**{**c, "centroids": Counts(**c["centroids"]), "particles": Counts(**c["particles"])})
        for c in data["comparisons"]
    ]
    return Result(Key(**data["key"]), data["images"], comparisons, data["training_s"], data["answering_s"])


def without(results: Sequence[Result], left_out: set[str]) -> list[Result]:
    """The same, some test images left out."""
    kept = []
    for result in results:
        places = [i for i, name in enumerate(result.images) if name not in left_out]
        images, comparisons = ([all_[i] for i in places] for all_ in (result.images, result.comparisons))
        kept.append(replace(result, images=images, comparisons=comparisons))
    return kept


def interval(measure: str, results: Sequence[Result], less: Sequence[Result] | None = None) -> tuple[float, ...]:
    """The mean over seeds, or the mean of its difference to other results of the same seeds and images; and its 95 %
    interval by a bootstrap of images, the same ones for each seed as all seeds test all, crossed with one of seeds.
    """
    rng = np.random.default_rng(0)
    images = sorted(results[0].images)
    weights = rng.multinomial(len(images), np.full(len(images), 1 / len(images)), RESAMPLES)
    everything = np.vstack([np.ones(len(images)), weights])  # the first row is what was measured

    def of_seeds(those: Sequence[Result]) -> np.ndarray:
        tables = [dict(zip(r.images, map(MEASURES[measure], r.comparisons), strict=True)) for r in those]
        sums = np.array([everything @ np.array([table[name] for name in images]) for table in tables])
        with np.errstate(invalid="ignore"):
            return sums[..., 0] / sums[..., 1]  # (seeds, 1 + RESAMPLES), NaN without anything to say

    values = of_seeds(results) if less is None else of_seeds(results) - of_seeds(less)
    drawn = rng.integers(0, len(results), (RESAMPLES, len(results)))
    means = values[drawn, 1 + np.arange(RESAMPLES)[:, None]].mean(axis=1)
    told = means[np.isfinite(means)]  # a draw may hold none of the images that a measure is about
    return (float(values[:, 0].mean()), *(np.quantile(told, [0.025, 0.975]) if len(told) else (math.nan,) * 2))


def row(name: str, results: Sequence[Result]) -> str:
    """A line of the table: for each measure the mean over seeds and [its 95 % interval]."""
    cells = ["{:.3f} [{:.3f}, {:.3f}]".format(*interval(measure, results)) for measure in MEASURES]
    seconds = np.mean([r.training_s for r in results])
    return f"| {name} | {len(results)} | {len(results[0].images)} | {' | '.join(cells)} | {seconds:.0f} |"


def header(first: str) -> str:
    """The table's head."""
    names = [first, "seeds", "test crops", *MEASURES, "s a training (processor)"]
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"


def paired_row(name: str, ours: Iterable[Result], theirs: Iterable[Result]) -> str:
    """Ours less theirs, on the same seeds and images, with `interval`."""
    other = {r.key.seed: r for r in theirs}
    pairs = [(r, other[r.key.seed]) for r in ours if r.key.seed in other and r.images == other[r.key.seed].images]
    if not pairs:
        return f"| {name} | no seed in common |"
    a, b = ([pair[side] for pair in pairs] for side in (0, 1))
    cells = ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*interval(measure, a, b)) for measure in MEASURES]
    return f"| {name} | {len(pairs)} | {' | '.join(cells)} |"
