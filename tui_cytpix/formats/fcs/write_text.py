"""HEADER and TEXT of an FCS 3.1 file, written from keywords.

The delimiter is one that occurs in no keyword and no value: the standard's escape, a doubled delimiter, is read wrongly
by some libraries, and this way it is never needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tui_cytpix.errors import FcsError
from tui_cytpix.formats.fcs.read_text import HEADER_BYTES

_LARGEST_IN_HEADER = 99_999_999  # eight digits; beyond them the offset stands in TEXT alone
_DELIMITERS = "/|\\!\f\x1e\x1f\x1d\x1c#~^*;\t\x01\x02\x03\x04\x05\x06\x07"
# Keywords that say how DATA lies in the file; only the writer may set them.
_STRUCTURAL = re.compile(
    r"\$(PAR|TOT|MODE|DATATYPE|BYTEORD|NEXTDATA|(BEGIN|END)(DATA|STEXT|ANALYSIS)|P[0-9]+(N|B|E|DATATYPE))", re.I
)


def check_added_keywords(keywords: Mapping[str, str]) -> None:
    """Refuses keywords that would contradict the file's layout, or that TEXT can't hold.

    Raises:
        FcsError: a structural keyword, or an empty one.
    """
    for key in keywords:
        if _STRUCTURAL.fullmatch(key) or key.strip() == "":
            raise FcsError("This FCS keyword can't be set", f"{key!r} describes the file's layout or is empty.")


def choose_delimiter(keywords: Mapping[str, str], preferred: str = "/") -> str:
    """A character that occurs in no keyword and no value: `preferred` if possible.

    Raises:
        FcsError: every candidate occurs.
    """
    used = {character for pair in keywords.items() for piece in pair for character in piece}
    for candidate in preferred + _DELIMITERS:
        if 0 < ord(candidate) < 127 and candidate not in used:
            return candidate
    raise FcsError("The FCS keywords can't be written", "They use up every character that could delimit them.")


def encode_text(keywords: Mapping[str, str], delimiter: str) -> bytes:
    """TEXT in UTF-8: delimiter, key, delimiter, value, ..., delimiter.

    An empty value becomes one blank: the standard has no empty values, readers take two delimiters for an escaped one.
    """
    pieces: Iterable[str] = (piece for key, value in keywords.items() for piece in (key, value or " "))
    return (delimiter + "".join(piece + delimiter for piece in pieces)).encode("utf-8")


def encode_head(keywords: Mapping[str, str], lengths: Mapping[str, int], delimiter: str) -> bytes:
    """HEADER and TEXT of FCS 3.1.

    `lengths` has the segments that follow at once, of `DATA`, `ANALYSIS` and `STEXT`, in their order, in bytes. Their
    offsets stand in TEXT and change its length, so they are set again until the length holds.
    """
    text = b""
    while True:
        at = HEADER_BYTES + len(text)
        segments = {"DATA": (0, 0), "ANALYSIS": (0, 0), "STEXT": (0, 0)}
        for name, length in lengths.items():
            segments[name] = (at, at + length - 1) if length else (0, 0)
            at += length
        offsets = {f"$BEGIN{name}": str(begin) for name, (begin, _) in segments.items()}
        offsets |= {f"$END{name}": str(end) for name, (_, end) in segments.items()}
        longer = encode_text({**keywords, **offsets}, delimiter)
        if len(longer) <= len(text):
            # A shorter text (an offset lost a digit) would swing for ever: blanks before the offset fill the gap.
            offsets["$BEGINDATA"] = offsets["$BEGINDATA"].rjust(len(offsets["$BEGINDATA"]) + len(text) - len(longer))
            break
        text = longer
    text = encode_text({**keywords, **offsets}, delimiter)
    fields = [(HEADER_BYTES, HEADER_BYTES + len(text) - 1), segments["DATA"], segments["ANALYSIS"]]
    header = "FCS3.1    " + "".join(f"{n:8d}" for pair in fields for n in _fitting(pair))
    return header.encode("ascii") + text


def _fitting(segment: tuple[int, int]) -> tuple[int, int]:
    return segment if segment[1] <= _LARGEST_IN_HEADER else (0, 0)
