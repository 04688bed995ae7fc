"""Step 4, second half: the training job, from the outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tui_cytpix
from tui_cytpix.domain.annotation import Side
from tui_cytpix.domain.model_card import ModelCard, ModelEntry
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.training import Epoch, Flip, JobState, TrainingStatus
from tui_cytpix.errors import RunError
from tui_cytpix.formats.job_folder import JobFolder
from tui_cytpix.formats.json_log import LogTail
from tui_cytpix.formats.model_file import read_card, read_tensors, write_model
from tui_cytpix.formats.run_folder import RunFolder
from tui_cytpix.workflow import base_model, jobs
from tui_cytpix.workflow.run import Run

LOG_LINES = 50
MIN_VALIDATION_FOR_BEST = 5


def start(run: Run, epochs: int | None = None) -> JobFolder:
    """Starts training, or goes on where it was left, for that many more epochs. Does not wait.

    Raises:
        RunError: too few annotations, or training is at work already.
        ModelFileError: no base model, or it changed.
        JobError: the engine can't be started.
    """
    missing = run.annotations.ready_to_train()
    if missing:
        raise RunError("Training can't start yet", missing)
    if not run.flush():
        raise RunError("Training can't start yet", run.problem, "Free some space; what you decided is kept meanwhile.")
    status = TrainingWatch(run.folder).poll()
    if status.live:
        raise RunError("Training is at work already", f"{status.job}.", "Pause, resume or stop that one.")
    base = base_model.base_of(run)
    settings = run.settings.train
    last = run.folder.checkpoints / "last.safetensors"
    job = jobs.create(
        run.folder.jobs,
        "train",
        {
            "run": str(run.path),
            "base": base.path,
            "base_hash": base.hash,
            "base_name": base.card.name,
            "resume": str(last) if last.is_file() else "",
            "epochs": settings.epochs if epochs is None else epochs,
            "size_cutoff_um": settings.size_cutoff_um,
            "seed": run.settings.seed,
            "device": settings.device,
            "threads": settings.threads,
        },
    )
    jobs.start(job)
    return job


def compute_on(run: Run, device: str | None = None, threads: int | None = None) -> None:
    """Where the run trains from now on; None leaves it."""
    settings = run.settings.train
    device = settings.device if device is None else device
    threads = settings.threads if threads is None else threads
    run.update(replace(run.settings, train=replace(settings, device=device, threads=threads)))


class TrainingWatch:
    """All training of a run so far, over all its jobs; `poll` reads only what is new."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._tails: dict[Path, LogTail] = {}
        self._events: dict[Path, list[dict[str, Any]]] = {}
        self._fresh: dict[Path, bool] = {}

    def _since_fresh_start(self, found: list[JobFolder]) -> list[JobFolder]:
        """The jobs of the curve at hand: those since training last began at the base model."""
        for job in found:
            if job.path not in self._fresh:
                self._fresh[job.path] = not job.spec.get("resume")
        begins = [i for i, job in enumerate(found) if self._fresh[job.path]]
        return found[begins[-1] :] if begins else found

    def poll(self) -> TrainingStatus:
        """A fresh picture."""
        found = self._since_fresh_start(jobs.of_kind(self._folder.jobs, "train"))
        if not found:
            return TrainingStatus(state=None)
        for job in found:
            tail = self._tails.setdefault(job.path, LogTail(job.events_path))
            self._events.setdefault(job.path, []).extend(tail.new())
        events = [event for job in found for event in self._events[job.path]]
        current = found[-1]
        own = self._events[current.path]
        state = jobs.state_of(current, own)
        epochs = _curve(events)
        target = _target(current, own, epochs)
        return TrainingStatus(
            state=state,
            epochs=epochs,
            target=target,
            device=_last(own, "started", "device", ""),
            eta_seconds=_eta(epochs, target) if state is JobState.RUNNING else None,
            flips=_flips(events),
            message=str(jobs.failure(current, own)) if state in (JobState.FAILED, JobState.LOST) else "",
            job=str(current.path),
            best_epoch=_last(events, "best", "epoch", None),
            log=tuple(_in_words(e) for e in events if e["type"] in _WORDS)[-LOG_LINES:],
        )


_WORDS = {
    "started": "training started on {device}",
    "paused": "paused after epoch {epoch}",
    "resumed": "resumed",
    "finished": "finished at epoch {epoch}",
    "stopped": "stopped at epoch {epoch}",
    "exited": "the engine saved its state and left ({reason})",
    "failed": "failed: {reason}",
    "log": "{text}",
}


def _in_words(event: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(event.get("time", 0.0)).strftime("%H:%M")
    known: dict[str, Any] = {"device": "", "epoch": "?", "reason": "", "text": ""}
    return f"{at} " + _WORDS[event["type"]].format_map({**known, **event})


def _last(events: Iterable[Mapping[str, Any]], kind: str, name: str, default: Any) -> Any:
    value = default
    for event in events:
        if event["type"] == kind:
            value = event.get(name, default)
    return value


def _curve(events: Iterable[Mapping[str, Any]]) -> tuple[Epoch, ...]:
    """One point an epoch; an epoch that was repeated after a crash replaces its first try."""
    found: dict[int, Epoch] = {}
    for e in events:
        if e["type"] == "epoch":
            found[e["epoch"]] = Epoch(
                e["epoch"],
                e["loss"],
                e["ta"],
                e["va"],
                e["seconds"],
                e["training_images"],
                e["validation_images"],
                e.get("va_error"),
            )
    return tuple(found[n] for n in sorted(found))


def _target(job: JobFolder, own: Iterable[Mapping[str, Any]], epochs: tuple[Epoch, ...]) -> int:
    last = epochs[-1].number if epochs else 0
    return int(_last(own, "epoch", "target", 0) or _last(own, "started", "target", 0) or last + job.spec["epochs"])


def _eta(epochs: tuple[Epoch, ...], target: int) -> float | None:
    recent = [e.seconds for e in epochs[-10:]]
    return sum(recent) / len(recent) * (target - epochs[-1].number) if recent else None


def _flips(events: Iterable[Mapping[str, Any]]) -> tuple[Flip, ...]:
    """The images whose count changed between looks, the most restless first."""
    histories: dict[str, list[tuple[int, int]]] = {}
    for event in events:
        if event["type"] == "counts":
            for image, count in event["counts"].items():
                histories.setdefault(image, []).append((event["epoch"], count))
    flips = [Flip(ImageKey.parse(image), tuple(history)) for image, history in histories.items()]
    return tuple(sorted((f for f in flips if f.flips), key=lambda f: (-f.flips, f.image)))


def wish(run_folder: RunFolder, kind: str, **fields: Any) -> None:
    """Asks the live job: `pause`, `resume`, `more` (epochs), `reload` (annotations changed), `stop`.

    Raises:
        RunError: no training is at work.
    """
    status = TrainingWatch(run_folder).poll()
    if not status.live:
        raise RunError("No training is at work", f"{run_folder.path}.", "Start it first.")
    JobFolder(Path(status.job)).send(kind, **fields)


def pause(run: Run) -> None:
    """At the end of the epoch."""
    wish(run.folder, "pause")


def resume(run: Run) -> None:
    """Goes on, with the annotations made meanwhile; starts the engine again where it left while paused or was
    stopped.
    """
    status = TrainingWatch(run.folder).poll()
    if status.live:
        run.flush()
        wish(run.folder, "reload")
        wish(run.folder, "resume")
        return
    left = status.target - (status.epochs[-1].number if status.epochs else 0)
    start(run, left if left > 0 else run.settings.train.epochs)


def add_epochs(run: Run, epochs: int) -> None:
    """Trains that much longer: tells the live job, or starts another."""
    if TrainingWatch(run.folder).poll().live:
        wish(run.folder, "more", epochs=epochs)
    else:
        start(run, epochs)


def reload(run: Run) -> None:
    """Tells a live job that annotations changed; they enter at the next epoch."""
    run.flush()
    if TrainingWatch(run.folder).poll().live:
        wish(run.folder, "reload")


def stop(run: Run) -> None:
    """Ends training after this epoch; the model so far stays."""
    wish(run.folder, "stop")


def checkpoints(run: Run) -> dict[str, Path]:
    """The checkpoints that can become the model: `best`, `last`, and those kept on the way."""
    return {p.stem: p for p in sorted(run.folder.checkpoints.glob("*.safetensors"))}


def usual_checkpoint(run: Run) -> str:
    """`best` where VA rests on at least five images; else `last`, whose weights are an average of late ones: the best
    epoch by two images is luck.
    """
    return "best" if len(run.annotations.side(Side.VALIDATION)) >= MIN_VALIDATION_FOR_BEST else "last"


def finish(run: Run, name: str, checkpoint: str = "") -> ModelEntry:
    """Makes a checkpoint the run's model: writes `model.safetensors` with its card, and adds it to the user's library.

    Raises:
        RunError: nothing is trained yet, training is at work, or there is no such checkpoint.
        ModelFileError: the name is no good or taken, or the checkpoint is damaged.
    """
    status = TrainingWatch(run.folder).poll()
    if status.state in (JobState.STARTING, JobState.RUNNING):
        raise RunError("Training is at work", f"{status.job}.", "Pause or stop it first.")
    found = checkpoints(run)
    checkpoint = checkpoint or usual_checkpoint(run)
    if checkpoint not in found:
        have = ", ".join(found) or "none: nothing is trained yet"
        raise RunError("There is no such checkpoint", f"{checkpoint!r}; there are: {have}.")
    base_model.check_name(name)
    path = found[checkpoint]
    card = _final_card(read_card(path), run.settings, name, status)
    write_model(run.folder.model_path, read_tensors(path), card)
    base_model.import_model(run.folder.model_path, name)
    evaluate = replace(run.settings.evaluate, model=run.folder.model_path.name, name=name)
    run.update(replace(run.settings, evaluate=evaluate))
    return base_model.entry(run.folder.model_path)


def _final_card(card: ModelCard, settings: RunSettings, name: str, status: TrainingStatus) -> ModelCard:
    epoch = card.training.get("epoch")
    measured = next(({"TA": e.ta, "VA": e.va} for e in status.epochs if e.number == epoch), {})
    training = {
        **card.training,
        "run": settings.name,
        "seed": settings.seed,
        "samples": [{"name": s.name, "condition": s.condition, "um_per_px": s.um_per_px} for s in settings.samples],
        "epochs_in_all": status.epochs[-1].number if status.epochs else 0,
    }
    return replace(
        card,
        name=name,
        kind="UDT",
        counting_convention=settings.assess.counting_convention,
        size_cutoff_um=settings.train.size_cutoff_um,
        training=training,
        measured={**card.measured, **measured},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"tui-cytpix {tui_cytpix.__version__}",
    )
