"""The advice on really trained runs whose trouble is known: clean data, wrong counts, a morphology left out.

    python -m tests.benchmarks advice [--epochs 80] [--first 0] [--seeds 2] [--annotations 20]

Simulated images of three kinds, annotated from the truth; in the second run of each kind a fifth of the annotations has
a wrong count (a single cell called two, a clump called one; the mask stays), in the third nothing but single cells is
annotated. `found` are the annotations that the advice calls inconsistent or doubtful.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tui_cytpix import simulate
from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.division import divide
from tui_cytpix.core.objects.regions import label_objects
from tui_cytpix.core.objects.watershed import object_of
from tui_cytpix.domain.jobs.training import TrainingStatus
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.label_images import find_label_images, read_label_image, segmentation_from_labels
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.predict import predict_now
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import selection
from tui_cytpix.workflow.train import control
from tui_cytpix.workflow.train.advice import Advice, advice_on
from tui_cytpix.workflow.train.watch import TrainingWatch

CASES = (("pombe-edinburgh", "cell-full"), ("pombe-rich", "cell-half"), ("leukocytes", "general-half"))
PREVIEW, WRONG = 60, 0.2
FIRST_SEED = 710_000  # not a seed that fine-tuning rehearses


def spoiled(truth: Segmentation) -> Segmentation:
    """The largest object's count made wrong: 2 for a single particle, else 1."""
    labels, count = label_objects(truth.mask)
    largest = 1 + int(np.argmax(np.bincount(labels.ravel(), minlength=count + 1)[1:]))
    inside = object_of(labels, truth.centroids) == largest
    wrong = centres(divide(labels == largest, 2 if inside.sum() == 1 else 1))
    return Segmentation(truth.mask, np.vstack([truth.centroids[~inside], wrong]).astype(np.float32))


def follow(run: Run) -> TrainingStatus:
    """Waits for training to end."""
    watch = TrainingWatch(run.folder)
    while (status := watch.poll()).live:
        time.sleep(0.5)
    return status


def trained(folder: Path, case: tuple[str, str], seed: int, trouble: str, given: argparse.Namespace) -> list[Advice]:
    """One run, told in a row of the table."""
    kind, base = case
    tube = folder / f"{kind}-{seed}"
    if not tube.exists():
        simulate.write(kind, tube, PREVIEW + 20, "folder", FIRST_SEED + seed)
    truth = {
        ImageKey(tube.name, event): segmentation_from_labels(read_label_image(path))
        for event, path in find_label_images(Path(f"{tube}.truth")).items()
    }
    with Run.create(folder / f"run-{kind}-{seed}-{trouble}", seed=seed) as run:
        run_samples.add_sample(run, tube)
        model = library.find(base)
        library.choose(run, model)
        chosen = [key for key in selection.select(run, PREVIEW).settings.images if len(truth[key].centroids)]
        predict_now(run, model, run.settings.selection.images)
        if trouble == "singles":
            chosen = [key for key in chosen if truth[key].particle_count == 1]
        annotated = chosen[: given.annotations]
        rng = np.random.default_rng(seed)
        wrong = set()
        if trouble == "wrong":
            wrong = {annotated[i] for i in rng.choice(len(annotated), round(WRONG * len(annotated)), replace=False)}
        for key in annotated:
            run.record_edit(key, "propose", spoiled(truth[key]) if key in wrong else truth[key], origin="masks")
            run.record_edit(key, "accept")
        control.start(run, given.epochs)
        status = follow(run)
        found = advice_on(run, status)
        report(f"{kind}, {base}, seed {seed}", trouble, found, wrong, truth)
        return list(found)


def report(name: str, trouble: str, found: Sequence[Advice], wrong: set[ImageKey], truth: dict) -> None:
    """A row, and what the advice names."""
    named = {image for a in found if a.kind in ("inconsistent", "doubtful") for image in a.images}
    missing = [truth[image].particle_count for a in found if a.kind in ("singles", "uncovered") for image in a.images]
    kinds = ", ".join(a.kind for a in found)
    print(
        f"| {name} | {trouble} | {kinds} | {len(named & wrong)} of {len(wrong)} wrong, {len(named - wrong)} right ones "
        f"| {missing} |",
        flush=True,
    )
    for advice in found:
        print(f"  {advice.kind}: {advice.words}", file=sys.stderr)
    TOTALS.setdefault(trouble, []).append((len(named & wrong), len(wrong), len(named - wrong)))


TOTALS: dict[str, list[tuple[int, int, int]]] = {}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="advice", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--annotations", type=int, default=20)
    given = parser.parse_args(arguments)
    print("| run | annotations | advice | found | particles in what is called missing |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as aside:
        os.environ["XDG_DATA_HOME"] = aside
        for case in CASES:
            for seed in range(given.first, given.first + given.seeds):
                for trouble in ("clean", "wrong", "singles"):
                    trained(Path(aside), case, seed, trouble, given)
    for trouble, rows in TOTALS.items():
        hits, all_wrong, false = (sum(column) for column in zip(*rows, strict=True))
        recall = f"recall {hits / all_wrong:.2f}, precision {hits / max(1, hits + false):.2f}" if all_wrong else ""
        print(f"{trouble}: {hits} of {all_wrong} wrong annotations found, {false} right ones doubted. {recall}")
    return 0
