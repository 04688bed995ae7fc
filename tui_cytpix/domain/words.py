"""Values in words, the same on every screen and in every verb."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def printable(value: object) -> str:
    """The value as text in which control characters, line breaks, lone surrogates, direction marks and blanks but the
    common one are replaced: what is printed can't steer the terminal.
    """
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def nearest(word: str, known: Iterable[str]) -> str:
    """What a mistyped or shortened word was to be; "" where nothing is near."""
    import difflib

    names = sorted(known)
    close = [name for name in names if word and name.startswith(word)] or difflib.get_close_matches(word, names, 1, 0.7)
    return close[0] if close else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names what is nearest; "" where nothing is near."""
    near = nearest(word, known)
    return f"Did you mean `{near}`?" if near else ""


def width_of(text: str) -> int:
    """Columns of a terminal that a text takes: Chinese, Japanese and Korean letters take two, marks on letters none."""
    return sum(2 if unicodedata.east_asian_width(c) in "FW" else not unicodedata.combining(c) for c in text)


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `25 min`, `2 h 05 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s" if whole < 600 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def shortened(text: object, width: int) -> str:
    """At most `width` characters, the middle left out."""
    whole = printable(text)
    if len(whole) <= width:
        return whole
    if width < 5:
        return whole[: max(0, width)]
    tail = (width - 1) // 2
    return f"{whole[: width - 1 - tail]}…{whole[-tail:]}"
