"""`run train|check|pause|resume|stop`: the training job, followed and steered from the command line."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, percent, tell
from tui_cytpix.cli.run.status import as_dict
from tui_cytpix.domain.jobs.training import Epoch, JobState, TrainingStatus
from tui_cytpix.domain.words import duration
from tui_cytpix.errors import JobError
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import predict, zoom
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import control, crosscheck
from tui_cytpix.workflow.train.progress import in_words, kept_in_words
from tui_cytpix.workflow.train.watch import TrainingWatch

POLL_SECONDS = 0.3
STEPS = 5  # lines of a cross-check, off a terminal


def train(arguments: argparse.Namespace) -> int:
    """Starts the job and follows it; the run is free for the app meanwhile. A job that is at work already is followed
    instead.
    """
    with Run.open(arguments.run, writing=False) as seen:
        watch = TrainingWatch(seen.folder)
        before = watch.poll()
    if before.live:
        note(f"Training is at work already, up to epoch {before.target}: followed from here, nothing is started.")
    else:
        _start(arguments)
    if arguments.detach:
        status = watch.poll()
        note(f"Training is at work in the background. How far: tui-cytpix run status {arguments.run}")
        tell(arguments.json, {"run": str(seen.path), "job": status.job}, status.job)
        return 0
    return _to_the_end(arguments, watch, before)


def check(arguments: argparse.Namespace) -> int:
    """Cross-checks, at the end of the epoch where training is at work; then as `train`."""
    with Run.open(arguments.run, writing=False) as seen:
        watch = TrainingWatch(seen.folder)
        before = watch.poll()
        if crosscheck.complete(seen, before):
            note("The cross-check holds for all that is annotated: nothing is to be done.")
            return _tell(arguments, before)
        control.check(seen)
    return _to_the_end(arguments, watch, before, lambda status: status.crosscheck != before.crosscheck)


def _to_the_end(
    arguments: argparse.Namespace,
    watch: TrainingWatch,
    before: TrainingStatus,
    enough: Callable[[TrainingStatus], bool] = lambda _status: False,
) -> int:
    try:
        status = _follow(watch, before, enough)
    except KeyboardInterrupt:
        note(f"Training goes on in the background. How far: tui-cytpix run status {arguments.run}")
        note(f"To end it: tui-cytpix run stop {arguments.run}")
        raise
    if status.state in (JobState.FAILED, JobState.LOST):
        raise JobError("Training ended early", status.message)
    return _tell(arguments, status)


def _tell(arguments: argparse.Namespace, status: TrainingStatus) -> int:
    """With the annotations as they are by now."""
    with Run.open(arguments.run, writing=False) as run:
        ended = [f"{status.state}: {_in_words(epoch, status.target)}" for epoch in status.epochs[-1:]]
        lines = [*ended, *crosscheck.in_words(status, run.annotations), *kept_in_words(status)]
        tell(arguments.json, {"run": str(run.path), **as_dict(status, run.annotations)}, *lines)
    return 1 if status.left_out else 0


def _start(arguments: argparse.Namespace) -> None:
    slurm_options = options.slurm_options(arguments)
    with Run.open(arguments.run) as run:
        run.go_to("train")
        if arguments.zoom is not None:
            note(zoom.set_zoom(run, arguments.zoom))
        control.compute_on(run, arguments.device, arguments.threads, arguments.batch)
        control.refuse_unready(run)
        _ask_base(run)
        control.start(run, arguments.epochs, check=arguments.check, slurm_options=slurm_options)


def _ask_base(run: Run) -> None:
    """What the base sees in the preview and in what is annotated, advice rests on, too."""
    chosen = run.settings.train
    images = dict.fromkeys([*run.settings.preview, *(state.image for state in run.annotations.accepted())])
    with Progress("asking the base model") as progress:
        predict.predict_now(run, library.base_of(run), [*images], progress, chosen.device, chosen.threads)


def _follow(watch: TrainingWatch, before: TrainingStatus, enough: Callable[[TrainingStatus], bool]) -> TrainingStatus:
    """Waits for the job's end, or for what is `enough`; an epoch is a step of the line on a terminal, a line
    elsewhere.
    """
    log, known = before.log, len(before.epochs)
    waits, checked = "", 0
    with Progress("training") as progress:
        while True:
            status = watch.poll()
            for one in status.epochs[known if len(status.epochs) >= known else 0 :]:
                text = _in_words(one, status.target)
                if progress.terminal:
                    left = f", about {duration(status.eta_seconds)} left" if status.eta_seconds else ""
                    progress.show(text + left)
                else:
                    progress.note(text)
            known = len(status.epochs)
            for text in _appended(log, status.log):
                progress.note(text)
            log = status.log
            if status.checking[1] and progress.terminal:
                progress.show(in_words(status))
            elif status.checking[1] and checked != (checked := STEPS * status.checking[0] // status.checking[1]):
                progress.note(in_words(status))
            if status.message and status.live and status.message != waits:
                progress.note(status.message)
            waits = status.message
            if not status.live or enough(status):
                return status
            time.sleep(POLL_SECONDS)


def _appended(old: Sequence[str], new: Sequence[str]) -> Sequence[str]:
    """What `new` has behind `old`, whose oldest lines may have gone."""
    for start in range(len(old)):
        if list(new[: len(old) - start]) == list(old[start:]):
            return new[len(old) - start :]
    return new


def _in_words(epoch: Epoch, target: int) -> str:
    return (
        f"epoch {epoch.epoch} of {target}: TA {percent(epoch.ta)}, VA {percent(epoch.va)}, "
        f"loss {epoch.loss:.4g}, {epoch.seconds:.1f} s"
    )


# What each verb asks for, and what training will do then.
WISHES = {
    "pause": (control.pause, "pause at the end of the epoch"),
    "resume": (control.resume, "go on"),
    "stop": (control.stop, "stop after this epoch; the model so far stays"),
}


def ask(arguments: argparse.Namespace) -> int:
    """Pauses, resumes or stops; opens the run for reading only, so that it works beside an open app."""
    wish, what = WISHES[arguments.run_verb]
    with Run.open(arguments.run, writing=False) as run:
        wish(run)
    tell(
        arguments.json,
        {"run": str(run.path), "asked": arguments.run_verb},
        f"{run.path}: training will {what}.",
    )
    return 0
