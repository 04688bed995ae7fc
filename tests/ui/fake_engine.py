"""An engine without torch: threads that speak the job protocol, fast. `install` puts it in the place of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.domain.annotation import AnnotationBook
from tui_cytpix.domain.jobs.events import (
    Acknowledged,
    Best,
    Counts,
    Extended,
    Finished,
    Paused,
    Predicted,
    Progress,
    Resumed,
    Started,
    Stopped,
)
from tui_cytpix.domain.jobs.specs import PredictSpec, ProcessSpec, TrainSpec
from tui_cytpix.domain.jobs.training import CrossCheck, CrossChecked, Epoch
from tui_cytpix.domain.jobs.wishes import AddEpochs, ImagesOfSample, Pause, Predict, Resume, Stop
from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.formats.model.file import read_card, write_model
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.job import LOOKS, JobFolder
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.run import jobs

TICK = 0.01
Answer = Callable[[str, ImageKey], Segmentation]


class FakeEngine:
    """`answer(model name, key)` is what a model says; `epoch_seconds` how long an epoch takes.

    Training waits after the epochs in `holds` until it is told something: tests don't race against it.
    """

    def __init__(self, answer: Answer, epoch_seconds: float = 0.01) -> None:
        self.answer, self.epoch_seconds = answer, epoch_seconds
        self.started: list[JobFolder] = []
        self.flipping: list[str] = []
        self.holds: set[int] = set()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, job: JobFolder) -> None:
        """In the place of workflow.run.jobs.start."""
        spec = job.spec
        work = {PredictSpec: self._predict, TrainSpec: self._train, ProcessSpec: self._process}[type(spec)]
        self.started.append(job)
        thread = threading.Thread(target=work, args=(job, spec), daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Ends all jobs."""
        self._closing.set()
        for thread in self._threads:
            thread.join(5)

    def _started(self, job: JobFolder, target: int | None = None) -> None:
        job.beat()
        job.emit(Started("fake", 1, 1, "elsewhere", target))

    def _predict(self, job: JobFolder, spec: PredictSpec) -> None:
        self._started(job)
        wishes = job.new_wishes()
        while not self._closing.is_set():
            for wish in wishes.new():
                if isinstance(wish, Stop):
                    job.emit(Stopped())
                    return
                if isinstance(wish, Predict):
                    self._answer(job, wish)
            time.sleep(TICK)

    def _answer(self, job: JobFolder, wish: Predict) -> None:
        name = read_card(Path(wish.model)).name
        keys = {ImageKey(group.sample, event): _zoom(group) for group in wish.images for event in group.events}
        found = [Prediction(key, self.answer(name, key), zoom=zoom) for key, zoom in keys.items()]
        write_shard(Path(wish.out), wish.shard, found)
        job.emit(Predicted(wish.id, wish.shard, images=len(keys)))

    def _train(self, job: JobFolder, spec: TrainSpec) -> None:
        folder = RunFolder(Path(spec.run))
        folder.checkpoints.mkdir(exist_ok=True)
        epoch = 0
        if spec.resume:
            epoch = int(read_card(Path(spec.resume)).training["epoch"])
        target = epoch + spec.epochs
        self._started(job, target)
        wishes, paused = job.new_wishes(), False
        while not self._closing.is_set():
            for wish in wishes.new():
                job.emit(Acknowledged(wish.seq))
                if isinstance(wish, Pause | AddEpochs | Stop):
                    self.holds.discard(epoch)
                match wish:
                    case Pause() if not paused:
                        paused = True
                        job.emit(Paused(epoch))
                    case Resume() if paused:
                        paused = False
                        job.emit(Resumed())
                    case AddEpochs(epochs):
                        target += epochs
                        job.emit(Extended(epochs, target))
                    case Stop():
                        job.emit(Stopped(epoch))
                        return
            if paused or epoch in self.holds:
                time.sleep(TICK)
                continue
            if epoch >= target:
                if not spec.epochs:
                    self._cross_check(job, spec, folder)
                job.emit(Finished(epoch))
                return
            epoch += 1
            time.sleep(self.epoch_seconds)
            self._epoch(job, spec, epoch, target)

    def _cross_check(self, job: JobFolder, spec: TrainSpec, folder: RunFolder) -> None:
        accepted = AnnotationBook(folder.read_edits()[0]).accepted()
        images = {s.image: CrossCheck(1, 1, 0.9, 0.8, s.segmentation.digest()) for s in accepted if s.segmentation}
        job.emit(CrossChecked(images, 5, 30, spec.base_hash, spec.base_name))

    def _epoch(self, job: JobFolder, spec: TrainSpec, epoch: int, target: int) -> None:
        folder = RunFolder(Path(spec.run))
        edits, _ = folder.read_edits()
        images = len({e.image for e in edits if e.action == "accept"})
        ta = 1 - 0.5 * 0.97**epoch
        va, held_out = max(0.0, ta - 0.05), images // 5
        job.emit(Epoch(epoch, 1 - ta, ta, va, self.epoch_seconds, images - held_out, held_out, target=target))
        if epoch % 5 == 0:
            count = 1 + epoch // 5 % 2
            flipping = [ImageKey.parse(image) for image in self.flipping]
            looks = [self._counted(key, count) for key in flipping]
            write_shard(job.path / LOOKS, "preview", looks)
            job.emit(Counts(epoch, dict.fromkeys(flipping, count)))
        if epoch % 5 and epoch < target:
            return
        network = {"architecture": ARCHITECTURE}
        card = ModelCard("checkpoint", "full", "UDT", spec.base_hash, network=network, training={"epoch": epoch})
        for name in ("best", "last"):
            write_model(folder.checkpoints / f"{name}.safetensors", {"weight": np.full(1, epoch, np.float32)}, card)
        job.emit(Best(epoch))

    def _counted(self, key: ImageKey, count: int) -> Prediction:
        seen = self.answer("cell-full", key)
        return Prediction(key, Segmentation(seen.mask, np.full((count, 2), 5, np.float32)))

    def _process(self, job: JobFolder, spec: ProcessSpec) -> None:
        self._started(job)
        outputs = []
        for done, sample in enumerate(spec.samples, 1):
            job.emit(Progress(done, len(spec.samples), sample.name))
            path = Path(spec.out) / f"{sample.name}.csv"
            path.write_text("event\n")
            outputs.append(str(path))
        job.emit(Finished(outputs=tuple(outputs), failures=()))


def _zoom(group: ImagesOfSample) -> Zoom:
    if group.um_per_px is not None:
        return Zoom(1.0, By.SCALE, group.um_per_px)
    return Zoom(1.3, By.PARTICLES) if group.zoom is None else Zoom(group.zoom, By.SET)


def install(monkeypatch: pytest.MonkeyPatch, answer: Answer, epoch_seconds: float = 0.01) -> FakeEngine:
    """Puts it in the place of the engine's process."""
    engine = FakeEngine(answer, epoch_seconds)
    monkeypatch.setattr(jobs, "start", engine.start)
    return engine
