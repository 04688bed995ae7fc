"""What a user's model still knows of its cells after it was the base of a training on others, and what it learns.

    python -m tests.benchmarks chaining [--base sample_runs/s_pombe/model.safetensors]
        [--known pombe-edinburgh pombe-rich] [--new yeast] [--annotations 14] [--seeds 0 1 2] [--epochs 100]
        [--images 400] [--taken-for built-in UDT] [--every-kind]

A row a seed: count accuracy before and after, of simulated images of what the base knew and of what it is trained on
(`--new real:yeast`: real crops), all of tubes that no training has seen; what the job would say that was kept; and the
processor's seconds. First as a built-in base is trained, with what its card names gone over at most; then as a user's
is. As real cells are in no catalogue, neither the known kinds nor the new one are rehearsed, unless `--every-kind`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.benchmarks._cells import Crop, chosen_first, load, tube
from tests.benchmarks._fitting import Fitted, answer, compared, examples_of, model_path, zooms_of
from tests.benchmarks._threads import one_thread
from tui_cytpix.engine.network.model import Model, load_model
from tui_cytpix.engine.train.kept import kept
from tui_cytpix.engine.train.rehearsal import ALL_KINDS, rehearsal_for
from tui_cytpix.engine.train.trainer import FitSettings, Trainer

BASE = "sample_runs/s_pombe/model.safetensors"
PER_TUBE, UNSEEN_TUBES, POOL = 20, 700, 60


def unseen(kinds: Sequence[str], images: int) -> list[Crop]:
    tubes = -(-images // (PER_TUBE * len(kinds)))
    return [crop for kind in kinds for n in range(tubes) for crop in tube(kind, UNSEEN_TUBES + n, PER_TUBE)]


def annotated_and_others(new: str, number: int, images: int, seed: int) -> tuple[list[Crop], list[Crop]]:
    """What is annotated, and what the new model is tested on."""
    if not new.startswith("real:"):
        return chosen_first(tube(new, seed, POOL), number, seed), unseen([new], images)
    crops = load(new.removeprefix("real:"))
    chosen = chosen_first(crops, number, seed)
    names = {crop.name for crop in chosen}
    return chosen, [crop for crop in crops if crop.name not in names][:images]


def right(model: Model, crops: Sequence[Crop]) -> float:
    """Share of the images whose count is right."""
    answers = answer(model, crops, zooms_of(model, crops))
    fitted = Fitted(answers, 0.0, 0.0, model.card.size_cutoff_um)
    return float(np.mean([one.count_right for one in compared(fitted, crops)]))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="chaining", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default=BASE)
    parser.add_argument("--known", nargs="+", default=["pombe-edinburgh", "pombe-rich"])
    parser.add_argument("--new", default="yeast")
    parser.add_argument("--annotations", type=int, default=14)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--taken-for", nargs="+", choices=["built-in", "UDT"], default=["built-in", "UDT"])
    parser.add_argument("--every-kind", action="store_true")
    given = parser.parse_args(arguments)
    one_thread()
    base = load_model(model_path(given.base))
    known = unseen(given.known, given.images)
    before = right(base, known)
    kinds = [kind for kind in ALL_KINDS if given.every_kind or kind not in (*given.known, given.new)]
    names = ["base taken for, seed", "known before", "after", "new before", "after", "told", "seconds"]
    print(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}")
    for kind in given.taken_for:
        taken = replace(base, card=replace(base.card, kind=kind))
        for seed in given.seeds:
            annotated, others = annotated_and_others(given.new, given.annotations, given.images, seed)
            training, _ = examples_of(annotated, zooms_of(taken, annotated), taken.card.size_cutoff_um)
            start = time.process_time()
            trainer = Trainer(taken, FitSettings(), seed)
            trainer.rehearsed = rehearsal_for(taken, training, trainer.device, kinds)
            for _ in range(given.epochs):
                trainer.train_epoch(training)
            model, seconds = trainer.model(), time.process_time() - start
            told = ", ".join(f"{one.kept}/{one.kept + one.lost}" for one in kept(taken, [model], trainer.device, kinds))
            figures = [before, right(model, known), right(base, others), right(model, others)]
            cells = " | ".join(f"{value:.3f}" for value in figures)
            print(f"| {kind}, {seed} | {cells} | {told} | {seconds:.0f} |", flush=True)
    return 0
