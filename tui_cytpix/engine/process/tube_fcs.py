"""The FCS of a tube: a copy of the instrument's, with the image features and the gates as parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.table import FEATURES, IMAGE, names
from tui_cytpix.domain.gate import Members
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.bytes.atomic import reserve
from tui_cytpix.formats.fcs.gate_parameters import gate_keywords, gate_parameters, parameter_names
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.fcs.write import ExtraParameter, write_fcs_with

_ROWS = 256  # at a time
IS_PROCESSED = names(IMAGE).index("IsProcessed")


@dataclass(frozen=True)
class FcsOptions:
    """`keywords` that the file is to have; `members`: which of its events are in which gates, None where none is."""

    prefix: str
    keywords: Mapping[str, str]
    members: Members | None


def write_tube_fcs(
    fcs: FcsFile, path: Path, values: NDArray[np.float32], rows: Sequence[int | None], options: FcsOptions
) -> int:
    """Writes the FCS of a tube.

    Args:
        fcs: the instrument's.
        path: the file to make; beside it lies meanwhile a table as large as what is added.
        values: image features of the images, (images, F), NaN where one could not be processed.
        rows: of each image its row in the FCS, None where it has none.

    Returns:
        How many processed images have no row.

    Raises:
        CytpixError, OSError: parameters that don't go into this file, gates of another, or it can't be written.
    """
    known = np.array([(row, place) for place, row in enumerate(rows) if row is not None], np.intp).reshape(-1, 2)
    imaged = values[:, IS_PROCESSED] == 1
    beside, shape = path.with_suffix(".rows"), (max(fcs.event_count, 1), values.shape[1])
    with beside.open("wb") as file:
        reserve(file, 4 * shape[0] * shape[1], path)
    table = np.memmap(beside, np.float32, "r+", shape=shape)
    for start in range(0, len(known), _ROWS):
        row, place = known[start : start + _ROWS].T
        table[row] = np.nan_to_num(values[place], nan=0.0, posinf=0.0, neginf=0.0)
    features = [feature for feature in FEATURES if IMAGE in feature.levels]
    extra = [
        ExtraParameter(options.prefix + one.name, _unit(one.unit), table[: fcs.event_count, n], one.range.above)
        for n, one in enumerate(features)
    ]
    keywords = dict(options.keywords)
    if options.members is not None:
        _refuse_others(options.members, fcs)
        columns = parameter_names(options.members.names, options.prefix, [*fcs.names, *(one.name for one in extra)])
        extra += gate_parameters(options.members, columns)
        keywords |= gate_keywords(options.members, columns)
    write_fcs_with(fcs, path, extra, keywords)
    return int(imaged.sum() - imaged[known[:, 1]].sum())


def _unit(unit: str) -> str:
    return "" if unit in ("1", "bool") else unit


def _refuse_others(members: Members, fcs: FcsFile) -> None:
    if members.events != fcs.event_count:
        raise CytpixError(
            "The gates are not of this FCS",
            f"They were applied to {members.events} events, it has {fcs.event_count}.",
            "It changed meanwhile: process the sample again.",
        )
