"""Results of the accuracy benchmarks in a file of JSON lines, which an interrupted one goes on from, and their tables.

One line is one model on one set with some annotations and one seed, with every test image's comparison, so that models
can be paired image by image.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from tui_cytpix.core.matching import Counts, ImageComparison

MEASURES: dict[str, Callable[[Sequence[ImageComparison]], float]] = {
    "count": lambda c: float(np.mean([x.count_right for x in c])),
    "centroid F1": lambda c: _ratio(2, [x.centroids for x in c]),
    "IoU": lambda c: float(np.nanmean([x.iou for x in c])),
    "AP50": lambda c: _ratio(1, [x.particles for x in c]),
}
RESAMPLES = 2000


def _ratio(weight: int, counts: Sequence[Counts]) -> float:
    tp, fp, fn = (sum(getattr(c, name) for c in counts) for name in ("tp", "fp", "fn"))
    return weight * tp / max(1, weight * tp + fp + fn)


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
    """`images` are the names of the test images, in the order of `comparisons`."""

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


def lower_bound(results: Sequence[Result], measure: str) -> float:
    """One-sided 95 % bound of the mean: over seeds by Student's t; of a single result by a bootstrap of its images."""
    function = MEASURES[measure]
    if len(results) > 1:
        values = [function(r.comparisons) for r in results]
        error = float(np.std(values, ddof=1)) / np.sqrt(len(values))
        return float(np.mean(values) - stats.t.ppf(0.95, len(values) - 1) * error)
    rng = np.random.default_rng(0)
    images = results[0].comparisons
    drawn = [function([images[i] for i in rng.integers(0, len(images), len(images))]) for _ in range(RESAMPLES)]
    return float(np.quantile(drawn, 0.05))


def row(name: str, results: Sequence[Result]) -> str:
    """A line of the table: for each measure the mean, [lower bound] and (lowest to highest seed)."""
    cells = []
    for measure, function in MEASURES.items():
        values = [function(r.comparisons) for r in results]
        spread = f" ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):.3f} [{lower_bound(results, measure):.3f}]{spread}")
    seconds = np.mean([r.training_s for r in results])
    tested = len({name for r in results for name in r.images})
    return f"| {name} | {len(results)} | {tested} | {' | '.join(cells)} | {seconds:.0f} |"


def header(first: str) -> str:
    """The table's head."""
    names = [first, "seeds", "test images", *MEASURES, "training s (processor)"]
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"


def paired_rows(name: str, ours: Iterable[Result], theirs: Iterable[Result]) -> list[str]:
    """Ours less theirs, seed by seed on the same images: mean and 95 % interval of a bootstrap of seeds, and of images
    within each.
    """
    other = {r.key.seed: r for r in theirs}
    pairs = [(r, other[r.key.seed]) for r in ours if r.key.seed in other and r.images == other[r.key.seed].images]
    if not pairs:
        return [f"| {name} | no seed in common |"]
    rng = np.random.default_rng(0)
    cells = []
    for function in MEASURES.values():
        drawn = []
        for _ in range(RESAMPLES // 2):
            differences = []
            for k in rng.integers(0, len(pairs), len(pairs)):
                a, b = pairs[k]
                chosen = rng.integers(0, len(a.images), len(a.images))
                differences.append(
                    function([a.comparisons[i] for i in chosen]) - function([b.comparisons[i] for i in chosen])
                )
            drawn.append(np.mean(differences))
        mean = np.mean([function(a.comparisons) - function(b.comparisons) for a, b in pairs])
        low, high = np.quantile(drawn, [0.025, 0.975])
        cells.append(f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]")
    return [f"| {name} | {len(pairs)} | {' | '.join(cells)} |"]
