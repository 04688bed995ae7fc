"""One tube of a process job, from its images to its files and, last, its record."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tui_cytpix.core.features.table import IMAGE, names
from tui_cytpix.domain.jobs.events import Failure, Log
from tui_cytpix.domain.jobs.processed import Asked, ProcessedSample, TubeRecord, same_work, software
from tui_cytpix.domain.jobs.specs import ProcessSpec, SampleAtWork
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.domain.sample import Loss
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.engine.jobs.job import Job
from tui_cytpix.engine.jobs.workers import Workers
from tui_cytpix.engine.process.outputs import OutputSettings, SampleOutputs, read_values
from tui_cytpix.engine.process.provenance import MOST_FAILURES
from tui_cytpix.engine.process.ready_sample import ReadySample
from tui_cytpix.engine.process.tube_fcs import FcsOptions, write_tube_fcs
from tui_cytpix.engine.process.tube_parts import TubeParts
from tui_cytpix.engine.process.tube_summary import SummaryTaker
from tui_cytpix.engine.process.worker import Chunk, ChunkResult, Equipment
from tui_cytpix.errors import CytpixError, JobError, RunError, refusal
from tui_cytpix.formats.outputs.output import About
from tui_cytpix.formats.outputs.registry import file_names
from tui_cytpix.formats.run import tube_records
from tui_cytpix.formats.run.gate_members import members_hash, read_members
from tui_cytpix.formats.sample.file_states import FileStates
from tui_cytpix.formats.sample.identity import of_many

# Images at a time: enough of one size to go through the network together, few enough to stop soon and to fit in memory.
# On a CPU an image of 256 costs some 6 % less than one of 64, but a worker takes more memory, and more with each chunk;
# a GPU is kept busy by more.
CHUNK, GPU_CHUNK, SMALL_CHUNK, LEAST_CHUNK, CHUNK_PIXELS = 64, 256, 64, 32, 256**3
OTHER_BEFORE = "what was here of it was made from other images, and is replaced."
COUNTED = ("ParticleCount", "ObjectCount", "ClumpIndexMax")  # of which the record says how many images have each value
_PLACES = [names(IMAGE).index(name) for name in COUNTED]
_VALUES = ".values"  # in the tube's folder: what its FCS is made of


@dataclass(frozen=True)
class Order:
    """What all tubes of a job have in common: its specification, with size cutoff and model stated, and the model's
    card with that cutoff; what persons said of images, by sample and event; `states` remembers folders looked at.
    """

    spec: ProcessSpec
    card: ModelCard
    annotated: Mapping[str, Mapping[str, Segmentation]]
    states: FileStates

    @property
    def out(self) -> Path:
        return Path(self.spec.out)


class Stopping(Exception):  # noqa: N818
    """The user wished it."""


class Tube:
    """A tube of a job, the one at `place`. `told` hears of images: so many more to come, so many more done.

    What is to be said of it at the end of the job: `failures` (of `failed` in all), `images` that were processed,
    `outputs`, the files that are there.
    """

    def __init__(self, job: Job, order: Order, place: int, told: Callable[[str, int, int], None]) -> None:
        self._job, self._order, self._place, self._told = job, order, place, told
        self.sample: SampleAtWork = order.spec.samples[place]
        self.name, self._out = self.sample.name, order.out
        self._annotated = order.annotated.get(self.sample.annotated_as, {})
        self._asked = Asked.of(order.spec, self.sample).but(
            gates=members_hash(job.folder.path, place), annotated=_hash_of(self._annotated)
        )
        self.outputs: list[Path] = []
        self.failures: list[Failure] = []
        self.failed = self.images = 0
        self._notes: list[str] = []
        self._problems: list[str] = []
        self._counts: dict[str, Counter[int]] = {name: Counter() for name in COUNTED}
        self._taken = SummaryTaker()
        self._equipment: set[Equipment] = set()  # of the workers that took part

    # Whether there is anything to do

    def done_already(self) -> bool:
        """Whether its files are there, made as is asked for: then it says of itself what its record says."""
        found = tube_records.read_record(self._out, self.name)
        if self._order.spec.force or found is None or not same_work(found, self._asked):
            return False
        if tube_records.missing_outputs(self._out, found) or self._inputs_differ(found):
            return False
        self.failures, self.failed = list(found.failures), found.failed
        self.outputs = [self._out / one for one in found.outputs] + [tube_records.record_path(self._out, self.name)]
        if found.labels != self.sample.labels:
            tube_records.relabel(self._out, self.name, self.sample.labels)
        return True

    def _inputs_differ(self, record: TubeRecord) -> bool:
        try:
            return bool(tube_records.inputs_differ(record, self.sample, self._order.states))
        except (CytpixError, OSError):
            return True  # what is wrong is told when it is opened to be processed

    # The work

    def shared(self, coming: Future[ReadySample], workers: Workers) -> bool:
        """Makes those parts of a large tube that no other job is at. Whether all are there now, to be put together by
        `process`; of other tubes, and of those that can't be made (`process` tells why), always.

        Raises:
            JobError, Leave, Stopping: the job ends; parts that were made stay.
        """
        try:
            sample = coming.result()
            parts = self._parts(sample)
            if not parts.several:
                return True
            wanted, made = sum(_number(parts.images[part]) for part in parts.missing()), 0
            self._told(self.name, wanted, 0)
            while now := next(filter(None, (self._made_part(sample, workers, parts, k) for k in parts.missing())), 0):
                made += now
            self._told(self.name, made - wanted, 0)  # what others made
            return self.done_already() or not parts.missing()
        except JobError:
            raise
        except (CytpixError, OSError):
            return True

    def _made_part(self, sample: ReadySample, workers: Workers, parts: TubeParts, part: int) -> int:
        """Of how many images; 0 where another job is at it, or made it, or the whole tube, since."""
        self._check()
        lease = parts.lease(part)
        try:
            lease.acquire()
        except RunError:
            return 0
        with self._job.holding(lease):
            if parts.has(part) or self.done_already():
                return 0
            parts.keep(part, self._results(sample, workers, parts.images[part]))
        return _number(parts.images[part])

    def _parts(self, sample: ReadySample) -> TubeParts:
        found = [sample.fingerprint, self._order.states.of(sample.path), sample.um_per_px, sample.zoom.times]
        work = json.dumps([to_plain(self._asked), *found])
        return TubeParts(self._out, self.name, hashlib.sha256(work.encode()).hexdigest(), len(sample.events))

    def process(self, coming: Future[ReadySample], workers: Workers) -> None:
        """All of it, by who holds the tube's lease. A tube that fails is told, and has a record that says so.

        Raises:
            JobError, Leave, Stopping: the job ends; nothing of the tube has changed.
            CytpixError, OSError: the record can't be written.
        """
        before = tube_records.read_record(self._out, self.name)
        with tube_records.workplace(self._out, self.name) as folder:
            made: dict[str, Any] = {}
            try:
                made = self._made(coming.result(), workers, folder, before)
            except JobError:
                raise
            except CytpixError as error:
                self._fail_whole(error)
            except OSError as error:
                self._fail_whole(CytpixError(*refusal(error, self._out)))
            if made or before is None or not same_work(before, self._asked):  # else what is there stays what it is
                self.outputs.append(tube_records.write_record(self._out, self.name, self._record(made), folder))
            if made:
                shutil.rmtree(tube_records.parts_of(self._out, self.name), ignore_errors=True)

    def _made(self, sample: ReadySample, workers: Workers, folder: Path, before: TubeRecord | None) -> dict[str, Any]:
        """Makes the tube's files and puts them in their places; returns what the record tells of them."""
        files = self._order.states.of(sample.path)
        if before is not None and before.sample.fingerprint not in ("", sample.fingerprint):
            self._note(OTHER_BEFORE)
        self._tell(sample)
        about = self._images(sample, workers, folder)
        chosen = self._order.spec.chosen_formats
        if "fcs" in chosen:
            self._write_fcs(sample, about, folder)
        self._check()
        names_ = [one for one in file_names(self.name, chosen) if (folder / one).exists()]
        self.outputs = tube_records.put_in_place(folder, self._out, self.name, names_)
        return {
            "sample": to_plain(about),
            "files": files,
            "fcs": tube_records.fcs_hash(sample.reader.open_fcs()),
            "masks": self._order.card.of_instrument or bool(self._annotated),
            "zoom": asdict(sample.zoom),
            "summary": to_plain(self._taken.summary(sample.reader, sample.events)),
            **self._with_others(before, about, tube_records.sizes(self._out, names_)),
        }

    def _images(self, sample: ReadySample, workers: Workers, folder: Path) -> ProcessedSample:
        """Takes all images to their end; what is to be written lies in the folder then, but for the FCS."""
        scale, volume = sample.scale, sample.reader.volume
        about = ProcessedSample(
            name=self.name,
            path=str(sample.path),
            um_per_px=scale.um_per_px if scale else None,
            um_per_px_source=scale.source if scale else "unknown",
            bit_depth=sample.bit_depth,
            volume_ul=volume.ul if volume else None,
            volume_source=volume.source if volume else "",
            fingerprint=sample.fingerprint,
            channel=sample.reader.channel,
        )
        to_write = About(self.name, len(sample.events), about.um_per_px, self._keywords(about, sample.zoom))
        settings = OutputSettings(folder, folder / _VALUES, self._order.spec.chosen_formats)
        digests: list[str] = []
        events = iter(sample.events)
        with SampleOutputs(to_write, settings) as outputs:
            for result in self._all_results(sample, workers):
                outputs.add(result)
                digests += result.digests
                self._count(list(itertools.islice(events, len(result.problems))), result)
        return about.when_read(of_many(digests), len(digests))

    def _all_results(self, sample: ReadySample, workers: Workers) -> Iterator[ChunkResult]:
        """Of all images: those that are kept in parts, else made."""
        parts = self._parts(sample)
        for part, images in enumerate(parts.images):
            kept = parts.several and parts.has(part)
            if not kept:
                self._told(self.name, _number(images), 0)
            for result in parts.results(part) if kept else self._results(sample, workers, images):
                self._check()
                yield result

    def _results(self, sample: ReadySample, workers: Workers, images: slice) -> Iterator[ChunkResult]:
        events = sample.events[images]
        for chunk, result in workers.results(self._chunks(sample, events, workers)):
            self._check()
            yield result
            self._told(self.name, 0, len(chunk.events))

    def _chunks(self, sample: ReadySample, events: Sequence[str], workers: Workers) -> Iterator[Chunk]:
        start, frame = 0, 1 if sample.background is None else sample.background.size
        most = GPU_CHUNK if workers.on_gpu else CHUNK
        for size in chunk_sizes(len(events), workers.number, frame, most):
            self._check()
            part = events[start : start + size]
            start += size
            seen = sample.um_per_px, sample.zoom.times, sample.background
            own = {event: self._annotated[event] for event in part if event in self._annotated}
            yield Chunk(self.name, sample.path, *seen, part, sample.reader.channel, own)

    def _count(self, events: Sequence[str], result: ChunkResult) -> None:
        self._equipment.add(result.equipment)
        self._taken.add(result)
        for event, problem in zip(events, result.problems, strict=True):
            if problem:
                self._fail(event, problem)
        self.images += result.problems.count("")
        for name, values in zip(COUNTED, result.values[:, _PLACES].T, strict=True):
            self._counts[name].update(values[np.isfinite(values)].astype(int).tolist())

    def _write_fcs(self, sample: ReadySample, about: ProcessedSample, folder: Path) -> None:
        fcs, spec = sample.reader.open_fcs(), self._order.spec
        if fcs is None:
            if spec.formats is not None:
                tables = "; the tables have all values" if "csv" in spec.formats else ""
                why = sample.reader.unusable_fcs
                none = "" if why else ", as there is none to add to"
                self._fail("", CytpixError(f"No FCS was written{none}{tables}", why))
            return
        rows = sample.reader.fcs_rows()
        members = read_members(self._job.folder.path, self._place)
        options = FcsOptions(spec.prefix, self._keywords(about, sample.zoom), members)
        places = [rows.get(event) for event in sample.events]
        homeless = write_tube_fcs(fcs, folder / f"{self.name}.fcs", read_values(folder / _VALUES), places, options)
        if homeless:
            self._job.emit(Log(f"{self.name}: {homeless} images have no event in the FCS"))

    def _check(self) -> None:
        if self._job.stop_wished():
            raise Stopping
        self._job.check()

    # What is said of it

    def _fail(self, event: str, error: object) -> None:
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(Failure(self.name, event, str(error)))

    def _fail_whole(self, error: object) -> None:
        self._fail("", error)
        self.images, self.outputs = 0, []
        for counts in self._counts.values():
            counts.clear()

    def _note(self, what: str) -> None:
        self._notes.append(f"{self.name}: {what}")
        self._job.emit(Log(self._notes[-1]))

    def _tell(self, sample: ReadySample) -> None:
        """What is odd about the sample. A problem by which a part of it is lost is a failure: it is done in part."""
        self._problems = list(sample.problems)
        for problem in sample.problems:
            if isinstance(problem, Loss):
                self._fail("", problem)
                self._notes.append(f"{self.name}: {problem}")
            else:
                self._note(problem)
        if number := sum(event in self._annotated for event in sample.events):
            self._note(f"{number} images are as annotated in {self._order.spec.annotations}, not as the model says")
        said = []
        if sample.um_per_px is None:
            said.append("um/px is unknown: no size cutoff, fields in um stay empty")
        elif self._order.spec.zoom:
            said.append("um/px is known and decides how large the model sees it, not the zoom set")
        if sample.zoom.times != 1:
            said.append(sample.zoom.in_words())
        for words in said:
            self._job.emit(Log(f"{self.name}: {words}"))

    def _keywords(self, about: ProcessedSample, zoom: Zoom) -> dict[str, str]:
        card, spec = self._order.card, self._order.spec
        asked = {"CYTPIX_ZOOM": f"{zoom.times:g}"} if zoom.by is By.SET else {}
        return {
            "CYTPIX_MODEL": card.name,
            "CYTPIX_MODEL_HASH": spec.model_hash,
            "CYTPIX_CONFIDENCE": card.confidence_is,
            "CYTPIX_SIZE_CUTOFF_UM": f"{card.size_cutoff_um:g}",
            **asked,
            **about.keywords,
            "CYTPIX_SOFTWARE": software(),
        }

    def _with_others(
        self, before: TubeRecord | None, about: ProcessedSample, outputs: dict[str, int | None]
    ) -> dict[str, Any]:
        """The outputs, and what was asked for to make them. Files of other formats that were made so before stay;
        those that were made otherwise go, as nothing would tell how.
        """
        device = "cuda" if any(used.is_gpu for used in self._equipment) else "cpu"
        asked = self._asked.but(device=device)
        if before is None or before.asked is None:
            return {"asked": to_plain(asked), "outputs": outputs}
        same = not before.asked.differs(asked.but(formats=())) and before.sample.pixels == about.pixels
        if same and not tube_records.missing_outputs(self._out, before):
            asked = asked.but(formats=tuple(dict.fromkeys((*asked.formats, *before.asked.formats))))
            outputs = {**before.outputs, **outputs}
        for gone in tube_records.remove_other_outputs(self._out, self.name, before, outputs):
            self._note(f"{gone} was made otherwise, and is removed.")
        return {"asked": to_plain(asked), "outputs": outputs}

    def _record(self, made: dict[str, Any]) -> dict[str, Any]:
        """`made` is what is known once all files are there; empty of a tube that failed."""
        spec = self._order.spec
        return {
            **told_of_all(self._order),
            "model": self._order.card.name,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": ", ".join(sorted({used.device for used in self._equipment})),
            "arithmetic": ", ".join(sorted({used.arithmetic for used in self._equipment})),
            "sample": {"name": self.name, "path": self.sample.path},
            "done": bool(made),
            "asked": to_plain(self._asked),
            "labels": self.sample.labels,
            "zoom": None,
            "images": self.images,
            "summary": None,
            "counts": {name: {str(n): counts[n] for n in sorted(counts)} for name, counts in self._counts.items()},
            "failed": self.failed,
            "failures": to_plain(self.failures),
            "problems": self._problems,
            "notes": [*spec.notes, *self._notes],
            **made,
        }


def told_of_all(order: Order) -> dict[str, Any]:
    """What every record of the job says alike."""
    spec = order.spec
    return {
        "software": software(),
        "model_hash": spec.model_hash,
        "size_cutoff_um": order.card.size_cutoff_um,
        "gate": spec.gate,
        "formats": spec.chosen_formats,
        "prefix": spec.prefix,
        "annotations": spec.annotations,
    }


def _hash_of(annotated: Mapping[str, Segmentation]) -> str:
    """Another one where any image is annotated otherwise; "" where none is."""
    digest = hashlib.sha256()
    for event, found in sorted(annotated.items()):
        labels = b"" if found.labels is None else found.labels.tobytes()
        digest.update(f"{event} {found.mask.shape}".encode("utf-8", "surrogateescape"))
        digest.update(found.mask.tobytes() + found.centroids.tobytes() + labels)
    return digest.hexdigest() if annotated else ""


def _number(images: slice) -> int:
    return int(images.stop - images.start)


def chunk_sizes(images: int, workers: int, frame: int, most: int = CHUNK) -> Iterator[int]:
    """How many of so many images, of `frame` px each, go to a worker at a time, `most` at most: fewer towards the end,
    so that all workers end together, but not few: an image of a small chunk costs more.
    """
    most = max(1, min(most, CHUNK_PIXELS // frame))
    least = max(LEAST_CHUNK, min(SMALL_CHUNK, images // workers))
    while images > 0:
        size = min(images, most, max(least, images // workers))
        images -= size
        yield size
