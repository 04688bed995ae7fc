"""Whether the confidence of a fine-tuned model says how often its counts are right, as trained and as it is written.

    python -m tests.benchmarks recalibration [--seeds 12] [--first 0] [--annotations 15 17 20] [--epochs 100]
        [--held-out 200] [--results FILE.jsonl]

Simulated tubes with known truth, of pairs of kind and base model in turn: the first images are annotated by it; the
model trains as a run does, models that did not train on them answer the annotated images, and the run's own answers
other images of the same tube and those of another. Expected calibration error over ten bins of each, as trained and as
the model is written (`workflow.train.finish.calibrated`); then over all runs. With 200 images a perfect confidence has
an error of about .02 by chance. --results keeps every answer, one line a run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.benchmarks._cells import tube
from tests.benchmarks._fitting import examples_of, model_path, zooms_of
from tests.benchmarks._reliability import NOTHING, Said, calibration_error
from tests.benchmarks._threads import one_thread
from tests.benchmarks.crosscheck import answers, cross_check, trained
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.workflow.train.finish import calibrated

CASES = (
    ("pombe-edinburgh", "cell-half"),
    ("leukocytes", "general-half"),
    ("yeast", "cell-half"),
    ("pombe-rich", "general-half"),
    ("drosophila", "cell-half"),
    ("yeast", "general-half"),
    ("pombe-rich", "cell-full"),
    ("bead-mixture", "bead-half"),
    ("murine-peritoneal", "general-half"),
    ("leukocytes", "cell-full"),
)
ANOTHER_TUBE = 300  # added to the number of a run's tube
PLACES = ("same tube", "another")


def said(predictor: Predictor, examples: Sequence[Example]) -> Said:
    found = answers(predictor, examples)
    right = [a.particle_count == e.wanted.particle_count for a, e in zip(found, examples, strict=True)]
    return Said(np.array([a.confidence for a in found]), np.array(right, bool))


def one_run(seed: int, annotations: int, given: argparse.Namespace) -> dict[str, tuple[Said, Said]]:
    """By place, what was said before and after; prints a row."""
    start = time.process_time()
    kind, name = CASES[seed % len(CASES)]
    base = load_model(model_path(name))
    crops = [crop for crop in tube(kind, seed, annotations + given.held_out + 10) if crop.labels.any()]
    others = crops[annotations : annotations + given.held_out], tube(kind, ANOTHER_TUBE + seed, given.held_out)
    zooms = zooms_of(base, crops)
    training, held_out = examples_of(crops[:annotations], zooms, base.card.size_cutoff_um)
    trainer = trained(base, training, seed, given.epochs)
    checked = cross_check(trainer, [*training, *held_out], given.epochs)
    model = trainer.model()
    card: ModelCard = calibrated(replace(model.card, kind="UDT"), checked)
    found = {}
    for place, part in zip(PLACES, others, strict=True):
        examples = [item for side in examples_of(part, zooms, base.card.size_cutoff_um) for item in side]
        before, after = (said(Predictor(one), examples) for one in (model, replace(model, card=card)))
        found[place] = before, after
    cells = [f"{sum(one.given == one.found for one in checked)}/{len(checked)}"]
    for before, after in found.values():
        cells += [f"{before.right.mean():.3f}", *(f"{calibration_error(one):.3f}" for one in (before, after))]
    print(f"| {kind}, {name}, {seed} | {' | '.join(cells)} | {time.process_time() - start:.0f} |", flush=True)
    if given.results:
        line = {
            "kind": kind,
            "base": name,
            "seed": seed,
            "checked": [(one.sure, one.given == one.found) for one in checked],
            **{place: [before.sure.tolist(), before.right.tolist()] for place, (before, _) in found.items()},
        }
        with given.results.open("a") as file:
            file.write(json.dumps(line) + "\n")
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="recalibration", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--annotations", type=int, nargs="+", default=[15, 17, 20], help="taken in turn")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--results", type=Path)
    given = parser.parse_args(arguments)
    one_thread()
    names = ["kind, base, seed", "cross-check right"]
    names += [f"{place}: {what}" for place in PLACES for what in ("right", "ECE before", "ECE after")] + ["seconds"]
    print(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}")
    seeds = range(given.first, given.first + given.seeds)
    runs = [one_run(seed, given.annotations[seed % len(given.annotations)], given) for seed in seeds]
    for place in PLACES:
        for when, number in (("before", 0), ("after", 1)):
            each = [calibration_error(run[place][number]) for run in runs]
            together = calibration_error(sum((run[place][number] for run in runs), NOTHING))
            print(
                f"{place}, {when}: mean of runs {np.mean(each):.3f}, at most .05 in {sum(e <= 0.05 for e in each)} of "
                f"{len(each)}; of all answers together {together:.3f}"
            )
    return 0
