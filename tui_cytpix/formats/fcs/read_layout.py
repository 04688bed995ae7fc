"""Where and how DATA lies in an FCS file. Raises ValueError with a sentence, as `read_text` does."""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tui_cytpix.domain.sample import Loss
from tui_cytpix.formats.fcs.read_text import HEADER_BYTES, FcsText, whole_number


@dataclass(frozen=True)
class DataLayout:
    """How events lie in DATA.

    Attributes:
        begin: DATA's first byte in the data set.
        events: their number.
        bits: the width of each parameter.
        types: each parameter's `I`, `F` or `D`.
        masks: for each integer parameter the bits that `$PnR` leaves in use, 0 for floats.
        little_endian: the byte order, and the bit order where widths are no whole bytes.
        problems: sentences.
    """

    begin: int
    events: int
    bits: tuple[int, ...]
    types: tuple[str, ...]
    masks: tuple[int, ...]
    little_endian: bool
    problems: tuple[str, ...] = ()

    @property
    def event_bits(self) -> int:
        """The width of an event; events follow each other without gaps."""
        return sum(self.bits)

    @property
    def data_bytes(self) -> int:
        """The length of DATA, the last byte filled up."""
        return -(-self.events * self.event_bits // 8)

    @functools.cached_property
    def bit_starts(self) -> tuple[int, ...]:
        return tuple(itertools.accumulate(self.bits, initial=0))[:-1]

    @property
    def whole_bytes(self) -> bool:
        """True where every width is a whole number of bytes."""
        return all(bits % 8 == 0 for bits in self.bits)


def data_layout(text: FcsText, size: int) -> DataLayout:
    """Finds DATA within a data set of `size` bytes.

    Raises:
        ValueError: it is of a kind that we don't read, or lies outside the file.
    """
    keywords, numbers = text.keywords, range(1, text.parameters + 1)
    if keywords.get("$MODE", "L").strip().upper() != "L":
        raise ValueError(f"$MODE is {keywords['$MODE'][:40]!r}; only list mode (L) holds events")
    bits = tuple(whole_number(keywords, f"$P{n}B") for n in numbers)
    types = tuple(_data_type(keywords, n, width) for n, width in zip(numbers, bits, strict=True))
    masks = tuple(
        used_bits(keywords.get(f"$P{n}R", ""), width) if kind == "I" else 0
        for n, width, kind in zip(numbers, bits, types, strict=True)
    )
    candidates = _candidates(text)
    if "$TOT" in keywords:
        events = whole_number(keywords, "$TOT")
    else:
        begin, end = candidates[0]
        events = max(0, (min(end, size - 1) - begin + 1) * 8 // sum(bits))
    needed = -(-events * sum(bits) // 8)
    begin, problems = _choose(candidates, events, needed, size)
    return DataLayout(begin, events, bits, types, masks, _is_little_endian(keywords), problems)


def used_bits(range_text: str, width: int) -> int:
    """The mask that `$PnR` puts on an integer of `width` bits; all bits where it says nothing usable.

    By the FCS standard the bits above the range may hold anything and are to be ignored.
    """
    full = (1 << width) - 1
    try:
        largest = int(range_text) if range_text.strip().isdigit() else math.ceil(float(range_text))
    except (ValueError, OverflowError):
        return full
    return min(full, (1 << (largest - 1).bit_length()) - 1) if largest > 1 else full


def _data_type(keywords: Mapping[str, str], number: int, bits: int) -> str:
    """I, F or D; FCS 3.2 may set it for one parameter."""
    kind = keywords.get(f"$P{number}DATATYPE", keywords.get("$DATATYPE", "")).strip().upper()
    if kind not in ("I", "F", "D"):
        raise ValueError(f"$DATATYPE is {kind[:40]!r}; integers (I) and floating point (F, D) can be read")
    if kind != "I" and bits != {"F": 32, "D": 64}[kind]:
        raise ValueError(f"$P{number}B says {bits} bits, which $DATATYPE {kind} doesn't have")
    return kind


def _is_little_endian(keywords: Mapping[str, str]) -> bool:
    text = keywords.get("$BYTEORD", "")
    order = re.sub(r"\s", "", text).split(",")
    ascending = [str(n + 1) for n in range(len(order))]
    if order not in (ascending, ascending[::-1]):
        raise ValueError(f"$BYTEORD is {text[:40]!r}; only 1,2,3,4 and 4,3,2,1 can be read")
    return order == ascending


def _candidates(text: FcsText) -> list[tuple[int, int]]:
    """First and last byte of DATA as HEADER and as TEXT have it; at least one."""
    found = [text.header_data]
    if "$BEGINDATA" in text.keywords and "$ENDDATA" in text.keywords:
        found.append((whole_number(text.keywords, "$BEGINDATA"), whole_number(text.keywords, "$ENDDATA")))
    usable = [pair for pair in found if pair[0] >= HEADER_BYTES]
    if not usable and text.keywords.get("$TOT", "").strip().strip("0") == "":
        return [(HEADER_BYTES, HEADER_BYTES - 1)]  # no events, no DATA
    if not usable:
        raise ValueError(f"neither HEADER nor TEXT says where DATA lies: {found}")
    return usable


def _choose(candidates: list[tuple[int, int]], events: int, needed: int, size: int) -> tuple[int, tuple[str, ...]]:
    """The first byte of DATA.

    Where HEADER and TEXT disagree, the one whose length is right (an end that is one too far is common), then HEADER:
    some instruments write wrong offsets into TEXT.
    """
    inside = [pair for pair in candidates if pair[0] + needed <= size]
    if not inside:
        begin = candidates[0][0]
        raise ValueError(
            f"DATA should have {events} events from byte {begin} to {begin + needed - 1}, "
            f"the file has {size} bytes: it is cut off or damaged"
        )
    exact = [pair for pair in inside if pair[1] < size and abs(pair[1] - pair[0] + 1 - needed) <= 1]
    begin, end = (exact or inside)[0]
    problem = ""
    if any(a != begin or abs(b - end) > 1 for a, b in candidates):
        problem = f"The FCS's HEADER and TEXT disagree on where DATA lies; {events} events are read from byte {begin}."
    elif not exact:
        problem = f"The FCS's DATA should have {end - begin + 1} bytes, the {events} events of $TOT have {needed}."
        more = (end - begin + 1 - needed) * events // needed if needed else 0
        if more > 0:
            problem += f" Up to {more} events more are not read: if the instrument counted more, export it again."
    filled_up = 0 <= end - begin + 1 - needed < needed / max(events, 1)
    if problem and not exact and not filled_up:  # nothing says that these are all events, and that they begin there
        problem = Loss(problem)
    return begin, (problem,) if problem else ()
