"""`run train|status|pause|resume|stop`: the training job, followed and steered from the command line."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui_cytpix.cli.output import Progress, note, percent, say, say_json
from tui_cytpix.cli.run.status import as_dict
from tui_cytpix.domain.jobs.training import Epoch, JobState, TrainingStatus
from tui_cytpix.domain.words import duration
from tui_cytpix.errors import JobError

if TYPE_CHECKING:
    from tui_cytpix.workflow.run.run import Run
    from tui_cytpix.workflow.train.watch import TrainingWatch

POLL_SECONDS = 0.3


def train(arguments: argparse.Namespace) -> int:
    """Starts the job and follows it; the run is free for the app meanwhile. A job that is at work already is followed
    instead.
    """
    from tui_cytpix.workflow.run.run import Run
    from tui_cytpix.workflow.train.watch import TrainingWatch

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
        if arguments.json:
            say_json({"run": str(seen.path), "job": status.job})
        else:
            say(status.job)
        return 0
    try:
        status = _follow(watch, before)
    except KeyboardInterrupt:
        note(f"Training goes on in the background. How far: tui-cytpix run status {arguments.run}")
        note(f"To end it: tui-cytpix run stop {arguments.run}")
        raise
    if status.state in (JobState.FAILED, JobState.LOST):
        raise JobError("Training ended early", status.message)
    if arguments.json:
        say_json({"run": str(seen.path), **as_dict(status)})
    elif status.epochs:
        say(f"{status.state}: {_in_words(status.epochs[-1], status.target)}")
    return 1 if status.left_out else 0


def _start(arguments: argparse.Namespace) -> None:
    from tui_cytpix.workflow.run import zoom
    from tui_cytpix.workflow.run.run import Run
    from tui_cytpix.workflow.train import control

    with Run.open(arguments.run) as run:
        run.go_to("train")
        if arguments.zoom is not None:
            note(zoom.set_zoom(run, arguments.zoom))
        control.compute_on(run, arguments.device, arguments.threads, arguments.batch)
        control.start(run, arguments.epochs)


def _follow(watch: TrainingWatch, before: TrainingStatus) -> TrainingStatus:
    """Waits for the job's end; an epoch is a step of the line on a terminal, a line elsewhere."""
    log, known = before.log, len(before.epochs)
    waits = ""
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
            if status.message and status.live and status.message != waits:
                progress.note(status.message)
            waits = status.message
            if not status.live:
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


def pause(arguments: argparse.Namespace) -> int:
    """At the end of the epoch."""
    from tui_cytpix.workflow.train import control

    return _ask(arguments, control.pause, "pause at the end of the epoch")


def resume(arguments: argparse.Namespace) -> int:
    """With the annotations made meanwhile."""
    from tui_cytpix.workflow.train import control

    return _ask(arguments, control.resume, "go on")


def stop(arguments: argparse.Namespace) -> int:
    """After this epoch."""
    from tui_cytpix.workflow.train import control

    return _ask(arguments, control.stop, "stop after this epoch; the model so far stays")


def _ask(arguments: argparse.Namespace, wish: Callable[[Run], None], what: str) -> int:
    """The run is opened for reading only, so that this works beside an open app."""
    from tui_cytpix.workflow.run.run import Run

    path = Path(arguments.run)
    run = Run.open(path, writing=False)
    try:
        wish(run)
    finally:
        run.close()
    if arguments.json:
        say_json({"run": str(run.path), "asked": arguments.run_verb})
    else:
        say(f"{run.path}: training will {what}.")
    return 0
