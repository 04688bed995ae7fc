"""The process job: whole samples through a model, into tables, masks and FCS files.

This process opens samples and writes; workers (`process.worker`) read images, segment and measure them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tui_cytpix
from tui_cytpix.core.features.table import FEATURES, names
from tui_cytpix.domain.annotation import AnnotationBook
from tui_cytpix.domain.jobs.events import Failure, Finished, Log, Stopped
from tui_cytpix.domain.jobs.processed import RECORD, ProcessedSample, ProcessRecord
from tui_cytpix.domain.jobs.specs import ProcessSpec
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.plain_values import from_plain, to_plain
from tui_cytpix.domain.sample import Loss
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.engine.jobs.job import Job
from tui_cytpix.engine.jobs.workers import Workers, worker_count
from tui_cytpix.engine.process.outputs import OutputSettings, SampleOutputs, read_values
from tui_cytpix.engine.process.provenance import MOST_FAILURES, write_record, write_together
from tui_cytpix.engine.process.ready_sample import ReadySample, ReadySamples
from tui_cytpix.engine.process.worker import Chunk, Equipment, WorkerSettings
from tui_cytpix.errors import CytpixError, JobError
from tui_cytpix.formats.bytes.plain_file import read_json
from tui_cytpix.formats.fcs.gate_parameters import gate_keywords, gate_parameters, parameter_names
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.fcs.write import ExtraParameter, range_above, write_fcs_with
from tui_cytpix.formats.model.file import file_hash, read_card
from tui_cytpix.formats.outputs.output import About
from tui_cytpix.formats.outputs.registry import refuse_missing
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.gate_members import read_members
from tui_cytpix.formats.sample.identity import of_many
from tui_cytpix.formats.sample.registry import open_sample

# Images at a time: enough of one size to go through the network together, few enough to stop soon and to fit in memory.
CHUNK, SMALL_CHUNK, LEAST_CHUNK, CHUNK_PIXELS = 256, 64, 32, 256**3
OTHER_BEFORE = "what was here of it was made from other images, and is replaced."


class _Stopped(Exception):  # noqa: N818
    """The user wished it."""


def run(job: Job, spec: ProcessSpec) -> None:
    """Processes all samples; one that fails doesn't stop the others.

    Raises:
        CytpixError: the model or the output folder can't be used, a package that a format needs is missing, or a worker
            was lost.
        Leave: told to leave; samples that were finished stay.
    """
    path, out = Path(spec.model), Path(spec.out)
    card = read_card(path)
    cutoff = card.size_cutoff_um if spec.size_cutoff_um is None else spec.size_cutoff_um
    out.mkdir(parents=True, exist_ok=True)
    formats = ("fcs", "csv") if spec.formats is None else spec.formats
    refuse_missing(formats)  # this may be another machine than the one that asks
    settings = WorkerSettings(path, cutoff, spec.device, formats, card.of_instrument)
    with Workers(job, settings, worker_count(spec.threads)) as workers:
        model = replace(card, size_cutoff_um=cutoff), file_hash(path)
        work = _Work(job, spec, formats, model, workers)
        try:
            work.run()
        except _Stopped:
            job.emit(Stopped(None, *work.results()))
        else:
            job.emit(Finished(None, *work.results(), work.failed, work.processed, work.seconds()))


@dataclass(frozen=True)
class _Finished:
    """A sample whose FCS can be written; `largest` of its image features."""

    place: int  # among the job's
    name: str
    path: Path
    events: Sequence[str]
    scratch: Path
    largest: NDArray[np.float32]
    about: ProcessedSample


class _Work:
    def __init__(
        self, job: Job, spec: ProcessSpec, formats: tuple[str, ...], model: tuple[ModelCard, str], workers: Workers
    ) -> None:
        self.job, self.spec, self.workers = job, spec, workers
        self.card, self.model_hash = model
        self.out, self.formats = Path(spec.out), formats
        self.outputs: list[Path] = []
        self.zooms: dict[str, Zoom] = {}
        self.problems: dict[str, Sequence[str]] = {}
        self.images_of, self.failed_of = Counter[str](), Counter[str]()
        self.equipment: set[Equipment] = set()  # of the workers that took part
        self.failures: list[Failure] = []
        self.failed = self.processed = self.total = self.done = 0
        self.records: list[ProcessedSample] = []
        self.notes: dict[str, list[str]] = {}
        self.before = _processed_before(self.out)
        self.scratch = job.folder.path / "features"
        self.annotated = annotations_of(Path(spec.annotations)) if spec.annotations else {}
        self._start = datetime.now(UTC)

    def seconds(self) -> float:
        return round((datetime.now(UTC) - self._start).total_seconds(), 3)

    def results(self) -> tuple[tuple[str, ...], tuple[Failure, ...]]:
        return tuple(str(path) for path in self.outputs), tuple(self.failures)

    def fail(self, sample: str, event: str, error: object) -> None:
        self.failed += 1
        self.failed_of[sample] += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(Failure(sample, event, str(error)))

    def run(self) -> None:
        """All samples; then their FCS files, which share the ranges of their parameters."""
        samples, fcs = self.spec.samples, "fcs" in self.formats
        finished = []
        for one in self.spec.left_out:
            self.fail(one.sample, one.event, one.reason)
        for note in self.spec.notes:
            self.job.emit(Log(note))
        self.scratch.mkdir(exist_ok=True)
        with ReadySamples(samples, self.card, self.spec.zoom) as ready:
            equipment = self.workers.describe()
            self.job.started(equipment.device, self.workers.number)
            if equipment.note:
                self.job.emit(Log(equipment.note))
            for place, sample in enumerate(samples):
                try:
                    finished.append(self._sample(place, sample.name, ready.take()))
                except JobError:
                    raise
                except CytpixError as error:
                    self.fail(sample.name, "", error)
                except OSError as error:
                    self.fail(sample.name, "", f"{error.filename or self.out}: {error.strerror or error}.")
        if fcs:
            self._write_all_fcs(finished)
        self._provenance()

    def _sample(self, place: int, name: str, sample: ReadySample) -> _Finished:
        scratch = self.scratch / f"{place}.f32"
        with sample.reader:
            if self.before.get(name, sample.fingerprint) != sample.fingerprint:
                self._note(name, OTHER_BEFORE)
            self._tell(name, sample.problems)
            if sample.um_per_px is None:
                self.job.emit(Log(f"{name}: um/px is unknown: no size cutoff, fields in um stay empty"))
            elif self.spec.zoom:
                self.job.emit(Log(f"{name}: um/px is known and decides how large the model sees it, not the zoom set"))
            if sample.zoom.times != 1:
                self.job.emit(Log(f"{name}: {sample.zoom.in_words()}"))
            self.zooms[name] = sample.zoom
            annotated = self._annotated(place, name, sample)
            self.total += len(sample.events)
            digests: list[str] = []
            scale, volume = sample.scale, sample.reader.volume
            about = ProcessedSample(
                name=name,
                path=str(sample.path),
                um_per_px=scale.um_per_px if scale else None,
                um_per_px_source=scale.source if scale else "unknown",
                bit_depth=sample.bit_depth,
                volume_ul=volume.ul if volume else None,
                volume_source=volume.source if volume else "",
                fingerprint=sample.fingerprint,
                channel=sample.reader.channel,
            )
            to_write = About(name, len(sample.events), about.um_per_px, self._keywords(about))
            with SampleOutputs(to_write, OutputSettings(self.out, scratch, self.formats)) as outputs:
                for chunk, result in self.workers.results(self._chunks(name, sample, annotated)):
                    self._check()
                    self.equipment.add(result.equipment)
                    outputs.add(result)
                    digests += result.digests
                    for event, problem in zip(chunk.events, result.problems, strict=True):
                        if problem:
                            self.fail(name, event, problem)
                    self.done += len(chunk.events)
                    self.processed += result.problems.count("")
                    self.images_of[name] += result.problems.count("")
                    self.job.progress(self.done, self.total, name)
        self.outputs += outputs.paths
        about = about.when_read(of_many(digests), len(digests))
        self.records.append(about)
        return _Finished(place, name, sample.path, sample.events, scratch, outputs.largest, about)

    def _tell(self, name: str, problems: Sequence[str]) -> None:
        """A problem by which a part of the sample is lost is a failure: the job is done in part."""
        self.problems[name] = problems
        for problem in problems:
            if isinstance(problem, Loss):
                self.fail(name, "", problem)
                self.notes.setdefault(name, []).append(f"{name}: {problem}")
            else:
                self._note(name, problem)

    def _note(self, name: str, what: str) -> None:
        words = f"{name}: {what}"
        self.notes.setdefault(name, []).append(words)
        self.job.emit(Log(words))

    def _annotated(self, place: int, name: str, sample: ReadySample) -> Mapping[str, Segmentation]:
        """What a person said of images of that sample of the job, by event."""
        known = self.annotated.get(self.spec.samples[place].annotated_as, {})
        if number := sum(event in known for event in sample.events):
            self._note(name, f"{number} images are as annotated in {self.spec.annotations}, not as the model says")
        return known

    def _chunks(self, name: str, sample: ReadySample, annotated: Mapping[str, Segmentation]) -> Iterator[Chunk]:
        start, frame = 0, 1 if sample.background is None else sample.background.size
        for size in chunk_sizes(len(sample.events), self.workers.number, frame):
            self._check()
            part = sample.events[start : start + size]
            start += size
            seen = sample.um_per_px, sample.zoom.times, sample.background
            own = {event: annotated[event] for event in part if event in annotated}
            yield Chunk(name, sample.path, *seen, part, sample.reader.channel, own)

    def _check(self) -> None:
        if self.job.stop_wished():
            raise _Stopped
        self.job.check()

    def _write_all_fcs(self, finished: Sequence[_Finished]) -> None:
        largest = np.max([sample.largest for sample in finished], axis=0, initial=0.0)
        ranges = [range_above(float(value)) for value in np.broadcast_to(largest, len(names("image")))]
        for sample in finished:
            try:
                self._write_fcs(sample, ranges)
            except CytpixError as error:
                self.fail(sample.name, "", error)
            sample.scratch.unlink(missing_ok=True)

    def _write_fcs(self, sample: _Finished, ranges: Sequence[int]) -> None:
        self.job.check()
        with open_sample(sample.path, None) as reader:
            fcs = reader.open_fcs()
            if fcs is None and self.spec.formats is None:
                return
            if fcs is None:
                tables = "; the tables have all values" if "csv" in self.formats else ""
                raise CytpixError(f"No FCS was written, as there is none to add to{tables}")
            values, rows_of = read_values(sample.scratch), reader.fcs_rows()
            imaged = values[:, names("image").index("IsProcessed")] == 1
            known = [(rows_of[event], place) for place, event in enumerate(sample.events) if event in rows_of]
            rows, places = np.array(known, np.intp).reshape(-1, 2).T
            homeless = int(imaged.sum() - imaged[places].sum())
            if homeless:
                self.job.emit(Log(f"{sample.name}: {homeless} images have no event in the FCS"))
            placed = sample.scratch.with_suffix(".rows")
            try:
                table = np.memmap(placed, np.float32, "w+", shape=(max(fcs.event_count, 1), values.shape[1]))
                for start in range(0, len(rows), CHUNK):
                    part = slice(start, start + CHUNK)
                    table[rows[part]] = np.nan_to_num(values[places[part]], nan=0.0, posinf=0.0, neginf=0.0)
                extra = [
                    ExtraParameter(self.spec.prefix + feature, unit, table[: fcs.event_count, column], ranges[column])
                    for column, (feature, unit) in enumerate(_units())
                ]
                columns, keywords = self._gates(sample, fcs, [*fcs.names, *(one.name for one in extra)])
                path = self.out / f"{sample.name}.fcs"
                write_fcs_with(fcs, path, [*extra, *columns], {**self._keywords(sample.about), **keywords})
            finally:
                placed.unlink(missing_ok=True)
            self.outputs.append(path)

    def _gates(
        self, sample: _Finished, fcs: FcsFile, taken: Sequence[str]
    ) -> tuple[list[ExtraParameter], dict[str, str]]:
        """The parameters that tell the gates, and the keywords that tell what these are."""
        members = read_members(self.job.folder.path, sample.place)
        if members is None:
            return [], {}
        if members.events != fcs.event_count:
            raise CytpixError(
                "The gates are not of this FCS",
                f"They were applied to {members.events} events, it has {fcs.event_count}.",
                "It changed meanwhile: process the sample again.",
            )
        columns = parameter_names(members.names, self.spec.prefix, taken)
        return gate_parameters(members, columns), gate_keywords(members, columns)

    def _keywords(self, sample: ProcessedSample) -> dict[str, str]:
        zoom = self.zooms[sample.name]
        asked = {"CYTPIX_ZOOM": f"{zoom.times:g}"} if zoom.by is By.SET else {}
        return {
            "CYTPIX_MODEL": self.card.name,
            "CYTPIX_MODEL_HASH": self.model_hash,
            "CYTPIX_CONFIDENCE": self.card.confidence_is,
            "CYTPIX_SIZE_CUTOFF_UM": f"{self.card.size_cutoff_um:g}",
            **asked,
            **sample.keywords,
            "CYTPIX_SOFTWARE": f"tui-cytpix {tui_cytpix.__version__}",
        }

    def _provenance(self) -> None:
        whole: dict[str, Any] = {
            "software": f"tui-cytpix {tui_cytpix.__version__}",
            "time": self._start.isoformat(timespec="seconds"),
            "model": asdict(self.card),
            "model_hash": self.model_hash,
            "size_cutoff_um": self.card.size_cutoff_um,
            "gate": self.spec.gate,
            "formats": self.formats,
            "prefix": self.spec.prefix,
            "annotations": self.spec.annotations,
            "device": ", ".join(sorted({used.device for used in self.equipment})),
            "arithmetic": ", ".join(sorted({used.arithmetic for used in self.equipment})),
        }
        named = {sample.name for sample in self.spec.samples}
        for name in named:
            self.outputs.append(write_record(self.out, name, self._record(name, {**whole, "model": self.card.name})))
        others = [failure for failure in self.failures if failure.sample not in named]
        unnamed = {
            "failures": to_plain(others),
            "failed": sum(n for name, n in self.failed_of.items() if name not in named),
        }
        self.outputs.append(write_together(self.out, {**whole, **unnamed}))

    def _record(self, name: str, whole: Mapping[str, Any]) -> dict[str, Any]:
        asked = next(sample for sample in self.spec.samples if sample.name == name)
        done = next((record for record in self.records if record.name == name), None)
        zoom = self.zooms.get(name)
        return {
            **whole,
            "sample": {"name": name, "path": asked.path} if done is None else to_plain(done),
            "done": done is not None,
            "labels": asked.labels,
            "zoom": None if zoom is None else asdict(zoom),
            "images": self.images_of[name],
            "failed": self.failed_of[name],
            "failures": to_plain([failure for failure in self.failures if failure.sample == name]),
            "problems": list(self.problems.get(name, ())),
            "notes": [*self.spec.notes, *self.notes.get(name, ())],
        }


def annotations_of(run: Path) -> dict[str, dict[str, Segmentation]]:
    """The accepted annotations of a run, by sample and event.

    Raises:
        CytpixError: they can't be read.
    """
    found: dict[str, dict[str, Segmentation]] = {}
    for state in AnnotationBook(RunFolder(run).read_edits()[0]).accepted():
        if state.segmentation is not None:
            found.setdefault(state.image.sample, {})[state.image.event] = state.segmentation
    return found


def _processed_before(out: Path) -> dict[str, str]:
    """The fingerprints, by name, of the samples whose results the folder holds."""
    try:
        record = from_plain(ProcessRecord, read_json(out / RECORD))
    except (OSError, ValueError):
        return {}  # none, or damaged
    return {sample.name: sample.fingerprint for sample in record.samples if sample.fingerprint}


def chunk_sizes(images: int, workers: int, frame: int) -> Iterator[int]:
    """How many of so many images, of `frame` px each, go to a worker at a time: fewer towards the end, so that all
    workers end together, but not few: an image of a small chunk costs more.
    """
    most = max(1, min(CHUNK, CHUNK_PIXELS // frame))
    least = max(LEAST_CHUNK, min(SMALL_CHUNK, images // workers))
    while images > 0:
        size = min(images, most, max(least, images // workers))
        images -= size
        yield size


def _units() -> list[tuple[str, str]]:
    unit = {feature.name: feature.unit for feature in FEATURES}
    return [(name, "" if unit[name] in ("1", "bool") else unit[name]) for name in names("image")]
