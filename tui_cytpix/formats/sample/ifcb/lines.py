"""The lines of an IFCB bin's `.adc`: one for each target of a trigger, comma-separated numbers, no header.

Two generations of the instrument write them, with other columns. Names and order of the newer ones' columns are those
that its `.hdr` lists under `ADCFileFormat`; the older ones', which no file lists, and all else here was checked on real
bins of both. Line numbers count from 1; they are what others call an image by (`BIN_00007`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 256 << 20
MOST_LINES = 1 << 20
_LONGEST_LINE = 2048
_MOST_COLUMNS = 64


@dataclass(frozen=True)
class Generation:
    """Where the columns lie, from 0.

    Attributes:
        columns: the measured ones, by the names that the event table gives them.
        box: left, top, width and height of the image in the camera's frame, and its first byte in the `.roi`.
        lead: bytes of the `.roi` before the first image.
    """

    name: str
    columns: Mapping[str, int]
    box: tuple[int, int, int, int, int]
    lead: int

    @property
    def fewest(self) -> int:
        """Columns without which a line tells of no image."""
        return max(self.box) + 1


OLD = Generation(
    "IFCB (old style)",
    {
        "Trigger": 0,
        "Time": 1,
        "FluorescenceLow": 2,
        "FluorescenceHigh": 3,
        "ScatteringLow": 4,
        "ScatteringHigh": 5,
        "ComparatorPulse": 6,
        "TriggerOpenTime": 7,
        "FrameGrabTime": 8,
        "RoiX": 9,
        "RoiY": 10,
        "RoiWidth": 11,
        "RoiHeight": 12,
        "ValveStatus": 14,
    },
    (9, 10, 11, 12, 13),
    1,
)
NEW = Generation(
    "IFCB (new style)",
    {
        "Trigger": 0,
        "Time": 1,
        "PMTA": 2,
        "PMTB": 3,
        "PMTC": 4,
        "PMTD": 5,
        "PeakA": 6,
        "PeakB": 7,
        "PeakC": 8,
        "PeakD": 9,
        "TimeOfFlight": 10,
        "GrabTimeStart": 11,
        "GrabTimeEnd": 12,
        "RoiX": 13,
        "RoiY": 14,
        "RoiWidth": 15,
        "RoiHeight": 16,
        "ComparatorOut": 18,
        "StartPoint": 19,
        "SignalLength": 20,
        "Status": 21,
        "RunTime": 22,
        "InhibitTime": 23,
    },
    (13, 14, 15, 16, 17),
    0,
)


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines that can be read.

    Attributes:
        numbers: their numbers in the file, int64 (N,), ascending.
        values: float64 (N, C); NaN where a line has no such column, or no number in it.
        unreadable: the numbers of the other lines, blank ones left out.
        cut_off: the numbers of lines with fewer columns than the first, and of the last one where it has no end.
    """

    generation: Generation
    numbers: NDArray[np.int64]
    values: NDArray[np.float64]
    unreadable: tuple[int, ...] = ()
    cut_off: tuple[int, ...] = ()

    def column(self, name: str) -> NDArray[np.float64]:
        """A measured column, (N,); NaN where the file has none.

        Raises:
            KeyError: this generation has no column of that name.
        """
        return self._at(self.generation.columns[name])

    def boxes(self) -> NDArray[np.int64]:
        """Left, top, width, height and first byte of each line's image, (N, 5); width or height is 0 without one."""
        return np.stack([self._at(column) for column in self.generation.box], axis=1).astype(np.int64)

    def _at(self, column: int) -> NDArray[np.float64]:
        if column < self.values.shape[1]:
            return self.values[:, column]
        return np.full(len(self.numbers), np.nan)


def read_lines(data: bytes) -> Lines:
    """The content of an `.adc`. The generation is told by the number of columns, as files get renamed: the old one has
    15 and a comma at the end of the line, the new one 18 or more.

    Raises:
        ValueError: no line can be read, or it is too large; the message says why.
    """
    if len(data) > MOST_BYTES or data.count(b"\n") >= MOST_LINES:
        raise ValueError(f"it is larger than the {MOST_LINES:,} lines and {MOST_BYTES:,} bytes that are read")
    numbers: list[int] = []
    rows: list[list[float]] = []
    unreadable: list[int] = []
    generation: Generation | None = None
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        values = _numbers(line)
        found = _generation(len(values))
        generation = generation or found
        if found is None or found is not generation:
            unreadable.append(number)
            continue
        numbers.append(number)
        rows.append(values)
    if generation is None:
        if unreadable:
            raise ValueError("none of its lines are those of an IFCB: 15, or 18 and more, numbers between commas")
        return Lines(NEW, np.zeros(0, np.int64), np.zeros((0, NEW.fewest)))
    table, places = _table(rows), np.array(numbers, np.int64)
    sound = _tell_of_an_image(table[:, generation.box])
    cut_off = [number for number, row in zip(numbers, rows, strict=True) if len(row) < len(rows[0])]
    if not data.endswith(b"\n") and numbers[-1] == number and number not in cut_off:
        cut_off.append(number)
    told = tuple(sorted([*unreadable, *places[~sound].tolist()]))
    return Lines(generation, places[sound], table[sound], told, tuple(cut_off))


def _numbers(line: bytes) -> list[float]:
    """NaN for what is no number; nothing for a line that is too long for any IFCB's."""
    if len(line) > _LONGEST_LINE:
        return []
    fields = line.rstrip(b", \t\r").split(b",", _MOST_COLUMNS)[:_MOST_COLUMNS]
    try:
        return list(map(float, fields))
    except ValueError:
        return [_number(field) for field in fields]


def _number(field: bytes) -> float:
    try:
        return float(field)
    except ValueError:
        return np.nan


def _generation(columns: int) -> Generation | None:
    if columns >= NEW.fewest:
        return NEW
    return OLD if OLD.fewest <= columns <= OLD.fewest + 1 else None


def _tell_of_an_image(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes (N, 5) are whole numbers that a camera and a file may have, (N,)."""
    possible = np.isfinite(boxes) & (np.abs(boxes) < 1 << 40) & (boxes == np.floor(boxes))
    return np.asarray(possible.all(axis=1) & (boxes[:, 2:] >= 0).all(axis=1))


def _table(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """(N, C), short rows filled with NaN."""
    lengths = set(map(len, rows))
    if len(lengths) == 1:
        return np.array(rows, np.float64)
    table = np.full((len(rows), max(lengths)), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table
