"""Whether the interval of a cross-check holds the accuracy of the run's model on images that nobody has annotated.

    python -m tests.benchmarks crosscheck [--seeds 20] [--first 0] [--annotations 14 17 20] [--epochs 100]
        [--held-out 400]

Simulated tubes with known truth, of four pairs of kind and base model in turn: the first images are annotated by it,
the model trains on four fifths of them as a run does, and answers the other images of the same tube. Beside it the
accuracy of the cross-check with its interval, of all images and of each count class with five or more; and the
processor's seconds of both.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from tests.benchmarks._cells import tube
from tests.benchmarks._fitting import examples_of, model_path, zooms_of
from tests.benchmarks._threads import one_thread
from tui_cytpix.domain.annotation import SEVERAL
from tui_cytpix.domain.jobs.training import CrossCheck, fold_epochs
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import Model, load_model
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.train.accuracy import image_accuracy
from tui_cytpix.engine.train.crosscheck import cross_checked, folds
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.engine.train.records import checks
from tui_cytpix.engine.train.rehearsal import rehearsal_for
from tui_cytpix.engine.train.trainer import FitSettings, Trainer
from tui_cytpix.workflow.train.crosscheck import CLASSES, FEWEST, tally

CASES = (
    ("pombe-edinburgh", "cell-full"),
    ("pombe-rich", "cell-half"),
    ("leukocytes", "general-half"),
    ("pombe-rich", "general-full"),
)
AT_ONCE = 32


def answers(predictor: Predictor, examples: Sequence[Example]) -> list[Segmentation]:
    found: list[Segmentation] = []
    for start in range(0, len(examples), AT_ONCE):
        part = examples[start : start + AT_ONCE]
        given = ([e.gray for e in part], [e.cutoff_px for e in part], [e.zoom for e in part])
        found += [segmentation for segmentation, _ in predictor.predict_normalised(*given)]
    return found


def held(name: str, images: Sequence[CrossCheck], unseen: Sequence[tuple[int, float]]) -> tuple[str, bool]:
    """One interval in words, and whether the mean accuracy of the unseen images (count, accuracy) lies in it."""
    one = tally("class", name, images)
    truth = sum(accuracy for _, accuracy in unseen) / len(unseen)
    low, high = one.interval or (0.0, 1.0)
    return f"{one.in_words()}, unseen {truth:.3f} ({len(unseen)})", low <= truth <= high


def trained(base: Model, training: Sequence[Example], seed: int, epochs: int) -> Trainer:
    """As a run does."""
    trainer = Trainer(base, FitSettings(), seed)
    trainer.rehearsed = rehearsal_for(base, training, trainer.device)
    for _ in range(epochs):
        trainer.train_epoch(training)
    return trainer


def cross_check(trainer: Trainer, annotated: Sequence[Example], epochs: int) -> list[CrossCheck]:
    """Of all annotated images, as at the end of a training of so many epochs by that trainer."""
    examples = {ImageKey("tube", str(n)): item for n, item in enumerate(annotated)}
    checker = Trainer(trainer.base, trainer.settings, trainer.seed)
    checker.rehearsed = trainer.rehearsed
    told: dict[ImageKey, Segmentation] = {}
    parts = folds(examples, trainer.seed)
    cross_checked(checker, examples, parts, told, fold_epochs(epochs), lambda: None, lambda *_: None)
    return list(checks(examples, told).values())


def one_run(seed: int, annotations: int, given: argparse.Namespace) -> list[tuple[str, bool]]:
    """A row of the table; what is held, of all images first."""
    kind, name = CASES[seed % len(CASES)]
    base = load_model(model_path(name))
    crops = [crop for crop in tube(kind, seed, annotations + given.held_out) if crop.labels.any()]
    training, held_out = examples_of(crops[:annotations], zooms := zooms_of(base, crops), base.card.size_cutoff_um)
    start = time.process_time()
    trainer = trained(base, training, seed, given.epochs)
    middle = time.process_time()
    found = cross_check(trainer, [*training, *held_out], given.epochs)
    end = time.process_time()
    unseen = [item for part in examples_of(crops[annotations:], zooms, base.card.size_cutoff_um) for item in part]
    of_unseen = [
        (min(item.wanted.particle_count, SEVERAL), image_accuracy(answer, item.wanted))
        for item, answer in zip(unseen, answers(trainer.predictor(), unseen), strict=True)
    ]
    rows = [held("all", found, of_unseen)]
    for number, words in enumerate(CLASSES):
        images = [one for one in found if min(one.given, SEVERAL) == number]
        if FEWEST <= len(images) < len(found):
            rows.append(held(words, images, [one for one in of_unseen if one[0] == number]))
    seconds = f"{middle - start:.0f} s, {end - middle:.0f} s"
    cells = "; ".join(f"{words}{'' if inside else ' MISSED'}" for words, inside in rows)
    print(f"| {kind}, {name}, seed {seed} | {annotations} | {cells} | {seconds} |", flush=True)
    return rows


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="crosscheck", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--annotations", type=int, nargs="+", default=[14, 17, 20], help="taken in turn")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--held-out", type=int, default=400)
    given = parser.parse_args(arguments)
    one_thread()
    print("| run | annotated | accuracy of the cross-check [95 %] right/images, of unseen images | training, check |")
    print("|---|---|---|---|")
    seeds = range(given.first, given.first + given.seeds)
    rows = [one_run(seed, given.annotations[seed % len(given.annotations)], given) for seed in seeds]
    inside = sum(row[0][1] for row in rows)
    parts = [part for row in rows for part in row[1:]]
    print(f"held: {inside} of {len(rows)} runs; of count classes {sum(ok for _, ok in parts)} of {len(parts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
