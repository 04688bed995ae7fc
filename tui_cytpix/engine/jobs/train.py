"""The training job: fine-tunes a base model on a run's annotations, epoch by epoch, and obeys between epochs. Told to
leave (SIGTERM) it does so at once: the epoch under way is done again when training goes on, and comes out the same.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_cytpix.domain.annotation import AnnotationBook, Side
from tui_cytpix.domain.jobs.events import (
    AnnotationsRead,
    Counts,
    Extended,
    Finished,
    LeftOut,
    Log,
    Paused,
    Progress,
    Resumed,
    Stopped,
    ZoomChosen,
)
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.domain.jobs.training import CrossChecked, Epoch, KeptMeasured, fold_epochs
from tui_cytpix.domain.jobs.wishes import AddEpochs, Check, Pause, Reload, Resume, Stop
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.jobs.job import Job, Leave
from tui_cytpix.engine.network.model import load_model, save_model
from tui_cytpix.engine.train import checkpoints
from tui_cytpix.engine.train.crosscheck import cross_checked, folds
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.engine.train.kept import kept
from tui_cytpix.engine.train.preview_look import PreviewLook
from tui_cytpix.engine.train.records import Origin, Pending, Standing, checkpoint_card, checks, looks_at
from tui_cytpix.engine.train.rehearsal import rehearsal_for
from tui_cytpix.engine.train.run_images import TrainImages
from tui_cytpix.engine.train.trainer import FitSettings, Trainer, look
from tui_cytpix.errors import FULL, JobError, ModelFileError, RunError, UsageError
from tui_cytpix.formats.bytes.atomic import clear_leftovers
from tui_cytpix.formats.model.file import file_hash
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.formats.run.job import ANOTHER, LOOKS
from tui_cytpix.formats.run.predictions import write_shard

PREVIEW_EVERY = 5
SMOOTHING = 5  # epochs
POLL_SECONDS, LOOK_POLL_SECONDS = 0.2, 0.01
FULL_SECONDS = 2.0
CHECK = "cross-check"


def run(job: Job, spec: TrainSpec) -> None:
    """Trains until the target, a wish or a signal ends it.

    Raises:
        CytpixError: what was asked can't be done.
        Leave: told to leave, or paused for long; the state is saved.
    """
    if not spec.run or not spec.base:
        raise JobError("The job can't be read", f"{job.folder.path}: run or base is missing.", "Start it again.")
    folder = RunFolder(Path(spec.run))
    job.only_one(folder.training_lease_path)
    clear_leftovers(folder.checkpoints)
    settings = folder.read_settings()
    images = RunImages(folder, settings)
    try:
        with contextlib.closing(_Session(job, spec, folder, settings, images)) as session:
            session.run()
    finally:
        images.close()


class _Asked(Exception):  # noqa: N818
    """Something was wished."""


class _Session:
    """One job's work. The last epoch's lines are told again after a crash between saving and telling."""

    def __init__(self, job: Job, spec: TrainSpec, folder: RunFolder, settings: RunSettings, images: RunImages) -> None:
        self.job, self.spec, self.folder = job, spec, folder
        base_path = Path(spec.base)
        self.base_hash = file_hash(base_path) if base_path.is_file() else ""
        self.base = base = load_model(base_path)
        if spec.base_hash not in ("", self.base_hash):
            raise ModelFileError(
                "The base model changed", f"{base_path} is not the file that was chosen.", "Choose a base model again."
            )
        self.images = TrainImages(images, settings.preview, base.card, spec.size_cutoff_um, spec.zoom)
        state = checkpoints.state_path(Path(spec.resume)) if spec.resume else None
        no_state: tuple[dict[str, Any], Standing] = {}, Standing()
        arrays, self.standing = no_state if state is None or not state.is_file() else checkpoints.read_state(state)
        epoch = 0 if self.standing.pending is None else self.standing.pending.epoch.epoch
        self.target = epoch + spec.epochs
        device = job.start_torch(self.target, epoch)
        self.trainer = Trainer(base, FitSettings(batch=spec.batch or FitSettings.batch), spec.seed, device)
        self.preview = PreviewLook(self.images)
        self._wishes: list[LogLine] = []  # that came while models were cross-checked
        self._check_wished = self._paused = False
        self._check_though_paused = False
        self._answered: tuple[tuple[str, int], dict[ImageKey, Segmentation]] = ("", 0), {}
        if arrays:
            self._restore(arrays, state)
        self.reload()

    def close(self) -> None:
        self.preview.close()

    @property
    def _base_name(self) -> str:
        return self.spec.base_name or self.base.card.name

    def _restore(self, arrays: dict[str, Any], path: Path | None) -> None:
        try:
            self.trainer.restore(arrays)
        except ValueError as error:
            raise RunError(
                "The training state is of another base model",
                f"{path}: {error}.",
                "Delete the run's checkpoints folder to train from this base model.",
            ) from error
        if (pending := self.standing.pending) is not None:
            self._tell(replace(pending, epoch=pending.epoch.towards(self.target)))

    def reload(self) -> None:
        """Takes in the annotations as they are now.

        Raises:
            RunError: too few of them.
        """
        edits, damaged = self.folder.read_edits()
        if damaged:
            self.job.emit(Log(f"{damaged} damaged lines of the annotation log were passed over"))
        book = AnnotationBook(edits, self.images.pixels)
        book.aside = self.folder.read_settings().aside
        self.images.read_pixels(edit.image for edit in edits)
        for copy, first in book.copies():
            self.job.emit(LeftOut(f"{copy} has the same pixels as {first}: they count once"))
        if missing := book.ready_to_train():
            raise RunError("Training can't go on", missing, "Then start it again.")
        for problem in self.images.load(book.side(Side.TRAINING), book.side(Side.VALIDATION)):
            self.job.emit(LeftOut(problem))
        if not self.images.training or not self.images.validation:
            raise RunError("Training can't go on", "No annotated image can be read.", "Put the samples back.")
        self.trainer.rehearsed = self._rehearsal()
        if (seen := self.images.zoom_of_unknown_scale()) is not None:
            self._emit(ZoomChosen(seen.times, seen.by))
        annotations, zooms = self.images.digest(), self.images.zooms()
        if annotations != self.standing.annotations or self.standing.zooms not in (None, zooms):
            # What was best before was not trained on these, or not measured by them, or saw them otherwise.
            self.standing = Standing(self.standing.pending, annotations=annotations)
            self._emit(AnnotationsRead(len(self.images.training), len(self.images.validation)))
        self.standing = replace(self.standing, zooms=zooms)

    def _rehearsal(self) -> Sequence[Example]:
        if self.base.card.user_trained and self.trainer.rehearsed:
            return self.trainer.rehearsed  # the same whatever is annotated
        try:
            return rehearsal_for(self.base, list(self.images.training.values()), self.trainer.device)
        except UsageError as error:
            self._emit(Log(f"Nothing of what the base model was trained on is rehearsed: {error}"))
            return ()

    def run(self) -> None:
        while self._obey():
            self.job.check()
            if self._check_wished:
                self._cross_check()
            elif self.trainer.epoch < self.target:
                self._epoch()
            elif self.standing.kept < self.trainer.epoch:
                self._measure_kept()
            elif self.spec.check and self.standing.checked < fold_epochs(self.trainer.epoch):
                self._finish_look()
                self._cross_check()
            else:
                self._finish_look()
                self._emit(Finished(self.trainer.epoch))
                return
        if self.standing.kept < self.trainer.epoch:
            self._measure_kept()
        self._emit(Stopped(self.trainer.epoch))

    def _measure_kept(self) -> None:
        """Of the last model, and of the best where it is another."""
        models, best = {self.trainer.epoch: self.trainer.model()}, self._checkpoint("best")
        if best.is_file():
            model = load_model(best)
            models.setdefault(int(model.card.training.get("epoch", 0)), model)
        with contextlib.suppress(UsageError):  # a kind of a later version: `_rehearsal` has told
            for epoch, found in zip(models, kept(self.base, list(models.values()), self.trainer.device), strict=False):
                self._emit(KeptMeasured(epoch, found))
        self.standing = replace(self.standing, kept=self.trainer.epoch)
        self._keep(self._save_state)

    def _cross_check(self) -> None:
        """Anything that is wished meanwhile interrupts it; folds that are done by then are not done again."""
        epochs, examples = fold_epochs(self.trainer.epoch), self.images.training | self.images.validation
        parts = folds(examples, self.trainer.seed)
        if len(parts) > 1:
            state = self.standing.annotations, epochs
            if self._answered[0] != state:
                self._answered = state, {}
            _, found = self._answered
            try:
                self._answer_folds(examples, parts, found, epochs)
            except _Asked:
                self._keep(lambda: self.job.progress(Progress(1, 1, CHECK)))
                return
            told = {key: found[key] for key in examples}
            self._emit(CrossChecked(checks(examples, told), len(parts), epochs, self.base_hash, self._base_name))
        else:
            self._emit(Log("no cross-check: all annotated images are the same one"))
        self._check_wished = False
        self.standing = replace(self.standing, checked=epochs)
        self._keep(self._save_state)

    def _answer_folds(
        self,
        examples: Mapping[ImageKey, Example],
        parts: Sequence[Sequence[ImageKey]],
        found: dict[ImageKey, Segmentation],
        epochs: int,
    ) -> None:
        """Raises:
        _Asked: something was wished.
        """
        trainer = Trainer(self.base, self.trainer.settings, self.trainer.seed, self.trainer.device)
        trainer.rehearsed = self.trainer.rehearsed

        def check() -> None:
            self.job.check()
            self._wishes += self.job.wishes()
            if self._wishes:
                raise _Asked

        def on_progress(done: int, total: int) -> None:
            self._keep(lambda: self.job.progress(Progress(done, total, CHECK)))

        on_progress(0, len(parts) * epochs)
        cross_checked(trainer, examples, parts, found, epochs, check, on_progress)

    def _obey(self) -> bool:
        """Does what was wished, and waits while paused, but for a cross-check; False where training is to stop."""
        since = time.monotonic()
        while True:
            wishes, self._wishes = [*self._wishes, *self.job.wishes()], []
            for wish in wishes:
                match wish:
                    case Check():
                        self._check_wished = self._check_though_paused = True
                    case Stop():
                        self._finish_look()
                        return False
                    case AddEpochs(epochs):
                        self.target += epochs
                        self._emit(Extended(epochs, self.target))
                    case Reload():
                        self.reload()
                    case Pause() if not self._paused:
                        self._finish_look()
                        self._paused, self._check_though_paused, since = True, False, time.monotonic()
                        self._emit(Paused(self.trainer.epoch))
                    case Resume() if self._paused:
                        self._paused = False
                        self._emit(Resumed())
            if not self._paused or (self._check_wished and self._check_though_paused):
                return True
            self.job.check()
            if time.monotonic() - since > self.spec.idle_exit_s:
                raise Leave("idle")
            time.sleep(POLL_SECONDS)

    def _epoch(self) -> None:
        start = time.monotonic()
        loss = self.trainer.train_epoch(list(self.images.training.values()), self.job.check)
        predictor = self.trainer.predictor()
        ta, trained = look(predictor, list(self.images.training.values()))
        self.job.check()
        va, held_out = look(predictor, list(self.images.validation.values()))
        epoch = Epoch(
            epoch=self.trainer.epoch,
            loss=loss,
            ta=ta.mean,
            va=va.mean,
            seconds=round(time.monotonic() - start, 3),
            training_images=len(self.images.training),
            validation_images=len(self.images.validation),
            target=self.target,
            va_error=None if math.isnan(va.error) else round(va.error, 4),
            rate=self.trainer.rate,
        )
        looks = looks_at(self.images.training | self.images.validation, trained + held_out)
        pending = Pending(epoch, looks, self._is_better(va.mean))
        self.standing = replace(self.standing, pending=pending)
        self._keep(lambda: self._save(pending))
        self._tell(pending)
        if self.trainer.epoch % PREVIEW_EVERY == 0:
            self._finish_look()
            self.preview.start(self.trainer.epoch, predictor, skip=looks.counts)
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
        counts = {item.key: item.segmentation.particle_count for item in seen}
        self._emit(Counts(epoch, counts))

    def _is_better(self, va: float) -> bool:
        """A single epoch's VA is luck: none counts as the best before a whole window is there."""
        recent, best = (*self.standing.va, va)[-SMOOTHING:], self.standing.best
        smoothed = sum(recent) / SMOOTHING if len(recent) == SMOOTHING else -1.0
        self.standing = replace(self.standing, va=recent, best=max(best, smoothed))
        return smoothed >= best

    def _tell(self, pending: Pending) -> None:
        for line in pending.lines():
            self._emit(line)

    def _emit(self, event: LogLine) -> None:
        self._keep(lambda: self.job.emit(event))

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
        trainer = self.trainer
        return Origin(
            base=self.base.card,
            base_hash=self.base_hash,
            base_name=self._base_name,
            seed=trainer.seed,
            batch=trainer.settings.batch,
            size_cutoff_um=self.spec.size_cutoff_um,
            annotations=f"sha256:{self.standing.annotations}",
            rehearsed=bool(trainer.rehearsed),
        )

    def _checkpoint(self, name: str) -> Path:
        return self.folder.checkpoints / f"{name}.safetensors"

    def _save(self, pending: Pending) -> None:
        self.job.beat()
        if self.job.replaced:
            raise Leave(ANOTHER)
        self.folder.checkpoints.mkdir(exist_ok=True)
        model, epoch = self.trainer.model(), self.trainer.epoch
        card = checkpoint_card(model.card, self.images, pending.epoch, self._origin())
        sparse = epoch % checkpoints.spacing(epoch) == 0
        for name in ("last", *["best"] * pending.better, *[f"epoch-{epoch:04d}"] * sparse):
            save_model(self._checkpoint(name), model.net, card)
        checkpoints.thin(self.folder.checkpoints, epoch)
        self._save_state()

    def _save_state(self) -> None:
        if self.standing.pending is not None:
            path = checkpoints.state_path(self._checkpoint("last"))
            checkpoints.write_state(path, self.trainer.state(), self.standing)
