"""Replays the reference story of user-driven training on simulated S. pombe, and writes the sample run.

Full-resolution cell model; 10 annotations; 100 epochs; flicker and dips; 4 more annotations; 50 more epochs; finish.
The annotator takes what the app suggests (of the first ten four, the others as they come), and is an oracle that sees
the proposal and the truth and presses what a person would: a digit where the count is wrong, accept where each particle
is where it truly is, and takes the true mask where nothing else helps. With
`--held-out` base and new model are compared on two tubes of other seeds.

    python -m tests.benchmarks reference_story [--held-out] [--write sample_runs/s_pombe]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import tomli_w
from PIL import Image

from tests.benchmarks.training import verb
from tests.reviewing import judge
from tui_cytpix import simulate
from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.core.objects.regions import ellipses, label_objects
from tui_cytpix.core.statistics.agreement import compare_images
from tui_cytpix.domain.jobs.training import TrainingStatus
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.formats.masks.label_images import find_label_images, read_label_image, segmentation_from_labels
from tui_cytpix.workflow.annotate import suggest
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.annotate.tool import Aim, nearest_centroid
from tui_cytpix.workflow.annotate.toolbox import TOOLS
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.assess.verdict_words import verdict_lines
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import trial
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.predict import predict_now
from tui_cytpix.workflow.run.recent_runs import FRESH
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import selection
from tui_cytpix.workflow.train import control, finish
from tui_cytpix.workflow.train.advice import advice_on, queue
from tui_cytpix.workflow.train.watch import TrainingWatch

CONDITIONS = {"edinburgh-minimal": ("pombe-edinburgh", 33), "rich-medium": ("pombe-rich", 26)}
IMAGES = 60
FRESH_IMAGES, FRESH_SEED = 40, 500  # for whoever wants to tell the story anew, from other seeds
PREVIEW = 60
CONVENTION = "A septated cell counts as one until it has split; ghosts and debris do not count."
GOOD_IOU = 0.80  # of a mask in the review
ANNOTATED_IOU = 0.90  # of a mask that teaches: proposals below it are redrawn, so that all teach the same outline
LONG = 2.0
HELD_OUT, OTHER_SEED = 200, 1000


class Oracle:
    """Knows the truth; counts its keys."""

    def __init__(self, truth: dict[ImageKey, Segmentation]) -> None:
        self.truth = truth
        self.keys: Counter[str] = Counter()

    def judge(self, key: ImageKey, shown: Segmentation) -> Judgement:
        """The review's key for an image."""
        truth = self.truth[key]
        wrong_count = shown.particle_count != truth.particle_count
        wrong_mask = mask_iou(shown.mask, truth.mask) < GOOD_IOU
        if wrong_count and wrong_mask:
            return Judgement.BOTH
        return Judgement.COUNT_ERROR if wrong_count else Judgement.MASK_ERROR if wrong_mask else Judgement.ACCEPTABLE

    def annotate(self, annotator: Annotator, run: Run, key: ImageKey) -> None:
        """Corrects what is wrong and accepts."""
        truth = self.truth[key]
        for point in truth.centroids:
            shown = annotator.look_at(key).segmentation
            assert shown is not None
            if shown.particle_count == truth.particle_count:
                break
            tool = TOOLS[f"count-{count_near(truth, point)}"]
            annotator.use(key, tool, Aim((float(point[0]), float(point[1]))))
            self.keys["digit"] += 1
        shown = annotator.look_at(key).segmentation
        assert shown is not None
        if not agree(shown, truth):
            run.record_edit(key, "masks", truth)
            self.keys["redrawn"] += 1
        annotator.accept(key)
        self.keys["accept"] += 1


def agree(shown: Segmentation, truth: Segmentation) -> bool:
    """Whether a person would accept what is shown: each particle is where it truly is, and the mask is good."""
    found = compare_images(particles_of(truth), shown)
    return not (found.particles.fp or found.particles.fn) and mask_iou(shown.mask, truth.mask) >= ANNOTATED_IOU


def mask_iou(one: np.ndarray, other: np.ndarray) -> float:
    """Of two masks; 1 where both are empty."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def count_near(truth: Segmentation, point: np.ndarray) -> int:
    """How many particles the true object at the point holds."""
    labels, _ = label_objects(truth.mask)
    at = [int(labels[round(float(y)), round(float(x))]) for y, x in truth.centroids]
    here = at[nearest_centroid(truth, (float(point[0]), float(point[1]))) or 0]
    return at.count(here)


def make_samples(folder: Path, conditions: dict[str, tuple[str, int]], images: int) -> dict[ImageKey, Segmentation]:
    """A sample for each condition's kind and seed, a folder of 8-bit images with an FCS beside; returns the truth."""
    truth: dict[ImageKey, Segmentation] = {}
    folder.mkdir(parents=True)
    for name, (kind, seed) in conditions.items():
        with tempfile.TemporaryDirectory() as aside:
            simulate.write(kind, Path(aside) / name, images, "folder", seed)
            shutil.copy(Path(aside) / f"{name}.fcs", folder / f"{name}.fcs")
            (folder / name).mkdir()
            for path in sorted((Path(aside) / name).glob("*.png")):
                with Image.open(path) as picture:
                    gray = (np.asarray(picture).astype(np.uint16) >> 2).astype(np.uint8)
                Image.fromarray(gray).save(folder / name / path.name, optimize=True)
            for event, path in find_label_images(Path(aside) / f"{name}.truth").items():
                truth[ImageKey(name, event)] = segmentation_from_labels(read_label_image(path))
    return truth


def make_fresh(story: Path) -> None:
    """Samples of the same conditions, beside those of the story, that nothing was decided on."""
    others = {name: (kind, seed + FRESH_SEED) for name, (kind, seed) in CONDITIONS.items()}
    make_samples(story / FRESH, others, FRESH_IMAGES)


def follow(run: Run) -> TrainingStatus:
    """Waits for training to end."""
    watch = TrainingWatch(run.folder)
    while (status := watch.poll()).live:
        time.sleep(0.2)
    return status


def tell(folder: Path) -> Run:
    """The story, up to the finished model; prints what it measured."""
    run = Run.create(folder, "S. pombe in two culture conditions", seed=7)
    run.who = "demo"
    oracle = Oracle(make_samples(folder / "samples", CONDITIONS, IMAGES))
    for name in CONDITIONS:
        run_samples.add_sample(run, folder / "samples" / name, condition=name)
    base = library.find("cell-full")
    review.state_goal(run, "quantitative", CONVENTION)
    review.choose_model(run, base)
    shown = predict_now(run, base, review.draw(run, 30))
    for key in run.settings.assess.sequence:
        said = shown.get(key)
        judge(run, key, base, oracle.judge(key, said), counted=None if said is None else said.particle_count)
    answered = [key for key in run.settings.assess.sequence if shown.get(key) is not None]
    print(*filter(None, verdict_lines(review.assessment_of(run, base, answered))), sep="\n")

    library.choose(run, base)
    trial.draw(run, 30)
    chosen = selection.select(run, PREVIEW).settings.images
    store = predict_now(run, base, chosen)
    annotator = Annotator(run, base, store)
    first = suggest.suggested(run, TrainingStatus(None), store)[:4]
    for key in first + [k for k in chosen if k not in first][:6]:
        oracle.annotate(annotator, run, key)
    describe_annotated(run)
    began = time.monotonic()
    control.start(run, 100)
    status = follow(run)
    describe("after 100 epochs", status, oracle)
    report_flicker(status, oracle)
    advised = [key for key in queue(advice_on(run, status)) if run.annotations.state(key).side is None]
    for key in list(dict.fromkeys([*advised, *suggest.suggested(run, status, store)]))[:4]:
        oracle.annotate(annotator, run, key)
    describe_annotated(run)
    control.add_epochs(run, 50)
    describe("after 50 more", follow(run), oracle)
    print(f"training, both parts: {time.monotonic() - began:.0f} s")
    for found in advice_on(run, TrainingWatch(run.folder).poll()):
        print(f"  advice: {found.kind}: {found.words}")
    report_errors(run, oracle)
    return run


def describe_annotated(run: Run) -> None:
    """How many of the annotated images hold how many particles."""
    counts = Counter(state.segmentation.particle_count for state in run.annotations.accepted())
    print(f"annotated images by particles: {dict(sorted(counts.items()))}")


def describe(when: str, status: TrainingStatus, oracle: Oracle) -> None:
    """One line of where training stands."""
    if not status.epochs:
        raise SystemExit(f"{when}: {status.message}")
    last = status.epochs[-1]
    pace = np.mean([e.seconds for e in status.epochs])
    print(f"{when}: {status.state}, epoch {last.epoch}, TA {last.ta:.3f}, VA {last.va:.3f}, {pace:.2f} s an epoch")
    print(f"  {len(status.flips)} images flip: {', '.join(str(f.image) for f in status.flips[:6])}")
    print(f"  keys so far: {dict(oracle.keys)}")


def report_flicker(status: TrainingStatus, oracle: Oracle) -> None:
    """What kind of images flip between looks."""
    flipping = [flip.image for flip in status.flips]
    single = [key for key in flipping if oracle.truth[key].particle_count == 1]
    long = [key for key in single if elongation(oracle.truth[key].mask) >= LONG]
    others = [key for key in oracle.truth if key not in set(flipping) and oracle.truth[key].particle_count == 1]
    calm = np.median([elongation(oracle.truth[key].mask) for key in others])
    typical = f"{np.median([elongation(oracle.truth[k].mask) for k in single]):.2f}" if single else "none"
    print(
        f"  of {len(flipping)} flipping images {len(single)} show a single cell, {len(long)} of these {LONG:g} times "
        f"as long as wide or more; median elongation {typical} against {calm:.2f} of the singles that don't flip"
    )


def elongation(mask: np.ndarray) -> float:
    """Major over minor axis of the largest object."""
    labels, count = label_objects(mask)
    largest = max(ellipses(labels, count), key=lambda ellipse: ellipse.area)
    return float(largest.major / largest.minor)


def report_held_out(run: Run, folder: Path) -> None:
    """Base and new model on tubes that nothing was trained or chosen on."""
    for name, (kind, seed) in CONDITIONS.items():
        tube = folder / f"{name}-held-out"
        simulate.write(kind, tube, HELD_OUT, "folder", seed + OTHER_SEED)
        models = [library.base_of(run).path, str(run.folder.model_path)]
        options = [word for model in models for word in ("--model", model)]
        told = json.loads(verb("compare", tube, *options, "--truth", f"{tube}.truth", "--json"))["models"]
        errors = [round((1 - m["count_accuracy"]) * m["images"]) for m in told]
        print(
            f"held out, {name}, {HELD_OUT} images: {errors[0]} count errors of the base, {errors[1]} of the new model; "
            f"multiplet sensitivity {told[0]['multiplet_sensitivity']:.3f} -> {told[1]['multiplet_sensitivity']:.3f}, "
            f"singlet specificity {told[0]['singlet_specificity']:.3f} -> {told[1]['singlet_specificity']:.3f}"
        )


def report_errors(run: Run, oracle: Oracle) -> None:
    """Count errors of base and new model on the images that no step has seen."""
    new = library.entry(finish.checkpoints(run)[finish.usual_checkpoint(run)])
    for label, model in (("base", library.base_of(run)), ("new", new)):
        store = predict_now(run, model, run.settings.evaluate.sequence)
        wrong = sum(
            store.get(k).particle_count != oracle.truth[k].particle_count for k in run.settings.evaluate.sequence
        )
        print(f"{label}: {wrong} count errors in {len(run.settings.evaluate.sequence)} unseen images")


def strip(run_folder: Path) -> None:
    """Leaves what a run that travels needs: no checkpoints, no process output, nothing that names this machine."""
    for name in ("checkpoints", "preview"):
        shutil.rmtree(run_folder / name, ignore_errors=True)
    for job in (run_folder / "jobs").iterdir():
        if job.name.endswith("-predict"):
            shutil.rmtree(job)
            continue
        for path in job.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in ("job.toml", "events.jsonl"):
                path.unlink()
        spec = tomllib.loads((job / "job.toml").read_text())
        kept = {k: spec[k] for k in ("kind", "epochs", "seed", "base_name", "base_hash", "size_cutoff_um")}
        resume = "checkpoints/last.safetensors" if spec["resume"] else ""
        (job / "job.toml").write_text(tomli_w.dumps({**kept, "resume": resume}))
        events = [json.loads(line) for line in (job / "events.jsonl").read_text().splitlines()]
        travelling = [{k: v for k, v in e.items() if k not in ("host", "pid", "path", "shard")} for e in events]
        (job / "events.jsonl").write_text("".join(json.dumps(e, separators=(",", ":")) + "\n" for e in travelling))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="reference_story")
    parser.add_argument("--write", type=Path, help="make this the sample run")
    parser.add_argument("--held-out", action="store_true", help="compare on tubes of other seeds as well")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as aside:
        os.environ["XDG_DATA_HOME"] = aside
        folder = Path(aside) / "s_pombe"
        with tell(folder) as run:
            finish.finish(run, "pombe-udt")
            if options.held_out:
                report_held_out(run, Path(aside))
            predict_now(run, trial.new_model(run), [*run.settings.evaluate.sequence, *run.settings.selection.images])
            run.go_to("train")
        if options.write:
            strip(folder)
            make_fresh(folder)
            shutil.rmtree(options.write, ignore_errors=True)
            shutil.copytree(folder, options.write)
    return 0
