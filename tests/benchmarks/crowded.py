"""From how many particles an image on triage can't be trusted: its intervals on simulated tubes as crowded as that.

    python -m tests.benchmarks crowded [--images 30]

Tubes of five kinds, as they are, as clumps of 3 to 30 and with 3 to 35 free particles; four models on each. By how many
particles half of the images hold (in the model that finds most), the share of models whose true share of wrong counts
lies in triage's interval, and beyond it. `workflow.assess.triage.CROWDED_FROM` is from here.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace

import numpy as np

from tests.benchmarks._threads import one_thread
from tests.benchmarks.triage import MODELS, Judged
from tui_cytpix.base_models import miscount_fit
from tui_cytpix.base_models.miscount_fit import FOLDER, Tube
from tui_cytpix.core.images.background import background_of
from tui_cytpix.simulate.frames.events import events_and_background
from tui_cytpix.simulate.kinds.catalogue import kind_named
from tui_cytpix.simulate.kinds.kind import Arrangement

KINDS = ("leukocytes", "yeast", "pombe-rich", "drosophila", "murine-peritoneal")
SEED = 900_000
BINS = (0, 3, 6, 9, 12, 1000)


def _from(low: int, high: int) -> tuple[float, ...]:
    """Shares of 0, 1, ... that give low to high."""
    return tuple(float(low <= n) for n in range(high + 1))


CROWDS = {
    "as it is": None,
    **{f"clumps of {a} to {b}": (_from(a - 1, b - 1), (1.0,)) for a, b in ((3, 5), (6, 9), (12, 18), (20, 30))},
    **{f"{a} to {b} apart": ((1.0,), _from(a - 1, b - 1)) for a, b in ((3, 5), (6, 9), (12, 18), (25, 35))},
    "three clumps of 3 to 5": (_from(2, 4), _from(2, 3)),
}


def tube(kind: str, crowd: tuple[tuple[float, ...], tuple[float, ...]] | None, images: int) -> Tube:
    known = kind_named(kind)
    arrangement: Arrangement = known.arrangement
    if crowd is not None:
        arrangement = replace(arrangement, cluster=crowd[0], coincident=crowd[1])
    events, background = events_and_background(replace(known, arrangement=arrangement), images, SEED)
    return Tube(
        kind,
        [event.image.astype(np.float32) for event in events],
        [background_of(event.image, background) for event in events],
        [event.labels for event in events],
        miscount_fit.UM_PER_PX,
    )


def main(arguments: list[str]) -> int:
    from tui_cytpix.engine.network.model import load_model
    from tui_cytpix.engine.predict.inference import Predictor
    from tui_cytpix.formats.model.miscount_model import read_miscount_model

    parser = argparse.ArgumentParser(prog="crowded", description=__doc__)
    parser.add_argument("--images", type=int, default=30)
    given = parser.parse_args(arguments)
    one_thread()
    known = read_miscount_model(FOLDER / "miscount_model.json")
    predictors = {name: Predictor(load_model(FOLDER / f"{name}.safetensors")) for name in MODELS}
    found: list[tuple[float, Judged]] = []
    print(
        "| kind, crowd | particles (median) | best model wrong | of 4 models in the interval, beyond |\n|"
        + " --- |" * 4
    )
    for kind in KINDS:
        for name, crowd in CROWDS.items():
            made = tube(kind, crowd, given.images)
            rows = miscount_fit.rows_of(made, predictors, dict(known.novelty))
            judged = [Judged(kind, row, *known.errors.expected(row.signs, row.images)) for row in rows]
            most = max(float(np.median(row.counts)) for row in rows)
            found += [(most, one) for one in judged]
            held, beyond = sum(one.covered for one in judged), sum(one.row.wrong > one.high for one in judged)
            least = min(one.row.wrong for one in judged)
            print(f"| {kind}, {name} | {most:g} | {least:.2f} | {held}, {beyond} |", flush=True)
    for low, high in itertools.pairwise(BINS):
        part = [one for most, one in found if low <= most < high]
        if part:
            held = np.mean([one.covered for one in part])
            beyond = np.mean([one.row.wrong > one.high for one in part])
            print(
                f"{low} to {high - 1} particles: {len(part)} answers, in the interval {held:.2f}, beyond {beyond:.2f}"
            )
    return 0
