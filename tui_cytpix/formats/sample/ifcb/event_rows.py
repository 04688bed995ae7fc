"""The lines of a bin as an FCS, so that a bin's events are plotted, gated and exported as any other sample's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import MeasuredVolume
from tui_cytpix.formats.fcs.event_rows import EVENT, IMAGE_FLAG
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.sample.ifcb.lines import Lines
from tui_cytpix.formats.sample.table_as_fcs import table_as_fcs


def lines_as_fcs(lines: Lines, imaged: NDArray[np.bool_], volume: MeasuredVolume, path: Path) -> FcsFile:
    """Writes and opens it: a row for each line that can be read, all measured columns as they are (float32; seconds,
    volts), what is missing as 0; the line's number is `Event`, and `$VOL` the volume that was looked at.

    Args:
        imaged: which lines have an image, (N,).
        path: of the file.

    Raises:
        FcsError: it can't be written.
    """
    columns = {EVENT: lines.numbers, IMAGE_FLAG: imaged} | {n: lines.column(n) for n in lines.generation.columns}
    keywords = {"$CYT": "Imaging FlowCytobot", "$TIMESTEP": "1", "CYTPIX_VOLUME_FROM": volume.source}
    if volume.ul is not None:
        keywords["$VOL"] = f"{1000 * volume.ul:.3f}"
    return table_as_fcs(path, columns, keywords)
