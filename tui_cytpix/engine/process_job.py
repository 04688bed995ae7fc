"""The process job: whole samples through a model, into tables, masks and FCS files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import tui_cytpix
from tui_cytpix.core.feature_table import FEATURES
from tui_cytpix.core.features import names
from tui_cytpix.engine.inference import Predictor
from tui_cytpix.engine.job import Job
from tui_cytpix.engine.model import Model, load_model
from tui_cytpix.engine.process_outputs import OutputSettings, SampleOutputs
from tui_cytpix.engine.sample_images import READERS, ReadImage, SampleImages
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.atomic import write_text
from tui_cytpix.formats.fcs_write import ExtraParameter, range_above, write_fcs_with
from tui_cytpix.formats.model_file import file_hash
from tui_cytpix.formats.registry import open_sample

CHUNK = 32
MOST_FAILURES = 200  # told in full; the number is told in any case


class _Stopped(Exception):  # noqa: N818
    """The user cancelled."""


def run(job: Job) -> None:
    """Processes all samples; one that fails doesn't stop the others.

    Raises:
        CytpixError: the model or the output folder can't be used.
        Leave: told to leave; samples that were finished stay.
    """
    model_path, out = Path(job.text("model")), Path(job.text("out"))
    model = load_model(model_path)
    cutoff = float(job.spec.get("size_cutoff_um", model.card.size_cutoff_um))
    model = replace(model, card=replace(model.card, size_cutoff_um=cutoff))
    out.mkdir(parents=True, exist_ok=True)
    work = _Work(job, model, out, Predictor(model, job.start_torch()))
    try:
        work.run(file_hash(model_path))
    except _Stopped:
        job.emit("stopped", outputs=[str(p) for p in work.outputs], failures=work.failures)
    else:
        job.emit(
            "finished",
            outputs=[str(p) for p in work.outputs],
            failures=work.failures,
            failed=work.failed,
            processed=work.processed,
            seconds=work.seconds(),
        )


class _Work:
    """`failures` are {sample, event or "", reason}."""

    def __init__(self, job: Job, model: Model, out: Path, predictor: Predictor) -> None:
        self.job, self.model, self.out, self.predictor = job, model, out, predictor
        self.formats = [str(f) for f in job.spec.get("formats", ["fcs", "csv"])]
        self.prefix = str(job.spec.get("prefix", "UDT_"))
        self.outputs: list[Path] = []
        self.failures: list[dict[str, str]] = []
        self.failed = self.processed = self.total = self.done = 0
        self.scratch = job.folder.path / "features"
        self._start = datetime.now(UTC)

    def seconds(self) -> float:
        """Since the start."""
        return round((datetime.now(UTC) - self._start).total_seconds(), 3)

    def fail(self, sample: str, event: str, error: object) -> None:
        """Notes a failure."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append({"sample": sample, "event": event, "reason": str(error)})

    def run(self, model_hash: str) -> None:
        """All samples; then their FCS files, which share the ranges of their parameters."""
        samples: Sequence[Mapping[str, Any]] = self.job.spec.get("samples", [])
        finished = []
        with ThreadPoolExecutor(READERS + 1) as pool:
            for place, sample in enumerate(samples):
                name = str(sample.get("name", place))
                try:
                    self._sample(name, sample, pool, str(place))
                    finished.append((name, sample, str(place)))
                except CytpixError as error:
                    self.fail(name, "", error)
                except OSError as error:
                    self.fail(name, "", f"{error.filename}: {error.strerror}.")
        if "fcs" in self.formats:
            self._write_all_fcs(finished, model_hash)
        self._provenance(model_hash)

    def _sample(self, name: str, sample: Mapping[str, Any], pool: ThreadPoolExecutor, scratch: str) -> None:
        given = float(sample["um_per_px"]) if sample.get("um_per_px") else None
        with open_sample(Path(str(sample["path"])), given) as reader:
            scale = reader.scale.um_per_px if reader.scale else None
            if scale is None:
                self.job.emit("log", text=f"{name}: um per pixel unknown: no size cutoff, micron fields stay empty")
            self.total += len(reader.event_ids)
            settings = OutputSettings(self.out, self.formats, scale)
            with SampleOutputs(name, settings) as outputs:
                for images in _ahead(SampleImages(reader, pool), reader.event_ids, pool):
                    self._take(name, images, scale, outputs)
            self.outputs += outputs.paths
            if "fcs" in self.formats:
                self.scratch.mkdir(exist_ok=True)
                np.savez(self.scratch / f"{scratch}.npz", events=np.array(outputs.events), values=outputs.values)

    def _take(self, name: str, images: Sequence[ReadImage], scale: float | None, outputs: SampleOutputs) -> None:
        if any(wish.get("type") == "stop" for wish in self.job.wishes()):
            raise _Stopped
        self.job.check()
        good = [image for image in images if not image.problem]
        cutoffs = [self.predictor.cutoff_px(scale)] * len(good)
        answers = iter(self.predictor.predict_normalised([image.normalised for image in good], cutoffs))
        for image in images:
            if image.problem:
                self.fail(name, image.event, image.problem)
                outputs.missing(image.event)
            else:
                outputs.add(image, next(answers)[0])
        self.done += len(images)
        self.processed += len(good)
        self.job.progress(self.done, self.total, name)

    def _write_all_fcs(self, finished: Sequence[tuple[str, Mapping[str, Any], str]], model_hash: str) -> None:
        largest = np.zeros(len(names("image")), np.float64)
        for _, _, scratch in finished:
            with np.load(self.scratch / f"{scratch}.npz", allow_pickle=False) as data:
                highest = np.nan_to_num(data["values"], nan=0.0).max(axis=0, initial=0.0)
            largest = np.maximum(largest, highest)
        ranges = [range_above(float(value)) for value in largest]
        for name, sample, scratch in finished:
            try:
                self._write_fcs(name, sample, scratch, ranges, model_hash)
            except CytpixError as error:
                self.fail(name, "", error)
            (self.scratch / f"{scratch}.npz").unlink(missing_ok=True)

    def _write_fcs(
        self, name: str, sample: Mapping[str, Any], scratch: str, ranges: Sequence[int], model_hash: str
    ) -> None:
        self.job.check()
        with np.load(self.scratch / f"{scratch}.npz", allow_pickle=False) as data:
            events, values = data["events"].tolist(), data["values"]
        with open_sample(Path(str(sample["path"])), None) as reader:
            fcs = reader.open_fcs()
            if fcs is None:
                raise CytpixError("There is no FCS file to add to", f"{name}.", "The tables have all values.")
            rows_of = reader.fcs_rows()
            known = [(rows_of[event], i) for i, event in enumerate(events) if event in rows_of]
            if len(known) < len(events):
                text = f"{name}: {len(events) - len(known)} images have no event in the FCS"
                self.job.emit("log", text=text)
            rows, sources = np.array(known, np.intp).reshape(-1, 2).T
            extra = []
            for column, (feature, unit) in enumerate(_units()):
                full = np.zeros(fcs.event_count, np.float32)
                full[rows] = np.nan_to_num(values[sources, column], nan=0.0, posinf=0.0, neginf=0.0)
                extra.append(ExtraParameter(self.prefix + feature, unit, full, ranges[column]))
            path = self.out / f"{name}.fcs"
            write_fcs_with(fcs, path, extra, self._keywords(model_hash))
            self.outputs.append(path)

    def _keywords(self, model_hash: str) -> dict[str, str]:
        return {
            "CYTPIX_MODEL": self.model.card.name,
            "CYTPIX_MODEL_HASH": model_hash,
            "CYTPIX_SIZE_CUTOFF_UM": f"{self.model.card.size_cutoff_um:g}",
            "CYTPIX_SOFTWARE": f"tui-cytpix {tui_cytpix.__version__}",
        }

    def _provenance(self, model_hash: str) -> None:
        path = self.out / "process.json"
        record = {
            "software": f"tui-cytpix {tui_cytpix.__version__}",
            "time": self._start.isoformat(timespec="seconds"),
            "model": self.model.card.to_dict(),
            "model_hash": model_hash,
            "size_cutoff_um": self.model.card.size_cutoff_um,
            "samples": [dict(s) for s in self.job.spec.get("samples", [])],
            "formats": self.formats,
            "prefix": self.prefix,
            "device": str(self.predictor.device),
            "arithmetic": str(self.predictor.dtype).removeprefix("torch."),
            "images": self.processed,
            "failed": self.failed,
            "failures": self.failures,
        }
        write_text(path, json.dumps(record, indent=1))
        self.outputs.append(path)


def _units() -> list[tuple[str, str]]:
    unit = {feature.name: feature.unit for feature in FEATURES}
    return [(name, "" if unit[name] in ("1", "bool") else unit[name]) for name in names("image")]


def _ahead(images: SampleImages, events: Sequence[str], pool: ThreadPoolExecutor) -> Iterator[list[ReadImage]]:
    """Chunks of images, the next one read while the caller works on one; at most two are in memory."""
    chunks = [events[i : i + CHUNK] for i in range(0, len(events), CHUNK)]
    coming: Future[list[ReadImage]] | None = pool.submit(images.read, chunks[0]) if chunks else None
    for following in [*chunks[1:], None]:
        if coming is None:
            return
        ready = coming.result()
        coming = pool.submit(images.read, following) if following is not None else None
        yield ready
