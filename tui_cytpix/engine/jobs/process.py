"""The process job: tubes through a model, one after the other, each to its files and its record (`tube`).

This process opens samples and writes; workers (`process.worker`) read images, segment and measure them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from tui_cytpix.domain.annotation import AnnotationBook
from tui_cytpix.domain.jobs.events import Failure, Finished, Log, Progress, Stopped
from tui_cytpix.domain.jobs.specs import ProcessSpec
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.jobs.job import Job
from tui_cytpix.engine.jobs.tube import Order, Stopping, Tube, told_of_all
from tui_cytpix.engine.jobs.workers import Workers, worker_count
from tui_cytpix.engine.process.provenance import MOST_FAILURES, write_together
from tui_cytpix.engine.process.ready_sample import ReadySamples
from tui_cytpix.engine.process.worker import WorkerSettings
from tui_cytpix.errors import RunError
from tui_cytpix.formats.model.file import file_hash, read_card
from tui_cytpix.formats.outputs.registry import refuse_missing
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.tube_records import clear_leftovers, lease_of, make_room
from tui_cytpix.formats.sample.file_states import FileStates


def run(job: Job, spec: ProcessSpec) -> None:
    """Processes all tubes; one that fails doesn't stop the others.

    Raises:
        CytpixError: the model or the output folder can't be used, a package that a format needs is missing, or a worker
            was lost.
        Leave: told to leave; tubes that were finished stay.
    """
    card = read_card(Path(spec.model))
    cutoff = card.size_cutoff_um if spec.size_cutoff_um is None else spec.size_cutoff_um
    spec = spec.stating(cutoff, file_hash(Path(spec.model)))
    make_room(Path(spec.out))
    refuse_missing(spec.chosen_formats)  # this may be another machine than the one that asks
    annotated = annotations_of(Path(spec.annotations)) if spec.annotations else {}
    _Batch(job, Order(spec, replace(card, size_cutoff_um=cutoff), annotated, FileStates())).run()


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


class _Batch:
    """The tubes of a job, and what is told of all of them."""

    def __init__(self, job: Job, order: Order) -> None:
        self._job, self._order = job, order
        self._start = datetime.now(UTC)
        self._tubes = [Tube(job, order, place, self._told) for place in range(len(order.spec.samples))]
        self._already = 0
        self._elsewhere: list[str] = []
        self._done_images = self._all_images = 0
        self._bytes: list[int] = []  # of each tube at work or to come, and before it
        self._place = 0  # among them
        self._of_tube = (0, 0)  # images that are done, and all

    def run(self) -> None:
        spec = self._order.spec
        for note in spec.notes:
            self._job.emit(Log(note))
        waiting = [tube for tube in self._tubes if not self._is_done(tube)]
        if self._already:
            done = f"{self._already} of {len(self._tubes)} samples are done already"
            self._job.emit(Log(f"{done}, with the same images, model and options"))
        try:
            if waiting:
                self._work(waiting)
        except Stopping:
            self._job.emit(Stopped(None, *self._results()))
            return
        outputs, failures = self._results()
        failed = len(spec.left_out) + sum(tube.failed for tube in self._tubes)
        images = sum(tube.images for tube in self._tubes)
        seconds = round((datetime.now(UTC) - self._start).total_seconds(), 3)
        elsewhere = tuple(self._elsewhere)
        self._job.emit(Finished(None, outputs, failures, failed, images, seconds, self._already, elsewhere))

    def _is_done(self, tube: Tube) -> bool:
        done = tube.done_already()
        self._already += done
        return done

    def _work(self, tubes: Sequence[Tube]) -> None:
        spec = self._order.spec
        card = self._order.card
        settings = WorkerSettings(
            Path(spec.model), card.size_cutoff_um, spec.device, spec.chosen_formats, card.of_instrument
        )
        samples = [tube.sample for tube in tubes]
        files = FileStates()
        self._bytes = [files.size(Path(sample.path)) for sample in samples]
        with (
            Workers(self._job, settings, worker_count(spec.threads)) as workers,
            ReadySamples(samples, card, spec.zoom) as ready,
        ):
            equipment = workers.describe()
            self._job.started(equipment.device, workers.number)
            if equipment.note:
                self._job.emit(Log(equipment.note))
            for self._place, (tube, coming) in enumerate(zip(tubes, ready, strict=True)):
                self._of_tube = (0, 0)
                if self._is_done(tube):  # by another job, since
                    continue
                lease = lease_of(self._order.out, tube.name)
                try:
                    if not tube.shared(coming, workers):
                        raise RunError("Another job is at a part of it")
                    lease.acquire()
                except RunError:
                    self._elsewhere.append(tube.name)
                    self._job.emit(Log(f"{tube.name}: another job is at it, and it is left to that"))
                    continue
                with self._job.holding(lease):
                    if not self._is_done(tube):  # by another job, since
                        tube.process(coming, workers)

    def _told(self, name: str, more: int, done: int) -> None:
        self._all_images += more
        self._done_images += done
        self._of_tube = (self._of_tube[0] + done, self._of_tube[1] + more)
        if done:
            place, samples = self._place + 1, len(self._bytes)
            self._job.progress(Progress(self._done_images, self._all_images, name, place, samples, self._share()))

    def _share(self) -> float | None:
        """What is done of all tubes' files, those not opened yet too, which is why bytes are counted."""
        done, images = self._of_tube
        all_bytes = sum(self._bytes)
        here = self._bytes[self._place] * done / images if images else 0
        return (sum(self._bytes[: self._place]) + here) / all_bytes if all_bytes else None

    def _results(self) -> tuple[tuple[str, ...], tuple[Failure, ...]]:
        """The files that are there and what failed, once `process.json` tells of them, too."""
        clear_leftovers(self._order.out)
        failures = [*self._order.spec.left_out, *(one for tube in self._tubes for one in tube.failures)]
        outputs = [str(path) for tube in self._tubes for path in tube.outputs]
        if outputs:
            outputs.append(str(self._write_together()))
        return tuple(outputs), tuple(failures[:MOST_FAILURES])

    def _write_together(self) -> Path:
        left_out = self._order.spec.left_out
        whole = {
            **told_of_all(self._order),
            "time": self._start.isoformat(timespec="seconds"),
            "model": asdict(self._order.card),
            "failures": to_plain(left_out),
            "failed": len(left_out),
        }
        return write_together(self._order.out, whole, self._job.check)
