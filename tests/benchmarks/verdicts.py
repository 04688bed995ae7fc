"""Is `cell-half` good enough for these cells? Step 1 played by a reviewer that knows the truth, and what triage offers.

    python -m tests.benchmarks verdicts [--model cell-half] [--images 600] [--iou 0.7]

Murine cells for gating, Drosophila for data exploration, S. pombe for a quantitative comparison, all simulated: a line
each with the verdict, those on count, mask and multiplets, after how many images they fell, the true error rates over
all images of the sample, and the model that triage would begin with. A mask is wrong below the given IoU.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from tests.benchmarks.reference_story import mask_iou
from tests.reviewing import judge
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.formats.masks.label_images import find_label_images, read_label_image, segmentation_from_labels
from tui_cytpix.simulate import write
from tui_cytpix.workflow.assess import review, triage
from tui_cytpix.workflow.assess.findings import Finding
from tui_cytpix.workflow.assess.goal import DEFAULT_CONVENTION
from tui_cytpix.workflow.assess.verdict import outcome
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import predict, run_samples
from tui_cytpix.workflow.run.run import Run

STORIES = (
    ("murine-peritoneal", "gating"),
    ("drosophila", "exploration"),
    ("pombe-rich", "quantitative"),
)
SEED = 31


def judgement(said: Segmentation, truth: Segmentation, least_iou: float) -> Judgement:
    """The reviewer's key."""
    wrong_count, wrong_mask = said.particle_count != truth.particle_count, mask_iou(said.mask, truth.mask) < least_iou
    if wrong_count and wrong_mask:
        return Judgement.BOTH
    return Judgement.COUNT_ERROR if wrong_count else Judgement.MASK_ERROR if wrong_mask else Judgement.ACCEPTABLE


def tell(folder: Path, kind: str, goal: str, given: argparse.Namespace) -> str:
    """One story."""
    path = folder / kind
    write(kind, path, given.images, "folder", SEED)
    found = find_label_images(Path(f"{path}.truth"))
    truth = {ImageKey(kind, event): segmentation_from_labels(read_label_image(label)) for event, label in found.items()}
    with Run.create(folder / f"{kind}-run", seed=SEED) as run:
        run_samples.add_sample(run, path, 0.3)
        review.state_goal(run, goal, DEFAULT_CONVENTION)
        model = library.find(given.model)
        review.choose_model(run, model)
        drawn = review.draw(run, given.images)
        store = predict.predict_now(run, model, drawn, threads=1)
        judged = {key: judgement(said, truth[key], given.iou) for key in drawn if (said := store.get(key)) is not None}
        answered = [key for key in drawn if key in judged]
        for key in answered:
            said = store.get(key)
            assert said is not None
            judge(run, key, model, judged[key], counted=said.particle_count)
        assessed = review.assessment_of(run, model, answered)
        verdict = assessed.all
    wrong_counts = sum(j in (Judgement.COUNT_ERROR, Judgement.BOTH) for j in judged.values()) / len(judged)
    wrong_masks = sum(j in (Judgement.MASK_ERROR, Judgement.BOTH) for j in judged.values()) / len(judged)
    (ranked,) = triage.triage(triage.TriageRequest((path,), images=100, um_per_px=0.3, threads=1))
    best = ranked.models[0]
    cells = [f"{kind}, {goal}", outcome(assessed), _told(verdict.count), f"{wrong_counts:.1%}"]
    cells += [_told(verdict.mask), f"{wrong_masks:.1%}", _told(verdict.multiplets)]
    return f"| {' | '.join(cells)} | {best.model.card.name} {best.expected:.0%} |"


def _told(found: Finding) -> str:
    return f"{found.decision} after {found.after} of {found.judged}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="verdicts", description=__doc__)
    parser.add_argument("--model", default="cell-half")
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--iou", type=float, default=0.7)
    given = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    print("| story | verdict | count | true rate | mask | true rate | multiplets | triage offers |\n|" + " --- |" * 8)
    with tempfile.TemporaryDirectory() as folder:
        for kind, goal in STORIES:
            print(tell(Path(folder), kind, goal, given), flush=True)
    return 0
