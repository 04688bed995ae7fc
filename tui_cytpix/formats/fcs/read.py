"""Reads FCS 2.0 to 3.2 files, alone or in place within an archive.

A file is opened by its HEADER and TEXT alone; columns are decoded from a memory map when they are asked for.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import Loss
from tui_cytpix.errors import FcsError, SampleError
from tui_cytpix.formats.bytes.source import ByteSource, FileBytes, PartBytes
from tui_cytpix.formats.fcs.read_data import FcsParameter, stored_column
from tui_cytpix.formats.fcs.read_layout import DataLayout, data_layout
from tui_cytpix.formats.fcs.read_text import FcsText, Segment, read_text

_MOST_DECADES = 30.0
_HIGHEST_START = 1e6
_BEGINNING = re.compile(rb"FCS[23]\.[0-9] {4}")
_LOOKED_AT_BEHIND = 1 << 16  # bytes behind the data set: some writers fill it up


@dataclass(frozen=True, eq=False)
class FcsFile:
    """The first data set of an FCS file.

    Attributes:
        path: the file, or the archive that holds it.
        offset: where it starts in `path`, in bytes.
        version: such as "3.1".
        text: all keywords, `$...` in capitals, in the file's order.
        parameters: the columns of DATA.
        delimiter: of TEXT.
        layout: how DATA lies.
        analysis: the ANALYSIS segment.
        supplement: a supplemental TEXT segment that holds something else than text.
        problems: sentences about what is odd in the file.
    """

    path: Path
    offset: int
    version: str
    text: Mapping[str, str]
    parameters: tuple[FcsParameter, ...]
    delimiter: str
    layout: DataLayout
    analysis: Segment
    supplement: Segment
    problems: tuple[str, ...]

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters' names: `$PnN`, a repeated one followed by its number, such as `FSC-A #2`."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def event_count(self) -> int:
        return self.layout.events

    @property
    def volume_ul(self) -> float | None:
        """The volume that was measured, ul (`$VOL` is in nl); None where unknown."""
        volume = _number(self.text.get("$VOL", "")) / 1000
        return volume if 0 < volume < 1e9 else None

    @functools.cached_property
    def data(self) -> NDArray[np.uint8]:
        """DATA as stored, (layout.data_bytes,), read-only, mapped into memory."""
        if self.layout.data_bytes == 0:
            return np.zeros(0, np.uint8)
        return self.segment(Segment(self.layout.begin, self.layout.data_bytes))

    def segment(self, segment: Segment) -> NDArray[np.uint8]:
        """The bytes of a segment that isn't empty, mapped into memory."""
        try:
            return np.memmap(self.path, np.uint8, "r", self.offset + segment.begin, (segment.length,))
        except (OSError, ValueError) as error:
            raise _unreadable(self.path, f"the file changed or can't be opened ({error})") from error

    def index_of(self, name: str) -> int:
        """The position of a parameter in DATA, from 0.

        Raises:
            FcsError: no parameter has that name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            detail = f"{self.path.name} has {', '.join(self.names)}."
            raise FcsError(f"The FCS file has no parameter {name!r}", detail) from None

    def raw_column(self, name: str) -> NDArray[Any]:
        """A parameter's values as stored, (N,), unused bits of integers cleared."""
        return stored_column(self.data, self.layout, self.index_of(name))

    def column(self, name: str) -> NDArray[np.float64]:
        """A parameter's values on the linear scale, (N,): logarithmic amplification undone, gain divided out."""
        return self.parameters[self.index_of(name)].linear(self.raw_column(name))


def read_fcs(path: Path, offset: int = 0, length: int | None = None) -> FcsFile:
    """Opens an FCS file.

    Args:
        path: the file, or an archive that holds it uncompressed.
        offset: where it starts in `path`, in bytes.
        length: its length in bytes, None for up to the end.

    Raises:
        FcsError: it is no FCS file, or what it says can't be true, or it is of a kind that isn't read.
    """
    path = Path(path)
    try:
        with contextlib.closing(FileBytes(path)) as file:
            size = file.size - offset if length is None else length
            if offset < 0 or size < 0 or offset + size > file.size:
                raise ValueError(f"its bytes {offset} to {offset + size} lie outside the file of {file.size} bytes")
            part = PartBytes(file, offset, size)
            text = read_text(part)
            layout = data_layout(text, size)
            joined = _followed_by_another(part, text, layout)
        parameters = _parameters(text, layout)
    except (ValueError, OSError) as error:
        raise _unreadable(path, str(error)) from error
    except SampleError as error:
        raise _unreadable(path, error.detail.rstrip(".")) from error
    problems = (*text.problems, *layout.problems, *joined, *_repeated(text.names))
    return FcsFile(
        path,
        offset,
        text.version,
        text.keywords,
        parameters,
        text.delimiter,
        layout,
        text.analysis,
        text.supplement,
        problems,
    )


def _unreadable(path: Path, why: str) -> FcsError:
    return FcsError(
        "This FCS file can't be read", f"{path.name}: {why}.", "Export it again from the instrument's software."
    )


def _followed_by_another(source: ByteSource, text: FcsText, layout: DataLayout) -> tuple[str, ...]:
    """Whether behind the data set, whose TEXT tells of no other, one begins all the same: two files were joined."""
    if text.has_more:
        return ()
    segments = (text.segment, text.analysis, text.supplement, Segment(layout.begin, layout.data_bytes))
    end = max(segment.begin + segment.length for segment in segments)
    if _BEGINNING.search(source.read_at(end, _LOOKED_AT_BEHIND)) is None:
        return ()
    return (Loss("A second FCS file follows the first in the same file; only the first is read: separate the two."),)


def _repeated(names: Sequence[str]) -> list[str]:
    again = sorted(name for name, count in Counter(map(str.strip, names)).items() if name and count > 1)
    return [f"Several parameters of the FCS are named {name!r}; they are told apart by a number." for name in again]


def _unique(names: Sequence[str]) -> list[str]:
    """Names without blanks around them; repeated ones numbered, missing ones made; none as another is stated."""
    plain = [name.strip() or f"P{number}" for number, name in enumerate(names, start=1)]
    unique: list[str] = []
    for place, name in enumerate(plain):
        if name in unique:
            taken = {*plain, *unique}
            number = next(n for n in itertools.count(plain[:place].count(name) + 1) if f"{name} #{n}" not in taken)
            name = f"{name} #{number}"  # noqa: PLW2901
        unique.append(name)
    return unique


def _parameters(text: FcsText, layout: DataLayout) -> tuple[FcsParameter, ...]:
    said = text.keywords
    parameters = []
    for n, name in enumerate(_unique(text.names), start=1):
        kind, largest = layout.types[n - 1], _number(said.get(f"$P{n}R", ""))
        decades, lowest = _amplification(said, n, largest) if kind == "I" else (0.0, 1.0)
        gain = _number(said.get(f"$P{n}G", ""))
        # Makers put the time step or a detector's gain there; time has none.
        has_gain = decades == 0 and gain > 0 and name.lower() != "time"
        parameters.append(
            FcsParameter(
                name,
                said.get(f"$P{n}S", "").strip(),
                layout.bits[n - 1],
                largest,
                kind,
                decades,
                lowest,
                gain if has_gain else 1.0,
            )
        )
    return tuple(parameters)


def _number(text: str) -> float:
    """A finite number, 0 where the text is none."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _amplification(keywords: Mapping[str, str], number: int, largest: float) -> tuple[float, float]:
    """Decades and lowest value of `$PnE`: (0, 1) on a linear scale.

    A lowest value of 0 is impossible and stands for 1 (FCS 3.1 says so).

    Raises:
        ValueError: the scale makes no sense.
    """
    text = keywords.get(f"$P{number}E", "").strip() or "0,0"
    decades, _, lowest = text.partition(",")
    try:
        scale = float(decades), float(lowest or 0)
    except ValueError:
        scale = math.nan, math.nan
    if not (0 <= scale[0] <= _MOST_DECADES and 0 <= scale[1] <= _HIGHEST_START) or (scale[0] > 0 and largest <= 0):
        raise ValueError(f"$P{number}E is {text[:40]!r} with $P{number}R {largest:g}: no scale")
    return (scale[0], scale[1] or 1.0) if scale[0] > 0 else (0.0, 1.0)
