"""What a format that `process` writes is made of, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.instrument import InstrumentMasks


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found in an image: `number` is its place in its sample, from 1, whichever of its images are processed;
    `suffix` that of its file (`.tif`), "" where it lies in no image file; `drawn` are the instrument's masks, where
    these are what was asked.
    """

    event: str
    number: int
    suffix: str
    segmentation: Segmentation
    drawn: InstrumentMasks | None = None

    @property
    def labels(self) -> NDArray[np.uint16]:
        """Its particles as a label image, (H, W), not to be written to."""
        return particles_of(self.segmentation)


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found in some images of a sample.

    Attributes:
        events: of all images, those that could not be read included.
        values: image features, float64 (events, F), NaN where an image could not be read.
        owners: of each particle the event.
        particles: particle features, float64 (owners, F).
        answers: makes those of the images that could be read, one by one, as a whole frame takes memory.
    """

    sample: str
    events: Sequence[str]
    values: NDArray[np.float64]
    owners: Sequence[str]
    particles: NDArray[np.float64]
    answers: Callable[[], Iterator[Answer]]


@dataclass(frozen=True)
class About:
    """A sample that is written: how many `events` there are to come, its scale (None where unknown), and what its files
    say of how they came about, as its FCS does.
    """

    sample: str
    events: int
    um_per_px: float | None
    keywords: Mapping[str, str]


class Output(NamedTuple):
    """A format.

    Attributes:
        endings: of its files' names, after the sample's.
        encode: what is to be written of some images; done by workers, at the same time.
        written: opens the files of a sample, one for each ending, and gives what takes in what `encode` made, in the
            order of the events; the files appear, whole, when the block ends without an error.
        encoded: the type of what `encode` makes, for who keeps it for a while (engine.process.tube_parts).
        package: that it needs, "" for none; the extra that brings it is called as the format.
    """

    endings: tuple[str, ...]
    encode: Callable[[Findings], Any]
    written: Callable[[Sequence[Path], About], AbstractContextManager[Callable[[Any], None]]]
    encoded: Any
    package: str = ""
