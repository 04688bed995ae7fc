"""Which rate and how many epochs suit our network best from random weights: for `scratch` in `accuracy`.

    python -m tests.benchmarks scratch_grid [--sets yeast pombe] [--annotations 10] [--seeds 2]

The rate is constant, so that one training of 400 epochs, looked at after 100 and 200, is three. Prints, for each rate
and number of epochs, the mean over sets and seeds. The seeds are not those that `accuracy` compares with.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from tests.benchmarks._cells import folds, load
from tests.benchmarks._fitting import Fitted, answer, compared, examples_of, from_scratch, model_path, zooms_of
from tests.benchmarks._results import MEASURES, value
from tests.benchmarks._threads import one_thread
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.engine.train.trainer import Trainer

RATES, EPOCHS, FIRST_SEED = (1.5e-3, 3e-3, 6e-3), (100, 200, 400), 100


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scratch_grid", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="general-full", help="whose network; a built-in model or a file")
    parser.add_argument("--sets", nargs="+", default=["yeast", "pombe"])
    parser.add_argument("--annotations", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args(arguments)
    one_thread()
    base = load_model(model_path(given.base))
    found: dict[tuple[float, int], list[list[float]]] = defaultdict(list)
    for data in given.sets:
        for seed in range(FIRST_SEED, FIRST_SEED + given.seeds):
            fold = folds(load(data), given.annotations, seed)[0]
            zooms = zooms_of(base, [*fold.annotated, *fold.test])
            training, _ = examples_of(fold.annotated, zooms, base.card.size_cutoff_um)
            for rate in RATES:
                trainer = Trainer(*from_scratch(base, seed, rate), seed)
                for epoch in range(1, EPOCHS[-1] + 1):
                    trainer.train_epoch(training)
                    if epoch in EPOCHS:
                        answers = Fitted(answer(trainer.model(), fold.test, zooms), 0.0, 0.0)
                        values = [value(measure, compared(answers, fold.test)) for measure in MEASURES]
                        found[rate, epoch].append(values)
    print(f"| rate | epochs | {' | '.join(MEASURES)} | mean |\n|{' --- |' * (3 + len(MEASURES))}")
    for (rate, epoch), rows in sorted(found.items()):
        means = np.mean(rows, axis=0)
        print(f"| {rate:g} | {epoch} | {' | '.join(f'{m:.3f}' for m in means)} | {means.mean():.3f} |")
    return 0
