"""Reads images with their backgrounds, several at a time, for jobs that predict."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.background import background_of
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.sample.background import sample_background, typical_px
from tui_cytpix.formats.sample.reader import SampleReader

READERS = 4


class ReadImage(NamedTuple):
    """One image: as recorded, what lies behind its cells, and what the network sees; or why there is none."""

    event: str
    gray: NDArray[np.uint8] | NDArray[np.uint16]
    background: NDArray[np.float32]
    normalised: NDArray[np.float32]
    problem: str = ""


class SampleImages:
    """An open sample with its static background and the size of its particles, found where they are needed."""

    def __init__(self, reader: SampleReader, pool: ThreadPoolExecutor) -> None:
        self.reader, self._pool = reader, pool

    def read(self, events: Sequence[str]) -> list[ReadImage]:
        """The images of these events, in order; safe to call from one thread only."""
        return list(self._pool.map(functools.partial(self._one, self._static), events))

    @functools.cached_property
    def _static(self) -> NDArray[np.float32] | None:
        return sample_background(self.reader)

    @functools.cached_property
    def typical_px(self) -> float | None:
        """How large the sample's particles look, px (formats.sample.background.typical_px)."""
        return typical_px(self.reader.event_ids, self.reader.read_image)

    def _one(self, static: NDArray[np.float32] | None, event: str) -> ReadImage:
        try:
            gray = self.reader.read_image(event)
        except CytpixError as error:
            nothing = np.zeros((0, 0), np.float32)
            return ReadImage(event, np.zeros((0, 0), np.uint8), nothing, nothing, str(error))
        background = background_of(gray, static)
        return ReadImage(event, gray, background, normalise(gray, background))
