"""Where a worker's time goes: time per image of each stage of `process`, from archive member to table rows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tui_cytpix.core.features.measurement import Measurement
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.domain.zoom import AUTOMATIC
from tui_cytpix.engine.jobs import tube
from tui_cytpix.engine.predict import inference
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.process import worker as process_worker
from tui_cytpix.engine.process.ready_sample import make_ready
from tui_cytpix.engine.process.worker import Chunk, WorkerSettings
from tui_cytpix.formats.model.file import read_card
from tui_cytpix.formats.outputs import csv_tables
from tui_cytpix.formats.sample.reader import SampleReader

ROUNDS = 4
STAGES: tuple[tuple[str, Any, str], ...] = (  # name, and the function that is all of it but for other stages' parts
    ("read and decode", SampleReader, "read_image"),
    ("normalise", process_worker, "normalise_knowing_noise"),
    ("regions", inference, "plan_differing"),
    ("resample", inference, "NetworkInput"),
    ("cut crops", Predictor, "_outputs"),
    ("network", Predictor, "_batch"),
    ("maps of the frame", inference, "_composed"),
    ("objects, particles", inference, "segment"),
    ("focus", process_worker, "_focus"),
    ("features: pixels", Measurement, "__init__"),
    ("features: images", Measurement, "images"),
    ("features: particles", Measurement, "particles"),
    ("image digests", process_worker, "pixel_digest"),
    ("table rows", csv_tables, "csv_rows"),
    ("rest", process_worker, "process"),
)


class _Clock:
    """Seconds of a clock by stage, a stage within a stage counted once."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.spent: Counter[str] = Counter()
        self._now = now
        self._inner: list[float] = []

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            began = self._now()
            try:
                return work(*arguments, **named)
            finally:
                taken = self._now() - began
                self.spent[stage] += taken - self._inner.pop()
                if self._inner:
                    self._inner[-1] += taken

        return run

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within, the stages are timed."""
        with ExitStack() as stack:
            for stage, owner, name in STAGES:
                stack.enter_context(mock.patch.object(owner, name, self.timed(stage, getattr(owner, name))))
            yield


def milliseconds(
    model: Path,
    sample: Path,
    um_per_px: float,
    images: int,
    device: str = "cpu",
    now: Callable[[], float] = time.thread_time,
) -> dict[str, float]:
    """Milliseconds per image of each stage, the least of some rounds, in this process: by default of this thread's CPU,
    which a busy machine does not lengthen.
    """
    card = read_card(model)
    process_worker.start(WorkerSettings(model, card.size_cutoff_um, device, ("fcs", "csv")))
    process_worker._State.predictor = None  # of another model
    process_worker.describe()
    ready = make_ready(SampleAtWork(name="", path=str(sample), um_per_px=um_per_px), card, asked=AUTOMATIC)
    least: dict[str, float] = {}
    with ready.reader as reader:
        events = reader.event_ids[:images]
        for _ in range(ROUNDS):
            clock = _Clock(now)
            with clock.watching():
                for start in range(0, len(events), tube.CHUNK):
                    part = events[start : start + tube.CHUNK]
                    process_worker.process(Chunk("", sample, um_per_px, ready.zoom.times, ready.background, part))
            for stage, seconds in clock.spent.items():
                least[stage] = min(least.get(stage, seconds), seconds)
    return {stage: 1000 * least[stage] / len(events) for stage, _, _ in STAGES}
