"""Tells presses of a key from the repeats that terminals send while it is held.

Those begin 0.2 to 1 s after the press, come 4.5 to 50 times a second, as evenly as no hand keeps it, and nothing is
sent when the key is let go.
"""

from __future__ import annotations

import math

FIRST_REPEAT = 1.1  # s: the longest that a terminal waits before it repeats a held key
REPEATS = 0.12  # s: no hand judges images as soon after one another
SLOWEST = 0.22  # s: from one repeat to the next; slower ones can't be told from presses
ALIKE = 3  # so many gaps in a row, each within EVEN of the one before, are a rhythm
EVEN = 0.25


class Presses:
    """Reads the times (s) at which keys come.

    A press is a repeat if it comes within REPEATS of one of the same key, or in a rhythm: once ALIKE gaps below SLOWEST
    were even, and until a gap is longer. One that may turn out to be the first repeat, or the last that makes a rhythm,
    has to wait for what follows: if that is a repeat, it is one too.
    """

    def __init__(self) -> None:
        self._key, self._at, self._gap = "", -math.inf, math.inf
        self._alike = 0  # gaps in a row, up to the last

    def press(self, key: str, at: float) -> float | None:
        """Another press, of whatever key: None for a repeat, else how long (s) to wait for what follows."""
        gap, alike, repeat = self._gap_before(key, at), self._alike_with(key, at), self.repeats(key, at)
        self._key, self._at, self._gap, self._alike = key, at, gap, alike
        if repeat:
            return None
        if alike == ALIKE - 1:
            return gap * (1 + EVEN)
        return REPEATS if gap < FIRST_REPEAT else 0.0

    def repeats(self, key: str, at: float) -> bool:
        """Whether a press of that key then would be a repeat."""
        return self._gap_before(key, at) < REPEATS or self._alike_with(key, at) >= ALIKE

    def _gap_before(self, key: str, at: float) -> float:
        return at - self._at if key == self._key else math.inf

    def _alike_with(self, key: str, at: float) -> int:
        gap = self._gap_before(key, at)
        if gap >= SLOWEST:
            return 0
        even = abs(gap - self._gap) <= EVEN * self._gap
        return self._alike + 1 if even or self._alike >= ALIKE else 1
