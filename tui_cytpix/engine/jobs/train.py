"""The training job: fine-tunes a base model on a run's annotations, epoch by epoch, and obeys between epochs. Told to
leave (SIGTERM) it does so at once: the epoch under way is done again when training goes on, and comes out the same.
"""

from __future__ import annotations

import contextlib
import errno
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tui_cytpix.domain.annotation import AnnotationBook, Side
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.zoom import AUTOMATIC
from tui_cytpix.engine.jobs.job import Job, Leave
from tui_cytpix.engine.network.model import load_model, save_model
from tui_cytpix.engine.train import checkpoints
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.engine.train.preview_look import PreviewLook
from tui_cytpix.engine.train.records import Origin, checkpoint_card, looks_at
from tui_cytpix.engine.train.rehearsal import rehearsal_for
from tui_cytpix.engine.train.run_images import TrainImages
from tui_cytpix.engine.train.trainer import FitSettings, Trainer, look
from tui_cytpix.errors import ModelFileError, RunError, UsageError
from tui_cytpix.formats.bytes.atomic import clear_leftovers
from tui_cytpix.formats.model.file import file_hash
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.formats.run.job import ANOTHER, LOOKS
from tui_cytpix.formats.run.predictions import write_shard

PREVIEW_EVERY = 5
SMOOTHING = 5  # epochs
IDLE_SECONDS = 600.0
POLL_SECONDS, LOOK_POLL_SECONDS = 0.2, 0.01
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_SECONDS = 2.0


def run(job: Job) -> None:
    """Trains until the target, a wish or a signal ends it.

    Raises:
        CytpixError: what was asked can't be done.
        Leave: told to leave, or paused for long; the state is saved.
    """
    folder = RunFolder(Path(job.text("run")))
    job.only_one(folder.training_lease_path)
    clear_leftovers(folder.checkpoints)
    settings = folder.read_settings()
    images = RunImages(folder, settings)
    try:
        with contextlib.closing(_Session(job, folder, settings, images)) as session:
            session.run()
    finally:
        images.close()


class _Session:
    """One job's work. `pending` holds the last epoch's lines, told again after a crash between saving and telling."""

    def __init__(self, job: Job, folder: RunFolder, settings: RunSettings, images: RunImages) -> None:
        self.job, self.folder = job, folder
        base_path = Path(job.text("base"))
        self.base_hash = file_hash(base_path) if base_path.is_file() else ""
        self.base = base = load_model(base_path)
        if job.spec.get("base_hash") not in ("", None, self.base_hash):
            raise ModelFileError(
                "The base model changed", f"{base_path} is not the file that was chosen.", "Choose a base model again."
            )
        cutoff = float(job.spec.get("size_cutoff_um", settings.train.size_cutoff_um))
        asked = float(job.spec.get("zoom", AUTOMATIC))
        self.images = TrainImages(images, settings.selection.images, base.card, cutoff, asked)
        resume = str(job.spec.get("resume", ""))
        state = checkpoints.state_path(Path(resume)) if resume else None
        arrays, meta = checkpoints.read_state(state) if state is not None and state.is_file() else ({}, {})
        self.pending: dict[str, Any] = meta.get("pending", {})
        self.va: list[float] = [float(v) for v in meta.get("va", [])]
        self.best = float(meta.get("best", -1.0))
        self.annotations = str(meta.get("annotations", ""))
        self.zooms: dict[str, float] | None = meta.get("zooms")  # None: a state of earlier builds
        epoch = int(self.pending.get("epoch", {}).get("epoch", 0))
        self.target = epoch + int(job.spec.get("epochs", 100))
        device = job.start_torch(target=self.target, epoch=epoch)
        batch = int(job.spec.get("batch", 0)) or FitSettings.batch
        self.trainer = Trainer(base, FitSettings(batch=batch), int(job.spec.get("seed", 0)), device)
        self.preview = PreviewLook(self.images)
        if arrays:
            self._restore(arrays, state)
        self.reload()

    def close(self) -> None:
        """Ends the look at the preview."""
        self.preview.close()

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
            self.pending["epoch"]["target"] = self.target
            self._tell()

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
            self.job.emit("left_out", text=problem)
        if not self.images.training or not self.images.validation:
            raise RunError("Training can't go on", "No annotated image can be read.", "Put the samples back.")
        self.trainer.rehearsed = self._rehearsal()
        if (seen := self.images.zoom_of_unknown_scale()) is not None:
            self._emit("zoom", times=seen.times, by=seen.by)
        annotations, zooms = self.images.digest(), self.images.zooms()
        if annotations != self.annotations or self.zooms not in (None, zooms):
            # What was best before was not trained on these, or not measured by them, or saw them otherwise.
            self.annotations, self.va, self.best = annotations, [], -1.0
            sides = {"training": len(self.images.training), "validation": len(self.images.validation)}
            self._emit("annotations", **sides)
        self.zooms = zooms

    def _rehearsal(self) -> Sequence[Example]:
        try:
            return rehearsal_for(self.base, list(self.images.training.values()), self.trainer.device)
        except UsageError as error:
            self._emit("log", text=f"Nothing of what the base model was trained on is rehearsed: {error}")
            return ()

    def run(self) -> None:
        """Epochs, until it ends."""
        while self.trainer.epoch < self.target:
            if not self._obey():
                self._emit("stopped", epoch=self.trainer.epoch)
                return
            if self.trainer.epoch >= self.target:
                break
            self.job.check()
            self._epoch()
        self._finish_look()
        self._emit("finished", epoch=self.trainer.epoch)

    def _obey(self) -> bool:
        """False where training is to stop."""
        paused, since = False, time.monotonic()
        while True:
            for wish in self.job.wishes():
                kind = wish.get("type")
                if kind == "stop":
                    self._finish_look()
                    return False
                if kind == "more":
                    more = max(0, int(wish.get("epochs", 0)))
                    self.target += more
                    self._emit("more", epochs=more, target=self.target)
                elif kind == "reload":
                    self.reload()
                elif kind == "pause" and not paused:
                    self._finish_look()
                    paused, since = True, time.monotonic()
                    self._emit("paused", epoch=self.trainer.epoch)
                elif kind == "resume" and paused:
                    paused = False
                    self._emit("resumed")
            if not paused:
                return True
            self.job.check()
            if time.monotonic() - since > float(self.job.spec.get("idle_exit_s", IDLE_SECONDS)):
                raise Leave("idle")
            time.sleep(POLL_SECONDS)

    def _epoch(self) -> None:
        start = time.monotonic()
        loss = self.trainer.train_epoch(list(self.images.training.values()), self.job.check)
        predictor = self.trainer.predictor()
        ta, trained = look(predictor, list(self.images.training.values()))
        self.job.check()
        va, held_out = look(predictor, list(self.images.validation.values()))
        better = self._is_better(va.mean)
        error = {} if math.isnan(va.error) else {"va_error": round(va.error, 4)}
        epoch = {
            "epoch": self.trainer.epoch,
            "loss": loss,
            "ta": ta.mean,
            "va": va.mean,
            **error,
            "seconds": round(time.monotonic() - start, 3),
            "rate": self.trainer.rate,
            "training_images": len(self.images.training),
            "validation_images": len(self.images.validation),
            "target": self.target,
        }
        looks = looks_at(self.images.training | self.images.validation, trained + held_out)
        self.pending = {"epoch": epoch, "looks": looks, "better": better}
        self._keep(lambda: self._save(better))
        self._tell()
        if self.trainer.epoch % PREVIEW_EVERY == 0:
            self._finish_look()
            self.preview.start(self.trainer.epoch, predictor, skip=looks["counts"])
        elif self.preview.done:
            self._finish_look()

    def _finish_look(self) -> None:
        """Tells what the look at the preview, if one was begun, showed.

        Raises:
            Leave: told to leave while waiting for it.
        """
        if not self.preview.begun:
            return
        while not self.preview.done:
            self.job.check()
            time.sleep(LOOK_POLL_SECONDS)
        epoch, seen = self.preview.take()
        self._keep(lambda: write_shard(self.job.folder.path / LOOKS, "preview", seen))
        counts = {str(item.key): item.segmentation.particle_count for item in seen}
        self._emit("counts", epoch=epoch, scope="preview", counts=counts)

    def _is_better(self, va: float) -> bool:
        """A single epoch's VA is luck: none counts as the best before a whole window is there."""
        self.va = [*self.va, va][-SMOOTHING:]
        smoothed = sum(self.va) / SMOOTHING if len(self.va) == SMOOTHING else -1.0
        better = smoothed >= self.best
        self.best = max(self.best, smoothed)
        return better

    def _tell(self) -> None:
        """The last epoch's lines, in this order: those of a job that was killed among them are told again."""
        epoch = self.pending["epoch"]["epoch"]
        self._emit("counts", epoch=epoch, scope="annotated", **self.pending["looks"])
        if self.pending["better"]:
            self._emit("best", epoch=epoch)
        self._emit("epoch", **self.pending["epoch"])

    def _emit(self, kind: str, **fields: Any) -> None:
        self._keep(lambda: self.job.emit(kind, **fields))

    def _keep(self, write: Callable[[], object]) -> None:
        """Writes; where the disk is full, waits until it isn't any more, and says so.

        Raises:
            Leave: told to leave while waiting.
        """
        while True:
            try:
                write()
                break
            except OSError as error:
                if error.errno not in FULL:
                    raise
                self.job.note = (
                    f"The disk is full ({self.folder.path}): training waits after epoch {self.trainer.epoch} and goes "
                    "on by itself once there is room."
                )
            self.job.beat()
            self.job.check()
            time.sleep(FULL_SECONDS)
        if self.job.note:
            self.job.note = ""
            self.job.beat()

    def _origin(self) -> Origin:
        spec, trainer = self.job.spec, self.trainer
        return Origin(
            base=self.base.card,
            base_hash=self.base_hash,
            base_name=str(spec.get("base_name") or self.base.card.name),
            seed=trainer.seed,
            batch=trainer.settings.batch,
            size_cutoff_um=float(spec.get("size_cutoff_um", self.base.card.size_cutoff_um)),
            annotations=f"sha256:{self.annotations}",
            rehearsed=bool(trainer.rehearsed),
        )

    def _checkpoint(self, name: str) -> Path:
        return self.folder.checkpoints / f"{name}.safetensors"

    def _save(self, better: bool) -> None:
        self.job.beat()
        if self.job.replaced:
            raise Leave(ANOTHER)
        self.folder.checkpoints.mkdir(exist_ok=True)
        model, epoch = self.trainer.model(), self.trainer.epoch
        card = checkpoint_card(model.card, self.images, self.pending["epoch"], self._origin())
        sparse = epoch % checkpoints.spacing(epoch) == 0
        for name in ("last", *(["best"] if better else []), *([checkpoints.sparse_name(epoch)] if sparse else [])):
            save_model(self._checkpoint(name), model.net, card)
        checkpoints.thin(self.folder.checkpoints, epoch)
        meta = {
            "pending": self.pending,
            "va": self.va,
            "best": self.best,
            "annotations": self.annotations,
            "zooms": self.zooms,
        }
        checkpoints.write_state(checkpoints.state_path(self._checkpoint("last")), self.trainer.state(), meta)
