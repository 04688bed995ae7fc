"""What processing writes for one sample: files of all formats, and the numbers that go into its FCS later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.table import names
from tui_cytpix.engine.process.worker import ChunkResult
from tui_cytpix.formats.outputs.output import About
from tui_cytpix.formats.outputs.registry import OUTPUTS


@dataclass(frozen=True)
class OutputSettings:
    """`formats` among domain.jobs.specs.FORMATS; `folder` gets `<sample>...`, `scratch` what the FCS needs."""

    folder: Path
    scratch: Path
    formats: Sequence[str]


class SampleOutputs:
    """Outputs of one sample, streamed. Each appears under its name when the block ends without an error.

    The image features for the FCS go to the scratch file, float32, a row per event in the sample's order.
    """

    def __init__(self, about: About, settings: OutputSettings) -> None:
        self._about, self._settings = about, settings
        self._stack = ExitStack()
        self._adding: dict[str, Callable[[Any], None]] = {}

    def __enter__(self) -> Self:
        with self._stack as stack:  # closes what was opened where a later one can't be
            for name in self._settings.formats:
                if (output := OUTPUTS.get(name)) is not None:
                    paths = [self._settings.folder / f"{self._about.sample}{ending}" for ending in output.endings]
                    self._adding[name] = stack.enter_context(output.written(paths, self._about))
            if "fcs" in self._settings.formats:
                self._values = stack.enter_context(self._settings.scratch.open("wb"))
            self._stack = stack.pop_all()
        return self

    def add(self, result: ChunkResult) -> None:
        """Raises:
        CytpixError, OSError: it can't be written.
        """
        for name, add in self._adding.items():
            add(result.encoded[name])
        if "fcs" in self._settings.formats:
            self._values.write(result.values.tobytes())

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
