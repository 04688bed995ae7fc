"""What every sample format offers, and nothing of how."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import PixelScale, SampleInfo

if TYPE_CHECKING:
    from tui_cytpix.formats.fcs.read import FcsFile
    from tui_cytpix.formats.masks.instrument import InstrumentMasks


class SampleReader(Protocol):
    """An open sample. Every method may be called from several threads at once; `close` ends that."""

    @property
    def path(self) -> Path:
        """As given by the user."""

    @property
    def format(self) -> str:
        """In words."""

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The imaged events, in natural order (2 before 10)."""

    @property
    def bit_depth(self) -> int:
        """Bits of gray: 8, 10, 12 or 16, the fewest that hold the values of up to 16 images spread over the sample."""

    @property
    def scale(self) -> PixelScale | None:
        """Micrometres per pixel as given, else as the FCS implies, else None."""

    def info(self) -> SampleInfo:
        """All that `inspect` tells, problems included; doesn't raise for what a problem sentence can say."""

    def read_image(self, event: str) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Gray, (H, W), read-only.

        Raises:
            SampleError: there is no such image, or it is damaged or blank; the others can still be read.
        """

    def read_masks(self, event: str) -> InstrumentMasks | None:
        """The instrument's own masks, None where it has none for this event.

        Raises:
            SampleError, MaskError: the image or its masks are damaged.
        """

    def open_fcs(self) -> FcsFile | None:
        """The FCS, None where there is none or it can't be read (`info().problems` says so)."""

    def fcs_rows(self) -> dict[str, int]:
        """The FCS row (from 0) of each imaged event that has one."""

    def close(self) -> None:
        """Lets go of the files; later reads fail."""

    def __enter__(self) -> Self:
        """The reader itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes."""
