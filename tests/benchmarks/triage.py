"""What triage expects against how often models were wrong, on real and simulated sets that it was not fitted on.

    python -m tests.benchmarks triage [--sets yeast sim:beads ...] [--images 200]

The cell and the general models; a line a pair of model and set: true count error, expected one with its interval. Then
the share of pairs whose interval holds the truth, and how many pairs of models that differ by 5 points on a set are
ranked right: all of them, and those whose difference is more than chance on that many images (McNemar's exact test).
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass

import numpy as np

from tests.benchmarks._cells import REAL, SIMULATED, load
from tests.benchmarks._threads import one_thread
from tui_cytpix.base_models.miscount_fit import FOLDER, Row, Tube, rows_of
from tui_cytpix.core.statistics.fixed_sample_intervals import mcnemar_exact
from tui_cytpix.formats.model.miscount_model import read_miscount_model

MODELS = ("cell-full", "cell-half", "general-full", "general-half")
APART, SIGNIFICANT = 0.05, 0.05
SETS = [*REAL, *(f"sim:{kind}" for kind in SIMULATED if "bead" not in kind)]


@dataclass(frozen=True)
class Judged:
    """A model on a set."""

    data: str
    row: Row
    expected: float
    low: float
    high: float

    @property
    def covered(self) -> bool:
        return self.low <= self.row.wrong <= self.high


def judged(data: str, most: int) -> list[Judged]:
    """All models on up to `most` crops of a set."""
    from tui_cytpix.engine.network.model import load_model
    from tui_cytpix.engine.predict.inference import Predictor

    crops = load(data)
    chosen = [crops[i] for i in sorted(np.random.default_rng(0).permutation(len(crops))[:most])]
    tube = Tube(
        data,
        [crop.image for crop in chosen],
        [crop.background for crop in chosen],
        [crop.labels for crop in chosen],
        chosen[0].um_per_px,
    )
    known = read_miscount_model(FOLDER / "miscount_model.json")
    predictors = {name: Predictor(load_model(FOLDER / f"{name}.safetensors")) for name in MODELS}
    rows = rows_of(tube, predictors, dict(known.novelty))
    return [Judged(data, row, *known.errors.expected(row.signs, row.images)) for row in rows]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="triage", description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=[*REAL, *(f"sim:{k}" for k in SIMULATED)], default=SETS)
    parser.add_argument("--images", type=int, default=200)
    given = parser.parse_args(arguments)
    one_thread()
    print("| set, model | images | wrong | expected | interval | holds |\n| --- | --- | --- | --- | --- | --- |")
    found: list[Judged] = []
    for data in given.sets:
        start = time.process_time()
        for one in judged(data, given.images):
            found.append(one)
            interval = f"{one.low:.2f} to {one.high:.2f}"
            print(
                f"| {data}, {one.row.model} | {one.row.images} | {one.row.wrong:.3f} | {one.expected:.3f} | {interval} "
                f"| {'yes' if one.covered else 'no'} |",
                flush=True,
            )
        print(f"| {data}: {time.process_time() - start:.0f} s of the processor | | | | | |")
    for name, part in (
        ("all", found),
        ("real", [one for one in found if one.data in REAL]),
        ("simulated", [one for one in found if one.data not in REAL]),
    ):
        if part:
            print(_summary(name, part))
    return 0


def _summary(name: str, found: list[Judged]) -> str:
    apart = [
        (one, other)
        for one, other in itertools.combinations(found, 2)
        if one.data == other.data and abs(one.row.wrong - other.row.wrong) >= APART
    ]
    right = sum((a.row.wrong < b.row.wrong) == (a.expected < b.expected) for a, b in apart)
    wrong = [pair for pair in apart if (pair[0].row.wrong < pair[1].row.wrong) != (pair[0].expected < pair[1].expected)]
    sure = [pair for pair in apart if _by_chance(*pair) < SIGNIFICANT]
    covered = sum(one.covered for one in found)
    listed = [
        f"{a.data}: {a.row.model} {a.row.wrong:.3f}, {b.row.model} {b.row.wrong:.3f} (p = {_by_chance(a, b):.2f})"
        for a, b in wrong
    ]
    certain = len([pair for pair in sure if pair not in wrong])
    told = (
        f"{name}: interval holds in {covered} of {len(found)}; ranked right {right} of {len(apart)} pairs, "
        f"{certain} of {len(sure)} of those that differ by more than chance"
    )
    return told + (f"; wrong: {'; '.join(listed)}" if listed else "")


def _by_chance(one: Judged, other: Judged) -> float:
    """McNemar's exact p."""
    mine, theirs = one.row.errors, other.row.errors
    return mcnemar_exact(int((mine & ~theirs).sum()), int((theirs & ~mine).sum()))
