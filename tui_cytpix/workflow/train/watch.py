"""Training from the outside: what all training jobs of a run have told so far, as one picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.training import Contradiction, Epoch, Flip, JobState, TrainingStatus
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.job import ANOTHER, LOOKS, JobFolder
from tui_cytpix.formats.run.json_log import LogTail
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run import jobs

LOG_LINES = 50
_WORDS = {
    "started": "training started on {device}",
    "paused": "paused after epoch {epoch}",
    "resumed": "resumed",
    "annotations": "{training} images train, {validation} validate",
    "more": "{epochs} more epochs: up to {target}",
    "finished": "finished at epoch {epoch}",
    "stopped": "stopped at epoch {epoch}",
    "exited": "the engine left ({reason}); what was trained is saved",
    "failed": "failed: {reason}",
    "left_out": "{text}",
    "log": "{text}",
}


class _Story:
    """A fold over the events of training jobs, in order."""

    def __init__(self) -> None:
        self.epochs: dict[int, Epoch] = {}
        self.best: int | None = None
        self.looks: dict[str, dict[int, int]] = {}
        self.contradictions: dict[str, tuple[int, dict[int, tuple[int, float]]]] = {}
        self.log: list[str] = []
        self.told, self.looked = 0.0, 0
        self.zoom: Zoom | None = None

    def feed(self, event: Mapping[str, Any]) -> None:
        """Takes the next event. An epoch that was repeated after a crash replaces its first try."""
        kind = event["type"]
        if kind == "epoch":
            self.epochs[event["epoch"]] = _epoch(event)
            self.told = float(event.get("time", 0.0))
        elif kind == "best":
            self.best = event["epoch"]
        elif kind == "counts":
            for image, count in event["counts"].items():
                self.looks.setdefault(image, {})[event["epoch"]] = count
            if event.get("scope") == "annotated":
                self._contradict(event["epoch"], event["counts"], event.get("contradicted", {}))
            else:
                self.looked = event["epoch"]
        elif kind == "zoom":
            self._see(Zoom(float(event["times"]), By(event["by"])), event)
        if kind in _WORDS:
            self.log.append(_in_words(event))

    def _see(self, zoom: Zoom, event: Mapping[str, Any]) -> None:
        """Looks at images that are seen at another size begin anew: their counts may well differ."""
        if self.zoom is not None and zoom.times != self.zoom.times:
            self.looks, self.contradictions = {}, {}
            text = f"images of unknown scale were seen {self.zoom.times:.3g} times as large before"
            self.log.append(_in_words({**event, "type": "log", "text": text}))
        if self.zoom != zoom:
            self.log.append(_in_words({**event, "type": "log", "text": f"images {zoom.in_words()}"}))
        self.zoom = zoom

    def _contradict(self, epoch: int, counts: Mapping[str, int], found: Mapping[str, tuple[int, float]]) -> None:
        """What is no longer annotated, or annotated otherwise, begins anew: what is not contradicted is annotated as it
        was counted.
        """
        for image, (given, _) in list(self.contradictions.items()):
            if given != (found[image][0] if image in found else counts.get(image)):
                del self.contradictions[image]
        for image, (given, sure) in found.items():
            self.contradictions.setdefault(image, (given, {}))[1][epoch] = counts[image], sure

    def flips(self) -> tuple[Flip, ...]:
        """The images whose count changed between looks, the most restless first."""
        flips = [Flip(ImageKey.parse(image), tuple(looks.items())) for image, looks in self.looks.items()]
        return tuple(sorted((f for f in flips if f.flips), key=lambda f: (-f.flips, f.image)))

    def contradicted(self) -> tuple[Contradiction, ...]:
        """In the order of their first contradiction."""
        return tuple(
            Contradiction(ImageKey.parse(image), given, tuple((epoch, *look) for epoch, look in looks.items()))
            for image, (given, looks) in self.contradictions.items()
        )


class TrainingWatch:
    """All training of a run so far, over all its jobs; `poll` reads only what is new, and thinks only where it is."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._tails: dict[Path, LogTail] = {}
        self._events: dict[Path, list[dict[str, Any]]] = {}
        self._fresh: dict[Path, bool] = {}
        self._story = _Story()
        self._told: list[Path] = []
        self._parts: dict[str, Any] = {}

    def _since_fresh_start(self, found: list[JobFolder]) -> list[JobFolder]:
        """The jobs of the curve at hand: those since training last began at the base model."""
        for job in found:
            if job.path not in self._fresh:
                self._fresh[job.path] = not job.spec.get("resume")
        begins = [i for i, job in enumerate(found) if self._fresh[job.path]]
        return found[begins[-1] :] if begins else found

    def _read(self) -> list[JobFolder]:
        """The jobs that trained, or may yet; a second one that found another at work and left is as if it never was."""
        found = jobs.of_kind(self._folder.jobs, "train")
        fresh: dict[Path, list[dict[str, Any]]] = {}
        for job in found:
            fresh[job.path] = self._tails.setdefault(job.path, LogTail(job.events_path)).new()
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
            }
        return found

    def poll(self) -> TrainingStatus:
        """A fresh picture."""
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
        elif state is JobState.RUNNING and (message := current.note):
            state = JobState.PAUSED
        return TrainingStatus(
            state=state,
            target=target,
            device=_last(own, "started", "device", ""),
            eta_seconds=_eta(epochs, target) if state is JobState.RUNNING else None,
            message=message,
            job=str(current.path),
            best_epoch=self._story.best,
            told=self._story.told,
            looked=self._story.looked,
            zoom=self._story.zoom,
            left_out=sum(event["type"] == "left_out" for event in own),
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


def _yielded(events: list[dict[str, Any]]) -> bool:
    return bool(events) and events[0]["type"] == "exited" and events[0].get("reason") == ANOTHER


def _in_words(event: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(event.get("time", 0.0)).strftime("%H:%M")
    known = dict.fromkeys(("device", "reason", "text"), "") | dict.fromkeys(
        ("epoch", "epochs", "target", "training", "validation"), "?"
    )
    return f"{at} " + _WORDS[event["type"]].format_map({**known, **event})


def _last(events: Iterable[Mapping[str, Any]], kind: str, name: str, default: Any) -> Any:
    value = default
    for event in events:
        if event["type"] == kind:
            value = event.get(name, default)
    return value


def _epoch(e: Mapping[str, Any]) -> Epoch:
    return Epoch(
        e["epoch"],
        e["loss"],
        e["ta"],
        e["va"],
        e["seconds"],
        e["training_images"],
        e["validation_images"],
        e.get("va_error"),
        e.get("rate"),
    )


def _target(job: JobFolder, own: Iterable[Mapping[str, Any]], epochs: tuple[Epoch, ...]) -> int:
    last = epochs[-1].number if epochs else 0
    told = (_last(own, kind, "target", 0) for kind in ("more", "epoch", "started"))
    return int(max(told) or last + job.spec["epochs"])


def _eta(epochs: tuple[Epoch, ...], target: int) -> float | None:
    recent = [e.seconds for e in epochs[-10:]]
    return sum(recent) / len(recent) * (target - epochs[-1].number) if recent else None
