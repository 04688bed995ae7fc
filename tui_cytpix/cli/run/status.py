"""`run status DIR`: how far a run is."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from tui_cytpix.cli.output import note, percent, say, say_json
from tui_cytpix.domain.annotation import AnnotationBook, Side, Status
from tui_cytpix.domain.jobs.training import Epoch, TrainingStatus
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.domain.sample import SampleRef, labels_of
from tui_cytpix.domain.words import duration
from tui_cytpix.domain.zoom import Zoom
from tui_cytpix.workflow.assess import blind_first, goal
from tui_cytpix.workflow.run import run_samples, zoom
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import crosscheck
from tui_cytpix.workflow.train.advice import advice_on
from tui_cytpix.workflow.train.progress import in_words, kept_in_words
from tui_cytpix.workflow.train.watch import TrainingWatch


def status(arguments: argparse.Namespace) -> int:
    """Samples, annotations, training and model; reads only, so that it works beside an open app."""
    with Run.open(arguments.run, writing=False) as run:
        training = TrainingWatch(run.folder).poll()
        problems = list(run_samples.changed(run).values())
    note(*map(str, problems))
    if run.damaged_lines:
        note(f"{run.damaged_lines} lines of {run.path}'s logs are damaged and were passed over.")
    if arguments.json:
        say_json(_run_as_dict(run, training) | {"problems": list(map(str, problems))})
    else:
        _tell(run, training)
    return 0


def as_dict(training: TrainingStatus, book: AnnotationBook) -> dict[str, Any]:
    last = training.epochs[-1] if training.epochs else None
    return {
        "state": training.state,
        "epoch": training.epoch,
        "target": training.target,
        "ta": last.ta if last else None,
        "va": last.va if last else None,
        "va_error": last.va_error if last else None,
        "best_epoch": training.best_epoch,
        "device": training.device,
        "eta_seconds": training.eta_seconds,
        "job": training.job,
        "message": training.message,
        "epochs": [_epoch(e) for e in training.epochs],
        "flips": [{"image": str(f.image), "flips": f.flips, "history": f.history} for f in training.flips],
        "contradictions": [
            {"image": str(c.image), "given": c.given, "looks": c.looks} for c in training.contradictions
        ],
        "crosscheck": {
            "epochs_done": training.checking[0],
            "epochs_of": training.checking[1],
            "tallies": [asdict(one) for one in crosscheck.tallies(training, book)],
            "images": {str(image): to_plain(one) for image, one in crosscheck.in_force(training, book).items()},
        },
        "kept": {str(epoch): asdict(one) for epoch, one in training.kept.items()},
        "zoom": None if training.zoom is None else asdict(training.zoom),
        "log": training.log,
    }


def _epoch(epoch: Epoch) -> dict[str, Any]:
    names = ["loss", "ta", "va", "seconds", "training_images", "validation_images", "va_error", "rate"]
    return {"number": epoch.epoch, **{name: getattr(epoch, name) for name in names}}


def _counts(run: Run) -> dict[str, int]:
    book = run.annotations
    decided = [a.status for a in book.decided()]
    return {
        "accepted": decided.count(Status.ACCEPTED),
        "corrected": sum(a.corrected for a in book.accepted()),
        "training": len(book.side(Side.TRAINING)),
        "validation": len(book.side(Side.VALIDATION)),
        "rejected": decided.count(Status.REJECTED),
        "ambiguous": decided.count(Status.AMBIGUOUS),
    }


def _seen(run: Run) -> dict[str, Zoom]:
    return zoom.zooms_of(run, run.answers(run.settings.base_model.hash)) if run.settings.base_model.hash else {}


def _run_as_dict(run: Run, training: TrainingStatus) -> dict[str, Any]:
    settings = run.settings
    return {
        "run": str(run.path),
        "name": settings.name,
        "created": settings.created,
        "seed": settings.seed,
        "step": settings.step,
        "goal": goal.as_dict(settings.assess),
        "earlier_goals": [goal.as_dict(one) for one in settings.assess.earlier],
        "reviewer": blind_first.as_dict(blind_first.of_run(run)),
        "samples": [asdict(s) for s in settings.samples],
        "base_model": asdict(settings.base_model),
        "seen": {name: asdict(one) for name, one in _seen(run).items()},
        "preview": {
            "random": len(settings.selection.random),
            "variable": len(settings.selection.variable),
            "similar": len(settings.selection.similar),
        },
        "selection_gate": settings.selection.gate,
        "drawn_from": settings.selection.drawn_from,
        "annotations": _counts(run),
        "missing_to_train": run.annotations.ready_to_train(),
        "training": as_dict(training, run.annotations),
        "advice": [
            {"kind": a.kind, "words": a.words, "images": [str(i) for i in a.images]} for a in advice_on(run, training)
        ],
        "model": {"name": settings.evaluate.name, "path": str(run.folder.model_path)}
        if run.folder.model_path.is_file()
        else None,
        "damaged_lines": run.damaged_lines,
    }


def _tell(run: Run, training: TrainingStatus) -> None:
    settings, counts = run.settings, _counts(run)
    seen = zoom.in_words(_seen(run)) or [zoom.setting_in_words(run)]
    chosen = settings.selection
    rows = [
        ("step", settings.step),
        *zip(("samples", *[""] * len(settings.samples)), map(_sample, settings.samples), strict=False),
        ("goal", goal.goal_in_words(settings.assess) if settings.assess.counting_convention else "not stated"),
        *(("", line) for line in goal.history_in_words(settings.assess)),
        *(("reviews", line) for line in blind_first.in_words(blind_first.of_run(run))),
        ("base model", settings.base_model.model or "none chosen"),
        *(("", line) for line in seen),
        ("preview", chosen.groups_in_words),
        ("", chosen.drawn_from),
        (
            "annotated",
            f"{counts['accepted']} accepted ({counts['corrected']} corrected, {counts['validation']} held out), "
            f"{counts['rejected']} rejected, {counts['ambiguous']} ambiguous",
        ),
        ("", run.annotations.ready_to_train() or ""),
        ("training", _training_in_words(training)),
        ("", training.message),
        *(("", line) for line in crosscheck.in_words(training, run.annotations)),
        *(("", line) for line in kept_in_words(training)),
        *(("advice", advice.words) for advice in advice_on(run, training)),
        ("model", f"{settings.evaluate.name}: {run.folder.model_path}" if run.folder.model_path.is_file() else "none"),
    ]
    say(f"{settings.name}: {run.path}", *(f"  {name:<11} {value}" for name, value in rows if value))
    restless = training.flips[:5]
    if restless:
        say(f"  {'flips':<11} " + ", ".join(f"{f.image} ({f.flips})" for f in restless))


def _sample(sample: SampleRef) -> str:
    scale = "um/px unknown" if sample.um_per_px is None else f"{sample.um_per_px:.4g} um/px"
    told = labels_of([sample])
    labels = [f"{name} {label}" for name, label in zip(told, sample.labels(told), strict=True) if label]
    return "; ".join([f"{sample.name} ({scale})", *labels])


def _training_in_words(training: TrainingStatus) -> str:
    if training.state is None:
        return "not started"
    if training.checking[1]:
        return in_words(training)
    if not training.epochs:
        return str(training.state)
    last = training.epochs[-1]
    left = f", about {duration(training.eta_seconds)} left" if training.eta_seconds is not None else ""
    best = f", best epoch {training.best_epoch}" if training.best_epoch is not None else ""
    return (
        f"{training.state}, epoch {last.epoch} of {training.target}, TA {percent(last.ta)}, VA {percent(last.va)}"
        f" on {last.validation_images} images{best}{left}" + (f", on {training.device}" if training.device else "")
    )
