"""The features of an `.rtdc`, one number an event, as an FCS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import Loss
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.names import counted
from tui_cytpix.formats.fcs.event_rows import EVENT
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.sample.hdf5.reader_process import HdfProcess
from tui_cytpix.formats.sample.table_as_fcs import table_as_fcs

MOST_VALUES = 1 << 27  # of a table
MOST_FAILURES = 2  # features that can't be read, after which no other is tried: a crash may cost the images, too
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
# As the format's documentation (https://dclab.readthedocs.io) gives them; others have none, or arbitrary ones.
_UNITS = {
    "area_um": "um^2",
    "area_um_raw": "um^2",
    "area_cvx": "px",
    "area_msd": "px",
    "volume": "um^3",
    "pos_x": "um",
    "pos_y": "um",
    "size_x": "um",
    "size_y": "um",
    "time": "s",
    "emodulus": "kPa",
    "temp": "deg C",
}
_UNITS |= {f"fl{number}_{what}": "us" for number in (1, 2, 3) for what in ("width", "pos", "dist")}


def features_as_fcs(
    process: HdfProcess, facts: dict[str, Any], events: Sequence[str], identifier: str, path: Path
) -> FcsFile:
    """A row for each event: its id, and all features that have a number for each; those left out are told.

    Args:
        path: of the file.

    Raises:
        FcsError: it can't be written.
    """
    columns: dict[str, NDArray[Any]] = {EVENT: np.array(list(map(int, events)), np.float64)}
    short, odd, unread = [], list[str](), list[SampleError]()
    for name, length in facts.get("features", {}).items():
        if not _NAME.fullmatch(name) or name.casefold() in map(str.casefold, columns):
            odd.append(name)
        elif length < len(events):
            short.append(name)
        elif (len(columns) + 1) * len(events) <= MOST_VALUES and len(unread) < MOST_FAILURES:
            try:
                columns[name] = process.column(name)[: len(events)]
            except SampleError as error:
                unread.append(error)
    wanted = len(facts.get("features", {})) - len(odd) - len(short)
    left = wanted - (len(columns) - 1)
    keywords = {"$CYT": identifier or "deformability cytometer", "$TIMESTEP": "1"}
    keywords |= {f"$P{n}S": _UNITS[name] for n, name in enumerate(columns, 1) if name in _UNITS}
    fcs = table_as_fcs(path, columns, keywords)
    problems = [
        *counted(odd, "feature has a name that no FCS can have", "features have names that no FCS can have"),
        *map(Loss, counted(short, "feature has fewer values than events", "features have fewer values than events")),
    ]
    if left:
        why = unread[0].detail if unread else f"more than {MOST_VALUES:,} values are not read."
        problems.append(Loss(f"Of {wanted} features {left} are left out: {why}"))
    return replace(fcs, problems=(*fcs.problems, *problems))
