"""The summary in a tube's record (domain.jobs.tube_summary), taken while its images are processed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.table import IMAGE, names
from tui_cytpix.domain.jobs.tube_summary import TIME_PARTS, Spread, TimeCourse, TubeSummary
from tui_cytpix.engine.process.worker import ChunkResult
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.sample.reader import SampleReader

_TAKEN = ("ConfidenceScore", "FocusScore", "IsOnBorder", "ClumpIndexMax")
_PLACES = [names(IMAGE).index(name) for name in _TAKEN]
_LATEST, _LEAST_SHARE = 1e30, 1e-9  # a Time beyond, or a spread below that share of it, can't be divided into parts
_LONGEST_STEP_S = 1e6  # a `$TIMESTEP` beyond is a mistake


class SummaryTaker:
    """Takes in what was found in a tube's images, chunk after chunk: five numbers an image are kept."""

    def __init__(self) -> None:
        self._values: list[NDArray[np.float32]] = []

    def add(self, result: ChunkResult) -> None:
        self._values.append(np.column_stack((result.values[:, _PLACES], np.array(result.levels, np.float32))))

    def summary(self, reader: SampleReader, events: Sequence[str]) -> TubeSummary:
        """Of `events`, all of which were taken in, in their order.

        Raises:
            CytpixError: the FCS can't be read any more.
        """
        empty = np.zeros((0, len(_TAKEN) + 1), np.float32)
        confidence, focus, border, clump, gray = np.concatenate([empty, *self._values]).T
        fcs = reader.open_fcs()
        return TubeSummary(
            imaged=len(reader.event_ids),
            taken=len(events),
            border=int((border == 1).sum()),
            events=None if fcs is None else fcs.event_count,
            confidence=_spread(confidence),
            focus=_spread(focus),
            gray=_spread(gray),
            time=None if fcs is None else _over_time(fcs, reader.fcs_rows(), events, clump),
        )


def _spread(values: NDArray[np.float32]) -> Spread | None:
    found = values[np.isfinite(values)].astype(np.float64)
    if not len(found):
        return None
    low, median, high = np.quantile(found, (0.25, 0.5, 0.75)).tolist()
    return Spread(number=len(found), mean=float(found.mean()), low=low, median=median, high=high)


def _over_time(
    fcs: FcsFile, rows: dict[str, int], events: Sequence[str], clump: NDArray[np.float32]
) -> TimeCourse | None:
    """None where the table has no Time, or one Time for all. `clump` is the ClumpIndexMax of the events, NaN where an
    image could not be processed.
    """
    name = next((one for one in fcs.names if one.casefold() == "time"), None)
    if name is None:
        return None
    time = fcs.column(name)
    known = time[np.abs(time) <= _LATEST]  # none is NaN
    if not len(known):
        return None
    start, end = float(known.min()), float(known.max())
    if end - start <= _LEAST_SHARE * max(abs(start), abs(end)):
        return None

    def counted(times: NDArray[np.float64]) -> tuple[int, ...]:
        return tuple(np.histogram(times, TIME_PARTS, (start, end))[0].tolist())

    places = np.array([rows.get(event, -1) for event in events], np.intp)
    seen = (places >= 0) & np.isfinite(clump)
    return TimeCourse(
        start=start,
        end=end,
        step_s=_step(fcs),
        events=counted(known),
        images=counted(time[places[seen]]),
        multiplets=counted(time[places[seen & (clump > 1)]]),
    )


def _step(fcs: FcsFile) -> float | None:
    try:
        step = float(fcs.text.get("$TIMESTEP", ""))
    except ValueError:
        return None
    return step if math.isfinite(step) and 0 < step <= _LONGEST_STEP_S else None
