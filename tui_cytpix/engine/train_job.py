"""The training job: fine-tunes a base model on a run's annotations, epoch by epoch, and obeys between epochs."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_cytpix.domain.annotation import AnnotationBook, Side
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.engine import checkpoints
from tui_cytpix.engine.job import Job, Leave
from tui_cytpix.engine.model import load_model, save_model
from tui_cytpix.engine.train_images import TrainImages
from tui_cytpix.engine.trainer import FitSettings, Trainer, look
from tui_cytpix.errors import ModelFileError, RunError
from tui_cytpix.formats.model_file import file_hash
from tui_cytpix.formats.run_folder import RunFolder
from tui_cytpix.formats.run_images import RunImages

PREVIEW_EVERY = 5
SMOOTHING = 5  # epochs
IDLE_SECONDS = 600.0
POLL_SECONDS = 0.2


def run(job: Job) -> None:
    """Trains until the target, a wish or a signal ends it.

    Raises:
        CytpixError: what was asked can't be done.
        Leave: told to leave, or paused for long; the state is saved.
    """
    folder = RunFolder(Path(job.text("run")))
    settings = folder.read_settings()
    images = RunImages(folder, settings)
    try:
        _Session(job, folder, settings, images).run()
    finally:
        images.close()


class _Session:
    """One job's work. `pending` is the last epoch's line, told again after a crash between saving and telling."""

    def __init__(self, job: Job, folder: RunFolder, settings: RunSettings, images: RunImages) -> None:
        self.job, self.folder = job, folder
        base_path = Path(job.text("base"))
        self.base_hash = file_hash(base_path) if base_path.is_file() else ""
        base = load_model(base_path)
        if job.spec.get("base_hash") not in ("", None, self.base_hash):
            raise ModelFileError(
                "The base model changed", f"{base_path} is not the file that was chosen.", "Choose a base model again."
            )
        cutoff = float(job.spec.get("size_cutoff_um", settings.train.size_cutoff_um))
        self.images = TrainImages(images, settings.selection.images, base.card, cutoff)
        resume = str(job.spec.get("resume", ""))
        state = checkpoints.state_path(Path(resume)) if resume else None
        arrays, meta = checkpoints.read_state(state) if state is not None and state.is_file() else ({}, {})
        self.pending: dict[str, Any] = meta.get("pending", {})
        self.va: list[float] = [float(v) for v in meta.get("va", [])]
        self.best = float(meta.get("best", -1.0))
        self.annotations = str(meta.get("annotations", ""))
        epoch = int(self.pending.get("epoch", 0))
        self.target = epoch + int(job.spec.get("epochs", 100))
        device = job.start_torch(target=self.target, epoch=epoch)
        self.trainer = Trainer(base, FitSettings(), int(job.spec.get("seed", 0)), device)
        if arrays:
            self._restore(arrays, state)
        self.reload()

    def _restore(self, arrays: dict[str, Any], path: Path | None) -> None:
        try:
            self.trainer.restore(arrays)
        except ValueError as error:
            raise RunError(
                "The training state is of another base model",
                f"{path}: {error}.",
                "Delete the run's checkpoints folder to train from this base model.",
            ) from error
        if self.pending:
            self.job.emit("epoch", **{**self.pending, "target": self.target})

    def reload(self) -> None:
        """Takes in the annotations as they are now.

        Raises:
            RunError: too few of them.
        """
        edits, damaged = self.folder.read_edits()
        if damaged:
            self.job.emit("log", text=f"{damaged} damaged lines of the annotation log were passed over")
        book = AnnotationBook(edits)
        missing = book.ready_to_train()
        if missing:
            raise RunError("Training can't go on", missing, "Then start it again.")
        for problem in self.images.load(book.side(Side.TRAINING), book.side(Side.VALIDATION)):
            self.job.emit("log", text=problem)
        if not self.images.training or not self.images.validation:
            raise RunError("Training can't go on", "No annotated image can be read.", "Put the samples back.")
        annotations = self.images.digest()
        if annotations != self.annotations:
            # What was best before was not trained on these, or not measured by them.
            self.annotations, self.va, self.best = annotations, [], -1.0

    def run(self) -> None:
        """Epochs, until it ends."""
        while self.trainer.epoch < self.target:
            if not self._obey():
                self.job.emit("stopped", epoch=self.trainer.epoch)
                return
            if self.trainer.epoch >= self.target:
                break
            self.job.check()
            self._epoch()
        self.job.emit("finished", epoch=self.trainer.epoch)

    def _obey(self) -> bool:
        """False where training is to stop."""
        paused, since = False, time.monotonic()
        while True:
            for wish in self.job.wishes():
                kind = wish.get("type")
                if kind == "stop":
                    return False
                if kind == "more":
                    self.target += max(0, int(wish.get("epochs", 0)))
                elif kind == "reload":
                    self.reload()
                elif kind == "pause" and not paused:
                    paused, since = True, time.monotonic()
                    self.job.emit("paused", epoch=self.trainer.epoch)
                elif kind == "resume" and paused:
                    paused = False
                    self.job.emit("resumed")
            if not paused:
                return True
            self.job.check()
            if time.monotonic() - since > float(self.job.spec.get("idle_exit_s", IDLE_SECONDS)):
                raise Leave("idle")
            time.sleep(POLL_SECONDS)

    def _epoch(self) -> None:
        start = time.monotonic()
        loss = self.trainer.train_epoch(list(self.images.training.values()))
        predictor = self.trainer.predictor()
        ta, trained = look(predictor, list(self.images.training.values()))
        va, held_out = look(predictor, list(self.images.validation.values()))
        counts = {
            str(key): found.particle_count
            for key, found in zip([*self.images.training, *self.images.validation], trained + held_out, strict=True)
        }
        self.va.append(va.mean)
        # A single epoch's VA is luck: none counts as the best before a whole window is there.
        recent = self.va[-SMOOTHING:]
        smoothed = sum(recent) / SMOOTHING if len(recent) == SMOOTHING else -1.0
        epoch = self.trainer.epoch
        better = smoothed >= self.best
        self.best = max(self.best, smoothed)
        self.pending = {
            "epoch": epoch,
            "loss": loss,
            "ta": ta.mean,
            "va": va.mean,
            **({} if math.isnan(va.error) else {"va_error": round(va.error, 4)}),
            "seconds": round(time.monotonic() - start, 3),
            "training_images": len(self.images.training),
            "validation_images": len(self.images.validation),
            "target": self.target,
        }
        error = {"VA standard error": self.pending["va_error"]} if "va_error" in self.pending else {}
        self._save(better, {"TA": ta.mean, "VA": va.mean, **error})
        self.job.emit("epoch", **self.pending)
        if better:
            self.job.emit("best", epoch=epoch)
        if epoch % checkpoints.SPARSE == 0:
            self.job.emit("checkpoint", epoch=epoch, path=str(self._checkpoint(f"epoch-{epoch:04d}")))
        self.job.emit("counts", epoch=epoch, scope="annotated", counts=counts)
        if epoch % PREVIEW_EVERY == 0 and not self.job.terminated.is_set():
            preview = self.images.count_preview(predictor, skip=counts)
            self.job.emit("counts", epoch=epoch, scope="preview", counts=preview)

    def _checkpoint(self, name: str) -> Path:
        return self.folder.checkpoints / f"{name}.safetensors"

    def _save(self, better: bool, measured: dict[str, float]) -> None:
        self.folder.checkpoints.mkdir(exist_ok=True)
        last = self._checkpoint("last")
        meta = {"pending": self.pending, "va": self.va[-SMOOTHING:], "best": self.best, "annotations": self.annotations}
        checkpoints.write_state(checkpoints.state_path(last), self.trainer.state(), meta)
        model = self.trainer.model()
        card = replace(
            model.card,
            kind="UDT",
            base=self.base_hash,
            base_name=str(self.job.spec.get("base_name") or model.card.name),
            size_cutoff_um=float(self.job.spec.get("size_cutoff_um", model.card.size_cutoff_um)),
            um_per_px=self.images.um_per_px(),
            zoom=self.images.zoom_of_unknown_scale(),
            object_px=self.images.object_px(),
            training={
                "epoch": self.trainer.epoch,
                "seed": self.trainer.seed,
                "training_images": len(self.images.training),
                "validation_images": len(self.images.validation),
            },
            measured=measured,
        )
        sparse = self.trainer.epoch % checkpoints.SPARSE == 0
        names = ["last", *(["best"] if better else []), *([f"epoch-{self.trainer.epoch:04d}"] if sparse else [])]
        for name in names:
            save_model(self._checkpoint(name), model.net, card)
