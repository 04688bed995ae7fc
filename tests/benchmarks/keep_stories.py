"""The article's cases in which a built-in model will do, on simulated cells, and the sample runs that tell them.

Murine peritoneal cells, to clean up a gate, and Drosophila cells, a first look: the half-resolution cell model is
judged by a reviewer that knows the truth, as in `verdicts`, in random order, until the app says keep or retrain.

    python -m tests.benchmarks keep_stories [--write sample_runs] [--only drosophila]
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.reference_story import make_samples, strip
from tests.benchmarks.verdicts import judgement
from tests.reviewing import judge
from tui_cytpix.core.statistics.sequential_tests import Decision
from tui_cytpix.simulate.kinds.catalogue import kind_named
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.assess.verdict import outcome
from tui_cytpix.workflow.assess.verdict_words import verdict_lines
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.predict import predict_now
from tui_cytpix.workflow.run.run import Run

MODEL = "cell-half"
GOOD_IOU = 0.7
ENOUGH = 20  # images before a word falls


@dataclass(frozen=True)
class KeepStory:
    """`sample` is simulated as `kind` with `seed`."""

    run: str
    title: str
    sample: str
    kind: str
    seed: int
    goal: str
    images: int


STORIES = (
    KeepStory(
        "peritoneal", "Murine peritoneal cells: clean up a gate", "lavage", "murine-peritoneal", 11, "gating", 240
    ),
    KeepStory("drosophila", "Drosophila cells: a first look", "culture", "drosophila", 12, "exploration", 130),
)


def tell(folder: Path, story: KeepStory) -> Run:
    """The story up to the verdict; prints it, and what was judged."""
    run = Run.create(folder, story.title, seed=story.seed)
    run.who = "demo"
    truth = make_samples(folder / "samples", {story.sample: (story.kind, story.seed)}, story.images)
    run_samples.add_sample(run, folder / "samples" / story.sample)
    review.state_goal(run, story.goal, kind_named(story.kind).convention)
    model = library.find(MODEL)
    review.choose_model(run, model)
    drawn = review.draw(run, story.images)
    store = predict_now(run, model, drawn)
    judged = []
    for key in drawn:
        said = store.get(key)
        if said is None:
            continue
        judge(run, key, model, judgement(said, truth[key], GOOD_IOU), counted=said.particle_count)
        judged.append(key)
        found = review.assessment_of(run, model, judged)
        if len(judged) >= ENOUGH and outcome(found) is not Decision.OPEN:
            break
    print(f"{story.run}: {outcome(found)} after {len(judged)} of {len(drawn)} images")
    print(*filter(None, verdict_lines(found)), sep="\n")
    return run


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="keep_stories", description=__doc__)
    parser.add_argument("--write", type=Path, help="make these the sample runs in this folder")
    parser.add_argument("--only", nargs="+", choices=[story.run for story in STORIES])
    options = parser.parse_args(arguments)
    for story in STORIES:
        if options.only and story.run not in options.only:
            continue
        with tempfile.TemporaryDirectory() as aside:
            os.environ["XDG_DATA_HOME"] = aside
            folder = Path(aside) / story.run
            tell(folder, story).close()
            if options.write:
                strip(folder)
                shutil.rmtree(options.write / story.run, ignore_errors=True)
                shutil.copytree(folder, options.write / story.run)
    return 0
