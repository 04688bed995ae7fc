"""Step 4, second half: starting the training job, and asking it for things."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.domain.jobs.wishes import AddEpochs, Check, Pause, Reload, Resume, Stop
from tui_cytpix.errors import ModelFileError, RunError, UsageError, refusal
from tui_cytpix.formats.model.file import read_card
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.run_samples import refuse_changed
from tui_cytpix.workflow.train.watch import TrainingWatch


def start(
    run: Run, epochs: int | None = None, *, check: bool = True, slurm_options: Sequence[str] | None = None
) -> JobFolder:
    """Starts training, or goes on where it was left, for that many more epochs. Does not wait. Of two starts at once
    one trains, and the other's engine leaves again. At its end comes a cross-check, unless that was done for these
    annotations, or `check` is off. It trains here, or on a node of Slurm where options of sbatch are given.

    Raises:
        RunError: too few annotations, or training is at work already.
        SampleChangedError: a sample is not the one that it was.
        ModelFileError: no base model, or it changed.
        UsageError, JobError: the engine can't be started.
    """
    refuse_unready(run)
    status = TrainingWatch(run.folder).poll()
    if status.live:
        raise RunError("Training is at work already", f"{status.job}.", "Pause, resume or stop that one.")
    base = library.base_of(run)
    goes_on = can_go_on(run)
    if not goes_on and epochs != 0:
        _put_aside(run.folder.checkpoints)
    settings = run.settings.train if epochs is None else replace(run.settings.train, epochs=epochs)
    spec = TrainSpec(
        **vars(settings),
        run=str(run.path),
        base=base.path,
        base_hash=base.hash,
        base_name=base.card.name,
        resume=str(_last(run)) if goes_on else "",
        zoom=run.settings.base_model.zoom,
        seed=run.settings.seed,
        check=check,
    )
    job = jobs.create(run.folder.jobs, spec)
    jobs.start_on(job, slurm_options)
    return job


def refuse_unready(run: Run) -> None:
    """Raises:
    RunError: too few annotations, or none that teaches anything.
    SampleChangedError: a sample is not the one that it was, and an annotated image of it not among the run's copies.
    """
    missing = run.annotations.ready_to_train()
    if missing:
        raise RunError("Training can't start yet", missing)
    annotated = {state.image: state.segmentation for state in run.annotations.accepted()}
    if not any(drawn and drawn.particle_count for drawn in annotated.values()):
        raise RunError(
            "There is nothing to learn", "None of the annotated images holds a particle.", "Annotate images with cells."
        )
    refuse_changed(run, {image.sample for image in annotated if not run.folder.preview_image(image).is_file()})
    if not run.flush():
        raise RunError("Training can't start yet", run.problem, "Free some space; what you decided is kept meanwhile.")


def can_go_on(run: Run) -> bool:
    """Whether training's state is there, of this base model and this version. Without it, as in a run that travelled
    light or whose base was chosen anew, training begins at the base.
    """
    if not _last(run).is_file():
        return False
    try:
        card = read_card(_last(run))
    except ModelFileError:
        return True  # the engine says what is damaged
    return not card.out_of_use and run.settings.base_model.hash in ("", card.base)


def why_anew(run: Run) -> str:
    """Why a run that has trained before can't go on where it was, as a sentence; empty where it can."""
    if can_go_on(run):
        return ""
    if not _last(run).is_file():
        return "Its checkpoints are not here: training begins anew, at the base."
    return "Its checkpoints are of another base model: they are put aside, and training begins anew, at the base."


def _put_aside(checkpoints: Path) -> None:
    if checkpoints.is_dir() and any(checkpoints.iterdir()):
        beside = (checkpoints.with_name(f"{checkpoints.name}-{n}") for n in itertools.count(1))
        checkpoints.rename(next(path for path in beside if not path.exists()))


def _last(run: Run) -> Path:
    return run.folder.checkpoints / "last.safetensors"


def check_device(device: str) -> None:
    """Raises:
    UsageError: not the name of a device.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,2})?", device):
        raise UsageError("This is no device", f"{device!r}.", "Give auto, cpu, cuda, or cuda:N for the GPU number N.")


def compute_on(run: Run, device: str | None = None, threads: int | None = None, batch: int | None = None) -> None:
    """Where the run trains from its next start on, and in how large steps; None leaves it."""
    wanted = {"device": device, "threads": threads, "batch": batch}
    changed: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    run.update(replace(run.settings, train=replace(run.settings.train, **changed)))


def wish(run_folder: RunFolder, wanted: LogLine) -> None:
    """Asks the live job.

    Raises:
        RunError: no training is at work, or the disk refuses.
    """
    status = TrainingWatch(run_folder).poll()
    if not status.live:
        raise RunError("No training is at work", f"{run_folder.path}.", "Start it first.")
    try:
        JobFolder(Path(status.job)).send(wanted)
    except OSError as error:
        raise RunError(*refusal(error, status.job, "Training can't be told")) from error


def pause(run: Run) -> None:
    wish(run.folder, Pause())


def resume(run: Run) -> None:
    """Goes on, with the annotations made meanwhile; starts the engine again where it left while paused or was
    stopped.
    """
    status = TrainingWatch(run.folder).poll()
    if status.live:
        run.flush()
        wish(run.folder, Reload())
        wish(run.folder, Resume())
        return
    left = status.target - status.epoch
    start(run, max(left, 0) if status.epochs else run.settings.train.epochs)  # 0: what is left is the cross-check


def add_epochs(run: Run, epochs: int) -> None:
    """Trains that much longer: tells the live job, or starts another."""
    if TrainingWatch(run.folder).poll().live:
        wish(run.folder, AddEpochs(epochs))
    else:
        start(run, epochs)


def reload(run: Run) -> None:
    """Tells a live job that annotations changed; they enter at the next epoch."""
    if run.read_only:
        return
    run.flush()
    if TrainingWatch(run.folder).poll().live:
        wish(run.folder, Reload())


def check(run: Run) -> None:
    """Models that did not train on them are to see all annotated images: tells the live job, or starts one for that."""
    run.flush()
    if TrainingWatch(run.folder).poll().live:
        wish(run.folder, Reload())
        wish(run.folder, Check())
    else:
        start(run, 0)


def stop(run: Run) -> None:
    wish(run.folder, Stop())
