"""An open run: its settings, its two logs, its images. Everything a screen or a verb changes goes through here."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from tui_cytpix.domain.annotation import Annotation, AnnotationBook, Edit
from tui_cytpix.domain.field_ranges import after
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import LineT, PairVerdict, Verdict
from tui_cytpix.errors import ModelFileError, RunError, SampleError, refusal
from tui_cytpix.formats.bytes.atomic import clear_leftovers, write_text
from tui_cytpix.formats.bytes.liveness import is_abandoned
from tui_cytpix.formats.model.file import read_card
from tui_cytpix.formats.run.folder import ImageLine, RunFolder, encode_edit, encode_image_line, encode_verdict
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.formats.run.json_log import LogWriter
from tui_cytpix.formats.run.lease import Lease
from tui_cytpix.formats.run.predictions import PredictionStore

RENEW_SECONDS = 5.0
OnProgress = Callable[[int, int], None]  # is told how many are done, and of how many


class Run:
    """A run on disk and its state in memory. One writing app at a time; anyone may read."""

    def __init__(self, folder: RunFolder, settings: RunSettings, lease: Lease | None) -> None:
        edits, damaged_edits = folder.read_edits()
        verdicts, pair_verdicts, damaged_verdicts = folder.read_verdicts()
        self.folder = folder
        self.settings = settings
        self.verdicts: list[Verdict] = verdicts
        self.pair_verdicts: list[PairVerdict] = pair_verdicts
        self.images = RunImages(folder, settings)
        self._remembered = set(self.images.pixels)
        self.annotations = AnnotationBook(edits, self.images.pixels)
        self.annotations.aside = settings.aside
        self.damaged_lines = damaged_edits + damaged_verdicts + self.images.damaged_lines
        self.who = getpass.getuser() if os.environ.get("USER") or os.environ.get("LOGNAME") else "unknown"
        self._learnt_by: tuple[str, frozenset[str]] = "", frozenset()
        self._writer = LogWriter()
        self._lease = lease
        self._closed = threading.Event()
        if lease is not None:
            threading.Thread(target=self._keep_lease, name="run-lease", daemon=True).start()

    @classmethod
    def create(cls, path: Path, name: str = "", seed: int = 0) -> Run:
        """Makes an empty run and opens it; samples are added by `workflow.run.run_samples.add_sample`.

        Raises:
            RunError: the folder exists and holds something.
        """
        path = Path(path).resolve()
        taken = RunError(
            "The run's folder is not empty", f"{path}.", "Choose a new folder, or open the run that is there."
        )
        made = not path.exists()
        if not made and (not path.is_dir() or not all(is_abandoned(one.name) for one in path.iterdir())):
            raise taken
        try:
            path.mkdir(parents=True, exist_ok=not made)
        except FileExistsError:  # somebody else was faster, whose folder it is
            raise taken from None
        except OSError as error:
            raise RunError(*refusal(error, path, "The run can't be made", "Choose another folder.")) from error
        try:
            folder = RunFolder(path)
            settings = RunSettings(
                name=name or path.name, created=datetime.now(UTC).isoformat(timespec="seconds"), seed=seed
            )
            write_text(folder.settings_path, folder.encode_settings(settings))
        except OSError as error:
            if made:
                shutil.rmtree(path, ignore_errors=True)
            raise RunError(*refusal(error, path, "The run can't be made", "Choose another folder.")) from error
        try:
            return cls.open(path)
        except RunError:
            if made:
                shutil.rmtree(path, ignore_errors=True)
            raise

    @classmethod
    def open(cls, path: Path, *, writing: bool = True) -> Run:
        """Opens a run; with `writing` it must not be open elsewhere.

        Raises:
            RunError: not a run, damaged, or of a newer version.
            InUseError: somebody else writes to it.
        """
        folder = RunFolder(path)
        settings = folder.read_settings()
        lease = None
        if writing:
            lease = Lease(folder.lease_path, "The run")
            try:
                lease.acquire()
            except OSError as error:
                raise RunError(
                    *refusal(error, folder.path, "The run can't be written to", "Copy it to a place of yours.")
                ) from error
            clear_leftovers(folder.path)
        return cls(folder, settings, lease)

    def _keep_lease(self) -> None:
        while not self._closed.wait(RENEW_SECONDS):
            if self._lease is None or not self._lease.renew():
                return

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def unsaved(self) -> int:
        """Decisions that are not on disk yet; 0 means that all that is shown is saved."""
        return self._writer.pending

    @property
    def problem(self) -> str:
        """The sentence to show while the disk refuses to take what was decided; else empty."""
        if self._lease is not None and not self._lease.held and not self._closed.is_set():
            return "this run was taken over elsewhere: nothing is saved from here any more"
        return self._writer.problem

    @property
    def read_only(self) -> bool:
        """Whether it was opened to be looked at."""
        return self._lease is None

    def check_writable(self) -> None:
        """Raises:
        RunError: it was opened to be looked at, or taken over elsewhere.
        """
        if self._lease is None or not self._lease.held:
            raise RunError(
                "The run is open for reading only", f"{self.path}.", "Close it where it is in use, then open it again."
            )

    def update(self, settings: RunSettings) -> None:
        """Takes new settings and queues `run.toml`."""
        self.check_writable()
        if settings == self.settings:
            return
        if settings.samples != self.settings.samples:
            self.images.take(settings)
            self.annotations.aside = settings.aside
        self.settings = settings
        self._writer.replace(self.folder.settings_path, self.folder.encode_settings(settings))

    def renew_fingerprints(self) -> None:
        """Takes those of today of samples that were opened and that the run knew by those of earlier builds, unless the
        run is open for reading.
        """
        if self._lease is None:
            return
        samples = (replace(s, fingerprint=self.images.fingerprint(s.name)) for s in self.settings.samples)
        self.update(replace(self.settings, samples=tuple(samples)))

    def ways(self, sample: str) -> tuple[str, ...]:
        """RunSettings.ways, as the settings are now."""
        return self.settings.ways(sample)

    def answers(self, model: str) -> PredictionStore:
        """What a model (its hash) answered so far and still holds, as samples are seen now."""
        return PredictionStore(self.folder.predictions(model), self.ways)

    def take_along(self, sample: SampleRef) -> None:
        """Looks at another sample as if it were the run's, in memory only: where the run is open for reading."""
        assert self._lease is None
        self.settings = replace(self.settings, samples=(*self.settings.samples, sample))
        self.images.take(self.settings)

    def remember(self, images: Iterable[ImageKey]) -> None:
        """Queues which pixels these images have, of those that were read: from now on the run knows them by these. Of a
        run that is open for reading nothing is written.
        """
        for image in images if self._lease is not None else ():
            digest = self.images.pixels.get(image)
            if digest is not None and image not in self._remembered:
                self._remembered.add(image)
                self._writer.append(self.folder.images_path, encode_image_line(ImageLine(image, digest)))

    def go_to(self, step: str) -> None:
        """Remembers where the user was."""
        self.update(replace(self.settings, step=step))

    def record_edit(
        self,
        image: ImageKey,
        action: str,
        segmentation: Segmentation | None = None,
        *,
        of: int | None = None,
        origin: str = "",
        seconds: float = 0.0,
    ) -> Annotation:
        """Appends an edit and returns the image's new state; it is on disk once `unsaved` is 0."""
        self.check_writable()
        if action == "accept":
            with contextlib.suppress(SampleError):  # what can't be read trains nobody
                self.images.digest(image)
        self.remember([image])
        edit = Edit(
            seq=after(self.annotations.last_seq),
            time=time.time(),
            who=self.who,
            image=image,
            action=action,
            segmentation=segmentation,
            of=of,
            origin=origin,
            seconds=seconds,
            side=self.annotations.side_for(image, self._learnt()) if action == "accept" else None,
        )
        self._writer.append(self.folder.annotations_path, encode_edit(edit))
        return self.annotations.feed(edit)

    def _learnt(self) -> frozenset[str]:
        """Digests of the images that the base model, and all that it descends from, was trained on."""
        model = self.settings.base_model.model
        if self._learnt_by[0] != model:
            found = frozenset[str]()
            with contextlib.suppress(ModelFileError):  # a built-in model, which has seen none, or one that is gone
                found = frozenset(read_card(Path(model)).made_with.training)
            self._learnt_by = model, found
        return self._learnt_by[1]

    def record(self, line: LineT) -> LineT:
        """Appends a judgement or preference that this user states now, of the sample as it is seen now; returns the
        line with seq, time, who and seen filled in.
        """
        seen = self.ways(line.image.sample)[0]
        told = replace(line, seq=self._next_verdict(), time=time.time(), who=self.who, seen=seen)
        self._add(told)
        return told

    def restore(self, line: Verdict | PairVerdict, *, undoes: int | None = None, redoes: int | None = None) -> None:
        """Says again what an earlier line said, by undo or redo of the line with that seq."""
        seq = self._next_verdict()
        self._add(replace(line, seq=seq, time=time.time(), who=self.who, undoes=undoes, redoes=redoes))

    def _add(self, verdict: Verdict | PairVerdict) -> None:
        self.check_writable()
        self.remember([verdict.image])
        self._writer.append(self.folder.verdicts_path, encode_verdict(verdict))
        if isinstance(verdict, Verdict):
            self.verdicts.append(verdict)
        else:
            self.pair_verdicts.append(verdict)

    def _next_verdict(self) -> int:
        newest = [v.seq for v in self.verdicts[-1:]] + [v.seq for v in self.pair_verdicts[-1:]]
        return after(max(newest, default=0))

    def flush(self) -> bool:
        """Waits until all is on disk; False where the disk refuses."""
        return self._writer.flush()

    def close(self) -> bool:
        """Saves what is left and gives the lease back; False where something could not be saved."""
        if self._lease is not None and self._lease.held:
            self.renew_fingerprints()
        saved = self._writer.close()
        self._closed.set()
        if self._lease is not None:
            self._lease.release()
        self.images.close()
        return saved

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
