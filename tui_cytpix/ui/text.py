"""Text from files, made harmless for a terminal."""

from __future__ import annotations

import unicodedata

_UNSAFE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def plain(text: object) -> str:
    """The text with control, format and bidirectional characters replaced, so that it can't steer the terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSAFE else c for c in str(text))


def shortened(text: object, width: int) -> str:
    """At most `width` characters, the middle left out."""
    whole = plain(text)
    if len(whole) <= width:
        return whole
    if width < 5:
        return whole[: max(0, width)]
    tail = (width - 1) // 2
    return f"{whole[: width - 1 - tail]}…{whole[-tail:]}"
