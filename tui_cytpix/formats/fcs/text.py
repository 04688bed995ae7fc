"""HEADER and TEXT of an FCS file: checked here, read by fcsparser.

fcsparser believes what a file says: a wrong `$PAR` keeps it busy for minutes. So the HEADER is checked before it is
called, and the counts in TEXT as soon as TEXT is split, before it works with them. Everything here raises ValueError
with a sentence; `read.read_fcs` makes it an FcsError that names the file.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tui_cytpix.formats.fcs.encode import HEADER_BYTES
from tui_cytpix.formats.fcs.split import split_keywords

MAX_TEXT_BYTES = 64 << 20
MAX_PARAMETERS = 10_000
_VERSIONS = ("2.0", "3.0", "3.1", "3.2")


@dataclass(frozen=True)
class Segment:
    """Where a segment lies: its first byte in the data set, and its length; empty where there is none."""

    begin: int = 0
    length: int = 0


@dataclass(frozen=True)
class FcsText:
    """What HEADER and TEXT say.

    Attributes:
        version: such as "3.1".
        keywords: TEXT, then what supplemental TEXT adds.
        delimiter: of TEXT.
        parameters: `$PAR`.
        names: `$PnN` as stored, "" where absent.
        header_data: first and last byte of DATA as HEADER has it, 0 where it says nothing.
        analysis: the ANALYSIS segment.
        supplement: a supplemental TEXT segment that holds something else than text.
        problems: sentences.
    """

    version: str
    keywords: Mapping[str, str]
    delimiter: str
    parameters: int
    names: tuple[str, ...]
    header_data: tuple[int, int]
    analysis: Segment
    supplement: Segment
    problems: tuple[str, ...]


class Window:
    """A part of a file as a file of its own: an FCS file within an archive. `offset` and `size` in bytes."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        self._file, self._offset, self.size = file, offset, size
        self._at = 0

    def seek(self, position: int, whence: int = 0) -> int:
        """As `io.IOBase.seek`; never before the start."""
        self._at = max(0, position + (0, self._at, self.size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        left = max(0, self.size - self._at)
        self._file.seek(self._offset + self._at)
        data = self._file.read(left if count < 0 else min(count, left))
        self._at += len(data)
        return data

    def segment(self, segment: Segment) -> bytes:
        self.seek(segment.begin)
        return self.read(segment.length)


def read_text(window: Window) -> FcsText:
    """Reads HEADER, TEXT and supplemental TEXT.

    Raises:
        ValueError: the file is no FCS file, or what it says can't be true.
    """
    version, segment = _check_header(window)
    raw = window.segment(segment)
    parser = _checked_parser()(encoding=_encoding(raw))
    window.seek(0)
    try:
        parser.load_file(window, read_data=False)
    except (KeyError, IndexError, TypeError, OverflowError) as error:
        raise ValueError(f"its TEXT segment can't be read ({type(error).__name__}: {str(error)[:80]})") from error
    said: dict[str, str] = parser.said
    header: dict[str, int] = parser.annotation["__header__"]
    problems: list[str] = []
    if _offset(said, "$NEXTDATA"):
        problems.append("It holds more than one data set; only the first is read.")
    supplement = _segment(window, said, "STEXT", (0, 0), problems)
    if supplement.begin == segment.begin or supplement.length > MAX_TEXT_BYTES:
        supplement = Segment()
    more = window.segment(supplement)
    added: dict[str, str] = {}
    if more[:1] == raw[:1]:
        added = split_keywords(more.decode(_encoding(more)))
        supplement = Segment()
    return FcsText(
        version=version,
        keywords={**said, **{key: value for key, value in added.items() if key not in said}},
        delimiter=raw[:1].decode("latin-1"),
        parameters=parser.annotation["$PAR"],
        names=tuple(said.get(f"$P{n}N", "") for n in range(1, parser.annotation["$PAR"] + 1)),
        header_data=(header["data start"], header["data end"]),
        analysis=_segment(window, said, "ANALYSIS", (header["analysis start"], header["analysis end"]), problems),
        supplement=supplement,
        problems=tuple(problems),
    )


def whole_number(keywords: Mapping[str, str], key: str) -> int:
    """The value of a keyword that must be a whole number.

    Raises:
        ValueError: it is absent, or something else.
    """
    text = keywords.get(key)
    if text is None:
        raise ValueError(f"the keyword {key} is missing")
    if re.fullmatch(r"[+-]?0*[0-9]{1,18}", text.strip()) is None:
        raise ValueError(f"{key} is {text[:40]!r}, not a whole number")
    return int(text)


def check_counts(keywords: Mapping[str, str]) -> None:
    """Refuses numbers of parameters, bits and events that can't be true, before anything is made of them.

    Raises:
        ValueError: which keyword, and its value.
    """
    count = whole_number(keywords, "$PAR")
    if not 0 < count <= MAX_PARAMETERS:
        raise ValueError(f"$PAR says {count} parameters; 1 to {MAX_PARAMETERS} are possible")
    for number in range(1, count + 1):
        bits = whole_number(keywords, f"$P{number}B")
        if not 0 < bits <= 64:
            raise ValueError(f"$P{number}B says {bits} bits; 1 to 64 are possible")
    if "$TOT" in keywords and whole_number(keywords, "$TOT") < 0:
        raise ValueError(f"$TOT says {whole_number(keywords, '$TOT')} events")


def _check_header(window: Window) -> tuple[str, Segment]:
    """The version and where TEXT lies, if that can be true."""
    window.seek(0)
    head = window.read(HEADER_BYTES)
    version = head[3:6].decode("latin-1")
    if len(head) < HEADER_BYTES or head[:3] != b"FCS" or version not in _VERSIONS:
        raise ValueError("it doesn't start as FCS 2.0 to 3.2 files do")
    found = re.fullmatch(rb" *([0-9]{1,8}) *", head[10:18]), re.fullmatch(rb" *([0-9]{1,8}) *", head[18:26])
    begin, end = (int(number[1]) if number else 0 for number in found)
    if not 0 < begin < end:
        raise ValueError(f"its HEADER puts TEXT at bytes {head[10:18]!r} to {head[18:26]!r}")
    if end >= window.size:
        raise ValueError(f"TEXT should end at byte {end}, the file has {window.size} bytes: it is cut off or damaged")
    if end - begin >= MAX_TEXT_BYTES:
        raise ValueError(f"TEXT should have {end - begin + 1} bytes; at most {MAX_TEXT_BYTES} are read")
    return version, Segment(begin, end - begin + 1)


def _encoding(raw: bytes) -> str:
    """UTF-8 where the bytes are; else Latin-1, which any bytes are and FCS 2.0 instruments meant."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _offset(keywords: Mapping[str, str], key: str) -> int:
    """An offset, 0 where it is absent or no number."""
    text = keywords.get(key, "").strip()
    return int(text) if re.fullmatch(r"0*[0-9]{1,18}", text) else 0


def _segment(
    window: Window, keywords: Mapping[str, str], name: str, header: tuple[int, int], problems: list[str]
) -> Segment:
    """Where an optional segment lies; with a problem instead where it lies outside the file."""
    begin, end = header if header[0] > 0 else (_offset(keywords, f"$BEGIN{name}"), _offset(keywords, f"$END{name}"))
    if begin <= 0 or end <= begin:
        return Segment()
    if end >= window.size:
        problems.append(f"Its {name} segment should end at byte {end}, beyond the end of the file, and is left out.")
        return Segment()
    return Segment(begin, end - begin + 1)


@functools.cache
def _checked_parser() -> Any:
    """fcsparser's class with our splitting of TEXT (it takes every doubled delimiter for an escape) and our checks.

    Made on first use: fcsparser loads pandas.
    """
    from fcsparser.api import FCSParser

    # It warns of every ANALYSIS segment, which we read ourselves.
    warnings.filterwarnings("ignore", module=r"fcsparser\.")

    class CheckedParser(FCSParser):  # type: ignore[misc]
        said: dict[str, str]

        def _extract_text_dict(self, raw_text: str) -> dict[str, str]:
            self.said = split_keywords(raw_text)
            check_counts(self.said)
            # It asks for keywords that a file may lack, and would follow $NEXTDATA.
            return {"$TOT": "0", "$BEGINDATA": "0", "$ENDDATA": "0", **self.said, "$NEXTDATA": "0"}

    return CheckedParser


def file_window(file: BinaryIO, path: Path, offset: int, length: int | None) -> Window:
    """The window on a whole file, or on a member of an archive.

    Raises:
        ValueError: the member lies outside the file.
    """
    size = path.stat().st_size
    length = size - offset if length is None else length
    if offset < 0 or length < 0 or offset + length > size:
        raise ValueError(f"its bytes {offset} to {offset + length} lie outside the file of {size} bytes")
    return Window(file, offset, length)
