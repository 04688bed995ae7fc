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
from typing import Any

from tui_cytpix.domain.sample import Loss
from tui_cytpix.formats.bytes.source import ByteSource, SourceFile
from tui_cytpix.formats.fcs.read_keywords import split_keywords

HEADER_BYTES = 58
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
        segment: where TEXT lies.
        has_more: whether it tells of another data set.
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
    segment: Segment
    has_more: bool


def read_text(source: ByteSource) -> FcsText:
    """Reads HEADER, TEXT and supplemental TEXT of an FCS file.

    Raises:
        ValueError: the file is no FCS file, or what it says can't be true.
    """
    version, segment = _check_header(source)
    raw = source.read_at(segment.begin, segment.length)
    parser = _checked_parser()(encoding=_encoding(raw))
    try:
        parser.load_file(SourceFile(source, source.size), read_data=False)
    except (KeyError, IndexError, TypeError, OverflowError) as error:
        raise ValueError(f"its TEXT segment can't be read ({type(error).__name__}: {str(error)[:80]})") from error
    said: dict[str, str] = parser.said
    header: dict[str, int] = parser.annotation["__header__"]
    problems: list[str] = []
    if _offset(said, "$NEXTDATA"):
        problems.append(Loss("The FCS holds more than one data set; only the first is read."))
    supplement = _segment(source.size, said, "STEXT", (0, 0), problems)
    if supplement.begin == segment.begin or supplement.length > MAX_TEXT_BYTES:
        supplement = Segment()
    more = source.read_at(supplement.begin, supplement.length)
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
        analysis=_segment(source.size, said, "ANALYSIS", (header["analysis start"], header["analysis end"]), problems),
        supplement=supplement,
        problems=tuple(problems),
        segment=segment,
        has_more=bool(_offset(said, "$NEXTDATA")),
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


def _check_header(source: ByteSource) -> tuple[str, Segment]:
    """The version and where TEXT lies, if that can be true."""
    head = source.read_at(0, HEADER_BYTES)
    if not head:
        raise ValueError("it is empty")
    version = head[3:6].decode("latin-1")
    if len(head) < HEADER_BYTES or head[:3] != b"FCS" or version not in _VERSIONS:
        raise ValueError("it doesn't start as FCS 2.0 to 3.2 files do")
    found = re.fullmatch(rb" *([0-9]{1,8}) *", head[10:18]), re.fullmatch(rb" *([0-9]{1,8}) *", head[18:26])
    begin, end = (int(number[1]) if number else 0 for number in found)
    if not 0 < begin < end:
        raise ValueError(f"its HEADER puts TEXT at bytes {head[10:18]!r} to {head[18:26]!r}")
    if end >= source.size:
        raise ValueError(f"TEXT should end at byte {end}, the file has {source.size} bytes: it is cut off or damaged")
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
    size: int, keywords: Mapping[str, str], name: str, header: tuple[int, int], problems: list[str]
) -> Segment:
    """Where an optional segment lies; with a problem instead where it lies outside the file."""
    begin, end = header if header[0] > 0 else (_offset(keywords, f"$BEGIN{name}"), _offset(keywords, f"$END{name}"))
    if begin <= 0 or end <= begin:
        return Segment()
    if end >= size:
        beyond = f"should end at byte {end}, beyond the end of the file, and is left out"
        problems.append(Loss(f"The FCS's {name} segment {beyond}."))
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
