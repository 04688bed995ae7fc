"""Asking a model about images: one warm engine process per open run, or one for a single headless request."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tui_cytpix.domain.jobs.events import Predicted, RequestFailed, Started
from tui_cytpix.domain.jobs.log_lines import LogLine, Unreadable
from tui_cytpix.domain.jobs.specs import PredictSpec
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.jobs.wishes import ImagesOfSample, Predict, Stop
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError, JobError
from tui_cytpix.formats.run.job import JobFolder, LineTail
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.run import OnProgress, Run

CHUNK = 32
ENOUGH = 2 * CHUNK  # images, from which on a model's speed is told
_log = logging.getLogger(__name__)
IN_FLIGHT = 2
POLL_SECONDS = 0.1
STOP_SECONDS = 10.0  # that a job is given to put away what it is at
WENT = (JobState.LOST, JobState.STOPPED, JobState.FINISHED)  # another engine is started; one that failed is told first


@dataclass(frozen=True)
class PredictProgress:
    """How far all requests are. `problems` are sentences about images or models that failed."""

    done: int
    total: int
    starting: bool
    problems: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        return self.done < self.total


class PredictService:
    """Requests go out in chunks, two at a time, so that the gallery fills as answers come and a cancel takes effect
    at once.

    `poll` is cheap: call it a few times a second from a worker while `progress.busy`.
    """

    def __init__(self, run: Run, device: str = "auto", threads: int = 0) -> None:
        self._run, self._device, self._threads = run, device, threads
        self._job: JobFolder | None = None
        self._tail: LineTail | None = None
        self._events: list[LogLine] = []
        self._backlog: deque[tuple[ModelEntry, list[ImageKey]]] = deque()
        self._flying: dict[int, tuple[ModelEntry, dict[ImageKey, tuple[str, ...]]]] = {}  # and how they are to be seen
        self._stores: dict[str, PredictionStore] = {}
        self._next_id = 1
        self._done = self._total = 0
        self._problems: list[str] = []
        self._pace: dict[str, tuple[int, float]] = {}  # by model: images, and seconds of the engine, once it is warm
        self._warm: set[str] = set()  # models that the engine at work has answered by

    def images_per_second(self, model: ModelEntry) -> float:
        """How fast the model is, reading included; NaN until it was measured on ENOUGH images, without the first
        request of each engine, which loads the model.
        """
        images, seconds = self._pace.get(model.hash, (0, 0.0))
        return images / seconds if seconds > 0 and images >= ENOUGH else math.nan

    def store(self, model: ModelEntry) -> PredictionStore:
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
        starting = bool(self._flying) and not any(isinstance(e, Started) for e in self._events)
        return PredictProgress(self._done, self._total, starting, tuple(self._problems))

    def poll(self) -> PredictProgress:
        """Takes in what the engine said since."""
        if self._job is not None and self._tail is not None:
            for event in self._tail.new():
                self._events.append(event)
                self._take(event)
            if self._flying and not jobs.state_of(self._job, self._events).live:
                self._fail(jobs.failure(self._job, self._events))
        self._send()
        return self.progress

    def _take(self, event: LogLine) -> None:
        answered = 0, 0.0
        match event:
            case Predicted():
                answered = event.images, event.seconds
                self._problems.extend(event.problems)
            case RequestFailed():
                self._problems.append(event.reason)
            case Unreadable(type="predicted" | "request_failed"):
                self._problems.append(event.in_words())
            case _:
                return
        if (request := self._flying.pop(event.id, None)) is not None:
            self._done += len(request[1])
            model = request[0].hash
            _log.debug("the engine answered about %d images in %.2f s", *answered)
            if model in self._warm:
                images, seconds = self._pace.get(model, (0, 0.0))
                self._pace[model] = (images + answered[0], seconds + answered[1])
            self._warm.add(model)
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
            if self._job is None or jobs.state_of(self._job, self._events) in WENT:
                self._start()
            model, images = self._backlog.popleft()
            assert self._job is not None
            ways = {key: self._run.ways(key.sample) for key in images}  # before: what changes meanwhile is asked again
            out, shard = str(self._run.folder.predictions(model.hash)), f"{time.time_ns():020d}"
            self._job.send(Predict(self._next_id, model.path, grouped(self._run, images), out, shard))
            self._flying[self._next_id] = model, ways
            self._next_id += 1

    def _start(self) -> None:
        spec = PredictSpec(run=str(self._run.path), device=self._device, threads=self._threads)
        self._job = jobs.create(self._run.folder.jobs, spec)
        self._tail, self._events = self._job.new_events(), []
        self._warm.clear()
        jobs.start(self._job)

    def close(self) -> None:
        self._backlog.clear()
        if self._job is not None:
            self._job.send(Stop())
            self._job = None


def grouped(run: Run, images: Sequence[ImageKey]) -> tuple[ImagesOfSample, ...]:
    """The images of a request, by sample, as the engine reads them."""
    events: dict[str, list[str]] = {}
    for key in images:
        events.setdefault(key.sample, []).append(key.event)
    groups = []
    for name, found in events.items():
        ref, zoom = run.settings.sample(name), run.settings.zoom_of(name)
        path = str(run.folder.sample_path(ref))
        groups.append(ImagesOfSample(name, path, tuple(found), ref.um_per_px, zoom or None, ref.channel))
    return tuple(groups)


def predict_now(
    run: Run,
    model: ModelEntry,
    images: Sequence[ImageKey],
    on_progress: OnProgress = lambda _done, _total: None,
    device: str = "auto",
    threads: int = 0,
) -> PredictionStore:
    """Waits for one model's answers; raises as `answers_now`."""
    return answers_now(run, [model], images, on_progress, device, threads)[0][0]


def answers_now(
    run: Run,
    models: Sequence[ModelEntry],
    images: Sequence[ImageKey],
    on_progress: OnProgress,
    device: str,
    threads: int,
) -> tuple[list[PredictionStore], tuple[str, ...]]:
    """Waits for the answers of several models, by one engine process; with sentences about what it could not do.

    Raises:
        JobError: the engine failed on all images.
    """
    service = PredictService(run, device, threads)
    try:
        for model in models:
            service.request(model, images)
        while service.poll().busy:
            on_progress(service.progress.done, service.progress.total)
            time.sleep(POLL_SECONDS)
    finally:
        service.close()
    stores, problems = [service.store(model) for model in models], service.progress.problems
    on_progress(service.progress.done, service.progress.total)
    if problems and not all(set(images) & set(store.keys()) for store in stores):
        raise JobError("No image could be processed", problems[0])
    return stores, problems


def wait(job: JobFolder, on_event: Callable[[LogLine], None]) -> list[LogLine]:
    """Follows a job to its end. Whoever is interrupted meanwhile stops it, too, and sees it end: a scheduler would kill
    what outlives the verb.

    Raises:
        JobError: it failed or was lost.
    """
    tail, events = job.new_events(), list[LogLine]()
    try:
        while True:
            new = tail.new()
            events.extend(new)
            for event in new:
                on_event(event)
            if not (state := jobs.state_of(job, events)).live:
                break
            time.sleep(POLL_SECONDS)
    except BaseException:
        job.send(Stop())
        _let_end(job, tail, events)
        raise
    if state in (JobState.FAILED, JobState.LOST):
        events.extend(tail.new())
        raise jobs.failure(job, events)
    return events


def _let_end(job: JobFolder, tail: LineTail, events: list[LogLine]) -> None:
    limit = time.monotonic() + STOP_SECONDS
    while time.monotonic() < limit and jobs.state_of(job, events).live:
        time.sleep(POLL_SECONDS)
        events.extend(tail.new())
