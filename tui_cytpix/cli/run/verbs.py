"""`run new|base|select|gate|annotate|train|status|pause|resume|stop|finish|review|report`: a run by steps, headless."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, say, say_json
from tui_cytpix.cli.run import gates as gate_verbs
from tui_cytpix.cli.run import report as run_report
from tui_cytpix.cli.run import review as run_review
from tui_cytpix.cli.run import status as run_status
from tui_cytpix.cli.run import training


def parser(prog: str) -> argparse.ArgumentParser:
    """The verb's command line."""
    parser = options.Parser(prog=prog, description="A training run, step by step.")
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="run_verb", parser_class=options.Parser)
    verb = functools.partial(options.add_verb, verbs, of_run=True)
    _add_preparing(verbs, verb)
    _add_training(verb)
    review = verb("review", "the verdict on a model: draw images, take judgements, tell", run_review.review)
    run_review.add_options(review)

    report = verb("report", "write all that was decided, with figures, as one HTML page", run_report.report)
    report.add_argument(
        "--out", type=Path, metavar="FILE", help="a new file; default: report.html in the run's folder, made anew"
    )

    return parser


def _add_preparing(verbs: Any, verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Up to the annotated images."""
    new = verb("new", "make a run on samples, with a base model", new_run)
    new.add_argument(
        "--sample", dest="samples", nargs="+", action="extend", required=True, type=Path, metavar="S", help="repeatable"
    )
    new.add_argument("--base", required=True, metavar="M", help="a library name or a model file")
    new.add_argument("--preview", type=options.positive, metavar="N", help="images to choose; default: 200")
    new.add_argument("--seed", type=options.not_negative, default=0, metavar="N", help="default: 0")
    new.add_argument("--name", default="", help="default: the folder's")
    options.add_scale(new)
    options.add_zoom(new)

    base = verb("base", "choose another base model; what was annotated and judged stays", choose_base)
    base.add_argument("model", metavar="M", help="a library name or a model file")
    options.add_zoom(base, of_run=True)

    select = verb("select", "choose the preview images: 70 % at random, 30 % for variety", select_images)
    select.add_argument("--preview", type=options.positive, metavar="N", help="default: as the run says")

    gate_verbs.add(verbs)

    annotate = verb("annotate", "take label images as accepted annotations", annotate_run)
    annotate.add_argument("--from-masks", type=Path, required=True, metavar="DIR", help="EVENT.png or EVENT.tif")
    annotate.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="EVENT", help="default: all that have a label image"
    )
    annotate.add_argument("--sample", default="", metavar="NAME", help="where the run has several")


def _add_training(verb: Callable[..., argparse.ArgumentParser]) -> None:
    """From them to the model."""
    train = verb("train", "train, or go on training", training.train)
    train.add_argument("--epochs", type=options.positive, metavar="N", help="additional epochs; default: 100")
    train.add_argument("--detach", action="store_true", help="don't wait for the end")
    options.add_device(train)
    train.add_argument(
        "--batch", type=options.positive, metavar="N", help="views a step; fewer need less memory; default: 8"
    )
    options.add_zoom(train, of_run=True)
    train.set_defaults(device=None, threads=None, batch=None)

    verb("status", "how far the run is", run_status.status)
    verb("pause", "pause training at the end of the epoch", training.pause)
    verb("resume", "go on, with the annotations made meanwhile", training.resume)
    verb("stop", "end training after this epoch", training.stop)

    finish = verb("finish", "make a checkpoint the run's model, and put it into the library", finish_run)
    finish.add_argument("--name", required=True, help="of the new model")
    finish.add_argument(
        "--checkpoint",
        default="",
        metavar="C",
        help="best, last or epoch-NNNN; default: best where five images or more validate, else last",
    )
    finish.add_argument("--notes", default="", metavar="TEXT", help="for the model's card")


def new_run(arguments: argparse.Namespace) -> int:
    """Makes the run, once samples and base are known to be good."""
    from tui_cytpix.domain.run_settings import DEFAULT_PREVIEW
    from tui_cytpix.workflow.assess import review
    from tui_cytpix.workflow.base_model import library
    from tui_cytpix.workflow.run import run_samples, zoom
    from tui_cytpix.workflow.samples import selection
    from tui_cytpix.workflow.samples.inspect import inspect

    preview = DEFAULT_PREVIEW if arguments.preview is None else arguments.preview
    selection.check_preview(preview)
    base = library.find(arguments.base)
    for path in arguments.samples:
        inspect(path, arguments.um_per_px)
    scale, name, seed = arguments.um_per_px, arguments.name, arguments.seed
    with options.writing(run_samples.create_run(arguments.run, arguments.samples, scale, name=name, seed=seed)) as run:
        refs = run.settings.samples
        library.choose(run, base)
        review.choose_model(run, base)
        seen = zoom.set_zoom(run, arguments.zoom)
        told = bool(arguments.zoom or zoom.of_unknown_scale(run))
        selection.set_preview(run, preview)
        settings = run.settings
    for ref in refs:
        if ref.um_per_px is None:
            note(f"{ref.name}: um/px is unknown: no size cutoff, micron fields stay empty.")
    if told:
        note(seen)
    if arguments.json:
        found = [asdict(ref) for ref in refs]
        say_json({"run": str(run.path), "name": settings.name, "base": base.card.name, "samples": found})
    else:
        say(f"{run.path}: a run on {', '.join(r.name for r in refs)}, to start from {base.card.name}")
        note(f"Next: tui-cytpix run select {run.path}, or annotate in the app: tui-cytpix {run.path}")
    return 0


def choose_base(arguments: argparse.Namespace) -> int:
    """Makes another model the base; training then begins at it."""
    from tui_cytpix.workflow.base_model import library
    from tui_cytpix.workflow.run import zoom
    from tui_cytpix.workflow.run.run import Run

    base = library.find(arguments.model)
    with options.writing(Run.open(arguments.run)) as run:
        library.choose(run, base)
        if arguments.zoom is not None:
            note(zoom.set_zoom(run, arguments.zoom))
    if arguments.json:
        say_json({"run": str(arguments.run), "base": base.card.name, "hash": base.hash})
    else:
        say(f"{arguments.run}: starts from {base.card.name}")
    return 0


def select_images(arguments: argparse.Namespace) -> int:
    """Chooses the preview images."""
    from tui_cytpix.workflow.run.run import Run
    from tui_cytpix.workflow.samples import coverage, selection

    with options.writing(Run.open(arguments.run)) as run, Progress("looking at images") as progress:
        preview = run.settings.selection.preview if arguments.preview is None else arguments.preview
        chosen = selection.select(run, preview, progress)
        run.go_to("samples")
        coverage.save(run, chosen)
        figures = coverage.figures(run, chosen)
    for text in (*chosen.notes, *(one.in_words() for one in figures)):
        note(text)
    settings = chosen.settings
    if arguments.json:
        groups = {"random": [str(k) for k in settings.random], "variable": [str(k) for k in settings.variable]}
        covered = {"coverage": [asdict(one) | {"share": one.share} for one in figures]}
        say_json(
            {"run": str(run.path), "candidates": len(chosen.candidates), **groups, "notes": chosen.notes, **covered}
        )
    else:
        say(f"{len(settings.images)} images: {len(settings.random)} at random, {len(settings.variable)} for variety")
    return 0


def annotate_run(arguments: argparse.Namespace) -> int:
    """Takes label images in."""
    from tui_cytpix.domain.annotation import Side
    from tui_cytpix.workflow.annotate.from_labels import annotate_from_masks
    from tui_cytpix.workflow.run.run import Run
    from tui_cytpix.workflow.train import control

    with options.writing(Run.open(arguments.run)) as run:
        intake = annotate_from_masks(run, arguments.from_masks, arguments.sample, arguments.only)
        run.go_to("train")
        book = run.annotations
        counts = {"accepted": len(book.accepted()), "validation": len(book.side(Side.VALIDATION))}
        missing_to_train = book.ready_to_train()
        control.reload(run)
    failures = [{"event": event, "reason": reason} for event, reason in intake.failures]
    if arguments.json:
        say_json({"run": str(run.path), "taken": intake.accepted, "failures": failures, **counts})
    else:
        say(f"{intake.accepted} images annotated from {arguments.from_masks}")
        say(f"{counts['accepted']} in all, {counts['validation']} of them held out for validation")
    if missing_to_train:
        note(missing_to_train)
    for failure in failures:
        note(f"failed: {failure['event']}: {failure['reason']}")
    return 1 if failures else 0


def finish_run(arguments: argparse.Namespace) -> int:
    """Writes the model."""
    from tui_cytpix.workflow.run.run import Run
    from tui_cytpix.workflow.train import finish as finish_training

    with options.writing(Run.open(arguments.run)) as run:
        model = finish_training.finish(run, arguments.name, arguments.checkpoint, arguments.notes)
        run.go_to("evaluate")
    if arguments.json:
        say_json({"run": str(run.path), "model": model.path, "hash": model.hash, "card": asdict(model.card)})
    else:
        say(f"{model.path}: {model.card.name}, also in your library")
    return 0
