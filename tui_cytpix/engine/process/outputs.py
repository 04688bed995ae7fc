"""What processing writes for one sample: tables, masks, and the numbers that go into its FCS later."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.table import names
from tui_cytpix.engine.process.worker import ChunkResult
from tui_cytpix.formats.bytes.atomic import replacing_folder
from tui_cytpix.formats.masks.mask_archive import mask_archive
from tui_cytpix.formats.tables.csv_table import csv_table


@dataclass(frozen=True)
class OutputSettings:
    """`formats` among domain.jobs.specs.FORMATS; `folder` gets `<sample>...`, `scratch` what the FCS needs."""

    folder: Path
    scratch: Path
    formats: Sequence[str]


class SampleOutputs:
    """Outputs of one sample, streamed. Each appears under its name when the block ends without an error.

    The image features for the FCS go to the scratch file, float32, a row per event in the sample's order; `largest`
    are their maxima.
    """

    def __init__(self, sample: str, settings: OutputSettings) -> None:
        self._sample, self._settings = sample, settings
        self._stack = ExitStack()
        self.paths: list[Path] = []
        self.largest = np.zeros(len(names("image")), np.float32)

    def _path(self, ending: str) -> Path:
        path = self._settings.folder / f"{self._sample}{ending}"
        self.paths.append(path)
        return path

    def __enter__(self) -> Self:
        formats, enter = self._settings.formats, self._stack.enter_context
        if "csv" in formats:
            columns = ["Sample", "Event"]
            self._events = enter(csv_table(self._path(".events.csv"), [*columns, *names("image")]))
            self._particles = enter(csv_table(self._path(".particles.csv"), [*columns, *names("particle")]))
        if "masks" in formats:
            self._labels = enter(replacing_folder(self._path(".masks")))
        if "instrument-masks" in formats:
            self._add_masks = enter(mask_archive(self._path(".masks.zip")))
        if "fcs" in formats:
            self._values = enter(self._settings.scratch.open("wb"))
        return self

    def add(self, events: Sequence[str], result: ChunkResult) -> None:
        formats = self._settings.formats
        if "csv" in formats:
            self._events.write(result.event_rows)
            self._particles.write(result.particle_rows)
        if "fcs" in formats:
            self.largest = np.fmax(self.largest, np.fmax.reduce(result.values, axis=0))
            self._values.write(result.values.tobytes())
        good = [quote(event, safe=" ") for event, p in zip(events, result.problems, strict=True) if not p]
        for name, png in zip(good, result.labels, strict="masks" in formats):
            (self._labels / f"{name}.png").write_bytes(png)
        for name, masks in zip(good, result.masks, strict="instrument-masks" in formats):
            self._add_masks(name, masks)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)


def read_values(scratch: Path) -> NDArray[np.float32]:
    """What `SampleOutputs` wrote for the FCS, (events, features), on the disk still."""
    columns = len(names("image"))
    if scratch.stat().st_size == 0:
        return np.zeros((0, columns), np.float32)
    return np.memmap(scratch, np.float32, "r").reshape(-1, columns)
