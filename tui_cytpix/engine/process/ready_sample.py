"""Samples made ready for processing, one ahead of the one at work: opened, with background and zoom."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.sample import PixelScale
from tui_cytpix.domain.zoom import Zoom
from tui_cytpix.engine.network.zoom import zoom_of
from tui_cytpix.engine.predict.instrument import refuse_without_masks
from tui_cytpix.errors import SampleChangedError
from tui_cytpix.formats.sample.background import sample_background, typical_px
from tui_cytpix.formats.sample.parts import MARK_THE_TRIGGER
from tui_cytpix.formats.sample.reader import SampleReader
from tui_cytpix.formats.sample.registry import open_sample


@dataclass(frozen=True, eq=False)
class ReadySample:
    """An open sample, to be closed by who takes it.

    Attributes:
        scale: None where unknown.
        bit_depth, fingerprint: of its images, for the record.
        zoom: how large the network sees its images.
        background: static, float32 (H, W); None where it has none.
        events: those to process.
        problems: what is wrong with it, in sentences.
    """

    path: Path
    reader: SampleReader
    scale: PixelScale | None
    bit_depth: int
    fingerprint: str
    zoom: Zoom
    background: NDArray[np.float32] | None
    events: Sequence[str]
    problems: Sequence[str]

    @property
    def um_per_px(self) -> float | None:
        return self.scale.um_per_px if self.scale else None


def make_ready(sample: SampleAtWork, card: ModelCard, asked: float) -> ReadySample:
    """Opens a sample of `job.toml`. Of unknown scale it is seen `asked` times as large as it is (engine.network.zoom).

    Raises:
        CytpixError, OSError: it can't be read, or holds other images than those that are meant.
    """
    path, given = Path(sample.path), sample.um_per_px
    reader = open_sample(path, given, sample.channel)
    try:
        if card.of_instrument:
            refuse_without_masks(reader, sample.name)
        found, problems = reader.fingerprint(), reader.problems()
        if sample.fingerprint not in ("", found):
            raise SampleChangedError(
                "The sample is not the one that it was",
                f"{path} holds other images than when processing was started.",
                "Put the former file back.",
            )
        scale = PixelScale(given, sample.scale_source) if given else reader.scale if sample.find_scale else None
        um_per_px = scale.um_per_px if scale else None
        zoom = zoom_of(card, um_per_px, lambda: typical_px(reader.event_ids, reader.read_image), asked)
        events = reader.event_ids if sample.events is None else sample.events
        background = sample_background(reader)
        if card.of_instrument and not reader.masks_tell_particles:
            problems = (*problems, MARK_THE_TRIGGER)
        return ReadySample(path, reader, scale, reader.bit_depth, found, zoom, background, events, problems)
    except BaseException:
        reader.close()
        raise


class ReadySamples:
    """Makes samples ready in a thread, the first at once, each other one while the one before is at work. Going
    through them gives what each will be; it is closed when the next one is asked for.
    """

    def __init__(self, samples: Iterable[SampleAtWork], card: ModelCard, asked: float) -> None:
        self._card, self._asked, self._rest = card, asked, deque(samples)
        self._pool = ThreadPoolExecutor(1)
        self._coming = self._next()

    def _next(self) -> Future[ReadySample] | None:
        if not self._rest:
            return None
        return self._pool.submit(make_ready, self._rest.popleft(), self._card, self._asked)

    def __iter__(self) -> Iterator[Future[ReadySample]]:
        """Results raise as `make_ready`."""
        while (taken := self._coming) is not None:
            self._coming = self._next()
            try:
                yield taken
            finally:
                _close(taken)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        if self._coming is not None:
            _close(self._coming)


def _close(sample: Future[ReadySample]) -> None:
    if sample.exception() is None:
        sample.result().reader.close()
