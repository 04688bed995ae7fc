"""Asking a model about images: one warm engine process per open run, or one for a single headless request."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.training import JobState
from tui_cytpix.errors import CytpixError, JobError
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.formats.run.json_log import LogTail
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.run import Run

CHUNK = 32
IN_FLIGHT = 2
IDLE_EXIT_SECONDS = 600
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class PredictProgress:
    """How far all requests are. `problems` are sentences about images or models that failed."""

    done: int
    total: int
    starting: bool
    problems: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """True while something is still to come."""
        return self.done < self.total


class PredictService:
    """Requests go out in chunks, two at a time, so that the gallery fills as answers come and a cancel takes effect
    at once.

    `poll` is cheap: call it a few times a second from a worker while `progress.busy`.
    """

    def __init__(self, run: Run, device: str = "auto", threads: int = 0) -> None:
        self._run, self._device, self._threads = run, device, threads
        self._job: JobFolder | None = None
        self._tail: LogTail | None = None
        self._events: list[dict[str, Any]] = []
        self._backlog: deque[tuple[ModelEntry, list[ImageKey]]] = deque()
        self._flying: dict[int, tuple[ModelEntry, dict[ImageKey, tuple[str, ...]]]] = {}  # and how they are to be seen
        self._stores: dict[str, PredictionStore] = {}
        self._next_id = 1
        self._done = self._total = 0
        self._problems: list[str] = []
        self._pace: dict[str, tuple[int, float]] = {}  # by model: images, and seconds of the engine

    def images_per_second(self, model: ModelEntry) -> float:
        """How fast the model was in this session, reading included; NaN where it was not asked."""
        images, seconds = self._pace.get(model.hash, (0, 0.0))
        return images / seconds if seconds > 0 else math.nan

    def store(self, model: ModelEntry) -> PredictionStore:
        """The model's answers so far."""
        if model.hash not in self._stores:
            self._stores[model.hash] = self._run.answers(model.hash)
        return self._stores[model.hash]

    def request(self, model: ModelEntry, images: Iterable[ImageKey]) -> int:
        """Asks for the images that have no answer yet; returns how many those are."""
        known = set(self.store(model).keys())
        known.update(key for asked, waiting in self._backlog if asked.hash == model.hash for key in waiting)
        for asked, sent in self._flying.values():
            if asked.hash == model.hash:
                known.update(key for key, ways in sent.items() if ways == self._run.ways(key.sample))
        new = [key for key in images if key not in known]
        if not self.progress.busy:
            self._done = self._total = 0
        self._total += len(new)
        self._backlog.extend((model, new[i : i + CHUNK]) for i in range(0, len(new), CHUNK))
        self._send()
        return len(new)

    def cancel(self) -> None:
        """Drops what was not sent yet."""
        self._total -= sum(len(images) for _, images in self._backlog)
        self._backlog.clear()

    @property
    def progress(self) -> PredictProgress:
        """The state after the last `poll`."""
        starting = bool(self._flying) and not any(e["type"] == "started" for e in self._events)
        return PredictProgress(self._done, self._total, starting, tuple(self._problems))

    def poll(self) -> PredictProgress:
        """Takes in what the engine said since."""
        if self._job is not None and self._tail is not None:
            for event in self._tail.new():
                self._events.append(event)
                self._take(event)
            if self._flying and jobs.state_of(self._job, self._events) not in (
                JobState.STARTING,
                JobState.RUNNING,
            ):
                self._fail(jobs.failure(self._job, self._events))
        self._send()
        return self.progress

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["type"] not in ("predicted", "request_failed"):
            return
        if (request := self._flying.pop(int(event["id"]), None)) is not None:
            self._done += len(request[1])
            images, seconds = self._pace.get(request[0].hash, (0, 0.0))
            spent = float(event.get("seconds", 0.0))
            self._pace[request[0].hash] = (images + int(event.get("images", 0)), seconds + spent)
        if event["type"] == "request_failed":
            self._problems.append(str(event.get("reason", "")))
        self._problems.extend(str(text) for text in event.get("problems", []))
        for store in self._stores.values():
            store.refresh()

    def _fail(self, error: CytpixError) -> None:
        self._problems.append(str(error))
        self._done = self._total = 0
        self._flying.clear()
        self._backlog.clear()
        self._job = self._tail = None
        self._events = []

    def _send(self) -> None:
        while self._backlog and len(self._flying) < IN_FLIGHT:
            if self._job is None or jobs.state_of(self._job, self._events) in (
                JobState.LOST,
                JobState.STOPPED,
                JobState.FINISHED,
            ):
                self._start()
            model, images = self._backlog.popleft()
            assert self._job is not None
            ways = {key: self._run.ways(key.sample) for key in images}  # before: what changes meanwhile is asked again
            self._job.send(
                "predict",
                id=self._next_id,
                model=model.path,
                images=grouped(self._run, images),
                out=str(self._run.folder.predictions(model.hash)),
                shard=f"{time.time_ns():020d}",
            )
            self._flying[self._next_id] = model, ways
            self._next_id += 1

    def _start(self) -> None:
        self._job = jobs.create(
            self._run.folder.jobs,
            "predict",
            {
                "run": str(self._run.path),
                "device": self._device,
                "threads": self._threads,
                "idle_exit_s": IDLE_EXIT_SECONDS,
                "once": False,
            },
        )
        self._tail, self._events = LogTail(self._job.events_path), []
        jobs.start(self._job)

    def close(self) -> None:
        """Lets the engine go."""
        self._backlog.clear()
        if self._job is not None:
            self._job.send("stop")
            self._job = None


def grouped(run: Run, images: Sequence[ImageKey]) -> list[dict[str, Any]]:
    """The images of a request, by sample, as the engine reads them."""
    events: dict[str, list[str]] = {}
    for key in images:
        events.setdefault(key.sample, []).append(key.event)
    groups: list[dict[str, Any]] = []
    for name, found in events.items():
        ref = run.settings.sample(name)
        group: dict[str, Any] = {"sample": name, "path": str(run.folder.sample_path(ref)), "events": found}
        if ref.um_per_px is not None:
            group["um_per_px"] = ref.um_per_px
        elif run.settings.base_model.zoom:
            group["zoom"] = run.settings.base_model.zoom
        groups.append(group)
    return groups


def predict_now(
    run: Run,
    model: ModelEntry,
    images: Sequence[ImageKey],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    device: str = "auto",
    threads: int = 0,
) -> PredictionStore:
    """Waits for the answers; for headless use.

    Raises:
        JobError: the engine failed.
    """
    service = PredictService(run, device, threads)
    try:
        service.request(model, images)
        while service.poll().busy:
            on_progress(service.progress.done, service.progress.total)
            time.sleep(POLL_SECONDS)
        store = service.store(model)
        problems = service.progress.problems
        if problems and not set(images) & set(store.keys()):
            raise JobError("No image could be processed", problems[0])
        return store
    finally:
        service.close()


def store_of(run: Run, model: ModelEntry) -> PredictionStore:
    """The model's answers that the run holds."""
    return run.answers(model.hash)


def wait(job: JobFolder, on_event: Callable[[Mapping[str, Any]], None]) -> list[dict[str, Any]]:
    """Follows a job to its end.

    Raises:
        JobError: it failed or was lost.
    """
    tail, events = LogTail(job.events_path), list[dict[str, Any]]()
    while True:
        new = tail.new()
        events.extend(new)
        for event in new:
            on_event(event)
        state = jobs.state_of(job, events)
        if state in (JobState.FINISHED, JobState.STOPPED):
            return events
        if state in (JobState.FAILED, JobState.LOST):
            events.extend(tail.new())
            raise jobs.failure(job, events)
        time.sleep(POLL_SECONDS)


def job_path(path: Path) -> Path:
    """Where a job without a run lies, beside its output."""
    return path / ".job"
