"""Training from the outside: what all training jobs of a run have told so far, as one picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tui_cytpix.domain.jobs.events import (
    AnnotationsRead,
    Best,
    Counts,
    Exited,
    Extended,
    Failed,
    Finished,
    LeftOut,
    Log,
    Paused,
    Progress,
    Resumed,
    Started,
    Stopped,
    ZoomChosen,
)
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.domain.jobs.training import (
    Contradiction,
    CrossChecked,
    Epoch,
    Flip,
    JobState,
    KeptMeasured,
    TrainingStatus,
)
from tui_cytpix.domain.model_card import Kept
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.zoom import Zoom
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.job import ANOTHER, LOOKS, JobFolder, LineTail
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run import jobs

LOG_LINES = 50
_WORDS: Mapping[type[LogLine], str] = {
    Started: "training started on {device}",
    Paused: "paused after epoch {epoch}",
    Resumed: "resumed",
    AnnotationsRead: "{training} images train, {validation} validate",
    Extended: "{epochs} more epochs: up to {target}",
    CrossChecked: "cross-check done: {folds} models of {epochs} epochs",
    Finished: "finished at epoch {epoch}",
    Stopped: "stopped at epoch {epoch}",
    Exited: "the engine left ({reason}); what was trained is saved",
    Failed: "failed: {reason}",
    LeftOut: "{text}",
    Log: "{text}",
}


class _Story:
    """A fold over the job events of training, in order."""

    def __init__(self) -> None:
        self.epochs: dict[int, Epoch] = {}
        self.best: int | None = None
        self.looks: dict[ImageKey, dict[int, int]] = {}
        self.contradictions: dict[ImageKey, tuple[int, dict[int, tuple[int, float]]]] = {}
        self.log: list[str] = []
        self.looked = 0
        self.zoom: Zoom | None = None
        self.crosscheck: CrossChecked | None = None
        self.checks: list[Progress] = []  # of the cross-check at work
        self.kept: dict[int, Kept] = {}

    def feed(self, event: LogLine) -> None:
        """Takes the next event. An epoch that was repeated after a crash replaces its first try."""
        match event:
            case Epoch():
                self.epochs[event.epoch] = event
            case Best():
                self.best = event.epoch
            case Counts():
                for image, count in event.counts.items():
                    self.looks.setdefault(image, {})[event.epoch] = count
                if event.scope == "annotated":
                    self._contradict(event.epoch, event.counts, event.contradicted or {})
                else:
                    self.looked = event.epoch
            case CrossChecked():
                self.crosscheck = event
            case KeptMeasured():
                self.kept[event.epoch] = event.kept
            case Started():
                self.checks = []
            case Progress():
                self.checks = [*self.checks[:1], event] if event.done < event.total else []
            case ZoomChosen():
                self._see(Zoom(event.times, event.by), event.time)
        if type(event) in _WORDS and event != Finished(0, seq=event.seq, time=event.time):  # of a cross-check alone
            self.log.append(_in_words(event))

    def _see(self, zoom: Zoom, told: float) -> None:
        """Looks at images that are seen at another size begin anew: their counts may well differ."""
        if self.zoom is not None and zoom.times != self.zoom.times:
            self.looks, self.contradictions = {}, {}
            text = f"images of unknown scale were seen {self.zoom.times:.3g} times as large before"
            self.log.append(_in_words(Log(text, time=told)))
        if self.zoom != zoom:
            self.log.append(_in_words(Log(f"images {zoom.in_words()}", time=told)))
        self.zoom = zoom

    def _contradict(
        self, epoch: int, counts: Mapping[ImageKey, int], found: Mapping[ImageKey, tuple[int, float]]
    ) -> None:
        """What is no longer annotated, or annotated otherwise, begins anew: what is not contradicted is annotated as it
        was counted.
        """
        for image, (given, _) in list(self.contradictions.items()):
            if given != (found[image][0] if image in found else counts.get(image)):
                del self.contradictions[image]
        for image, (given, sure) in found.items():
            self.contradictions.setdefault(image, (given, {}))[1][epoch] = counts[image], sure

    def left_to_check(self) -> float | None:
        """Seconds that the cross-check at work will take yet, by its own pace; None before that is known."""
        if len(self.checks) < 2 or self.checks[0].done >= self.checks[1].done:
            return None
        first, last = self.checks
        return (last.time - first.time) / (last.done - first.done) * (last.total - last.done)

    def flips(self) -> tuple[Flip, ...]:
        """The images whose count changed between looks, the most restless first."""
        flips = [Flip(image, tuple(looks.items())) for image, looks in self.looks.items()]
        return tuple(sorted((f for f in flips if f.flips), key=lambda f: (-f.flips, f.image)))

    def contradicted(self) -> tuple[Contradiction, ...]:
        """In the order of their first contradiction."""
        return tuple(
            Contradiction(image, given, tuple((epoch, *look) for epoch, look in looks.items()))
            for image, (given, looks) in self.contradictions.items()
        )


def watch_at(run: Path) -> TrainingWatch:
    """Of a run that need not be open."""
    return TrainingWatch(RunFolder(run))


class TrainingWatch:
    """All training of a run so far, over all its jobs; `poll` reads only what is new, and thinks only where it is."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._tails: dict[Path, LineTail] = {}
        self._events: dict[Path, list[LogLine]] = {}
        self._fresh: dict[Path, bool] = {}
        self._story = _Story()
        self._told: list[Path] = []
        self._parts: dict[str, Any] = {}

    def _since_fresh_start(self, found: list[JobFolder]) -> list[JobFolder]:
        """The jobs of the curve at hand: those since training last began at the base model."""
        for job in found:
            if job.path not in self._fresh:
                spec = job.spec
                self._fresh[job.path] = not (isinstance(spec, TrainSpec) and (spec.resume or not spec.epochs))
        begins = [i for i, job in enumerate(found) if self._fresh[job.path]]
        return found[begins[-1] :] if begins else found

    def _read(self) -> list[JobFolder]:
        """The jobs that trained, or may yet; a second one that found another at work and left is as if it never was."""
        found = jobs.of_kind(self._folder.jobs, "train")
        fresh: dict[Path, list[LogLine]] = {}
        for job in found:
            fresh[job.path] = self._tails.setdefault(job.path, job.new_events()).new()
            self._events.setdefault(job.path, []).extend(fresh[job.path])
        found = self._since_fresh_start([job for job in found if not _yielded(self._events[job.path])])
        told = [job.path for job in found]
        if told[: len(self._told)] != self._told or any(fresh[path] for path in told[:-1]):
            self._story, self._told = _Story(), []
        news = False
        for path in told:
            events = fresh[path] if path in self._told else self._events[path]
            for event in events:
                self._story.feed(event)
            news = news or bool(events) or path not in self._told
        self._told = told
        if news or not self._parts:
            epochs = self._story.epochs
            self._parts = {
                "epochs": tuple(epochs[n] for n in sorted(epochs)),
                "flips": self._story.flips(),
                "contradictions": self._story.contradicted(),
                "log": tuple(self._story.log[-LOG_LINES:]),
                "kept": dict(self._story.kept),
            }
        return found

    def poll(self) -> TrainingStatus:
        found = self._read()
        if not found:
            return TrainingStatus(state=None)
        current = found[-1]
        own = self._events[current.path]
        state = jobs.state_of(current, own)
        epochs: tuple[Epoch, ...] = self._parts["epochs"]
        target = _target(current, own, epochs)
        message = ""
        if state in (JobState.FAILED, JobState.LOST):
            message = str(jobs.failure(current, own))
        elif state is JobState.STARTING:
            message = jobs.in_slurm(current)
        elif state is JobState.RUNNING and (message := current.note):
            state = JobState.PAUSED
        checks = self._story.checks if state in (JobState.RUNNING, JobState.PAUSED) else []
        left = self._story.left_to_check() if checks else _eta(epochs, target)
        return TrainingStatus(
            state=state,
            target=target,
            device=next((event.device for event in reversed(own) if isinstance(event, Started)), ""),
            eta_seconds=left if checks or state is JobState.RUNNING else None,
            message=message,
            job=str(current.path),
            best_epoch=self._story.best,
            looked=self._story.looked,
            zoom=self._story.zoom,
            crosscheck=self._story.crosscheck,
            checking=(checks[-1].done, checks[-1].total) if checks else (0, 0),
            left_out=sum(isinstance(event, LeftOut) for event in own),
            **self._parts,
        )


class LiveLooks:
    """What training saw at its last look at the preview."""

    def __init__(self) -> None:
        self._at = ("", 0)
        self._store: PredictionStore | None = None

    def refresh(self, status: TrainingStatus) -> None:
        """Reads it from disk where there was another look since; a job that goes on has none of its own at first."""
        at = (status.job, status.looked)
        if at == self._at:
            return
        self._at, folder = at, Path(status.job) / LOOKS
        if not status.looked:
            self._store = None
        elif folder.is_dir():
            self._store = PredictionStore(folder)

    def get(self, key: ImageKey) -> Segmentation | None:
        """None where it did not look yet."""
        return self._store.get(key) if self._store is not None else None


def _yielded(events: Sequence[LogLine]) -> bool:
    return isinstance(first := next(iter(events), None), Exited) and first.reason == ANOTHER


def _in_words(event: LogLine) -> str:
    at = datetime.fromtimestamp(event.time).strftime("%H:%M")
    return f"{at} " + _WORDS[type(event)].format_map(defaultdict(lambda: "?", to_plain(event)))


def _target(job: JobFolder, own: Iterable[LogLine], epochs: tuple[Epoch, ...]) -> int:
    """The latest that was told, else as `job.toml` says."""
    told = {type(event): event.target or 0 for event in own if isinstance(event, Started | Epoch | Extended)}
    spec = job.spec
    last = epochs[-1].epoch if epochs else 0
    return max(told.values(), default=0) or last + (spec.epochs if isinstance(spec, TrainSpec) else 0)


def _eta(epochs: tuple[Epoch, ...], target: int) -> float | None:
    recent = [e.seconds for e in epochs[-10:]]
    return sum(recent) / len(recent) * (target - epochs[-1].epoch) if recent else None
