"""An engine without torch: threads that speak the job protocol, fast. `install` puts it in the place of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
        work = {"predict": self._predict, "train": self._train, "process": self._process}[job.spec["kind"]]
        self.started.append(job)
        thread = threading.Thread(target=work, args=(job,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Ends all jobs."""
        self._closing.set()
        for thread in self._threads:
            thread.join(5)

    def _started(self, job: JobFolder, **fields: Any) -> None:
        job.beat()
        job.emit("started", device="fake", threads=1, pid=1, host="elsewhere", **fields)

    def _predict(self, job: JobFolder) -> None:
        self._started(job)
        seen = 0
        while not self._closing.is_set():
            for wish in job.control(seen):
                seen = wish["seq"]
                if wish["type"] == "stop":
                    job.emit("stopped")
                    return
                self._answer(job, wish)
            time.sleep(TICK)

    def _answer(self, job: JobFolder, wish: Mapping[str, Any]) -> None:
        name = read_card(Path(wish["model"])).name
        keys = {ImageKey(group["sample"], event): _zoom(group) for group in wish["images"] for event in group["events"]}
        found = [Prediction(key, self.answer(name, key), zoom=zoom) for key, zoom in keys.items()]
        write_shard(Path(wish["out"]), wish["shard"], found)
        job.emit("predicted", id=wish["id"], shard=wish["shard"], images=len(keys), seconds=0.0)

    def _train(self, job: JobFolder) -> None:
        spec = job.spec
        folder = RunFolder(Path(spec["run"]))
        folder.checkpoints.mkdir(exist_ok=True)
        epoch = 0
        if spec["resume"]:
            epoch = int(read_card(Path(spec["resume"])).training["epoch"])
        target = epoch + spec["epochs"]
        self._started(job, target=target)
        seen, paused = 0, False
        while not self._closing.is_set():
            for wish in job.control(seen):
                seen = wish["seq"]
                job.emit("ack", of=seen)
                if wish["type"] in ("pause", "more", "stop"):
                    self.holds.discard(epoch)
                match wish["type"]:
                    case "pause" if not paused:
                        paused = True
                        job.emit("paused", epoch=epoch)
                    case "resume" if paused:
                        paused = False
                        job.emit("resumed")
                    case "more":
                        target += wish["epochs"]
                        job.emit("more", epochs=wish["epochs"], target=target)
                    case "stop":
                        job.emit("stopped", epoch=epoch)
                        return
            if paused or epoch in self.holds:
                time.sleep(TICK)
                continue
            if epoch >= target:
                job.emit("finished", epoch=epoch)
                return
            epoch += 1
            time.sleep(self.epoch_seconds)
            self._epoch(job, folder, epoch, target)

    def _epoch(self, job: JobFolder, folder: RunFolder, epoch: int, target: int) -> None:
        edits, _ = folder.read_edits()
        images = len({e.image for e in edits if e.action == "accept"})
        ta = 1 - 0.5 * 0.97**epoch
        job.emit(
            "epoch",
            epoch=epoch,
            loss=1 - ta,
            ta=ta,
            va=max(0.0, ta - 0.05),
            seconds=self.epoch_seconds,
            training_images=images - images // 5,
            validation_images=images // 5,
            target=target,
        )
        if epoch % 5 == 0:
            count = 1 + epoch // 5 % 2
            looks = [self._counted(ImageKey.parse(image), count) for image in self.flipping]
            write_shard(job.path / LOOKS, "preview", looks)
            job.emit("counts", epoch=epoch, scope="preview", counts=dict.fromkeys(self.flipping, count))
        if epoch % 5 and epoch < target:
            return
        base = str(job.spec["base_hash"])
        network = {"architecture": ARCHITECTURE}
        card = ModelCard("checkpoint", "full", "UDT", base, network=network, training={"epoch": epoch})
        for name in ("best", "last"):
            write_model(folder.checkpoints / f"{name}.safetensors", {"weight": np.full(1, epoch, np.float32)}, card)
        job.emit("best", epoch=epoch)

    def _counted(self, key: ImageKey, count: int) -> Prediction:
        seen = self.answer("cell-full", key)
        return Prediction(key, Segmentation(seen.mask, np.full((count, 2), 5, np.float32)))

    def _process(self, job: JobFolder) -> None:
        self._started(job)
        out = Path(job.spec["out"])
        outputs = []
        for done, sample in enumerate(job.spec["samples"], 1):
            job.emit("progress", done=done, total=len(job.spec["samples"]), what=sample["name"])
            path = out / f"{sample['name']}.csv"
            path.write_text("event\n")
            outputs.append(str(path))
        job.emit("finished", outputs=outputs, failures=[])


def _zoom(group: Mapping[str, Any]) -> Zoom:
    if "um_per_px" in group:
        return Zoom(1.0, By.SCALE, group["um_per_px"])
    return Zoom(group["zoom"], By.SET) if "zoom" in group else Zoom(1.3, By.PARTICLES)


def install(monkeypatch: pytest.MonkeyPatch, answer: Answer, epoch_seconds: float = 0.01) -> FakeEngine:
    """Puts it in the place of the engine's process."""
    engine = FakeEngine(answer, epoch_seconds)
    monkeypatch.setattr(jobs, "start", engine.start)
    return engine
