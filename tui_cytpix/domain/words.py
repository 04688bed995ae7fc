"""Values in words, the same on every screen and in every verb."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `25 min`, `2 h 05 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s" if whole < 600 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
