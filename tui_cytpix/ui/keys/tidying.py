"""Garbage is looked for while nobody types: amid a key press that would hold it up noticeably."""

from __future__ import annotations

import asyncio
import gc

BREATH, PAUSE = 0.1, 10.0  # seconds without a key, after which what is new, and all there is, is looked through
ENOUGH = 20  # breaths from one pause to the next that counts
NET = (10_000, 50, 50)  # what Python does by itself where nobody ever pauses; else it looks after 700 new objects


class Tidying:
    """Works on the event loop of the app whose process this is, once `begin` was called."""

    def __init__(self) -> None:
        self._begun = False
        self._waiting: list[asyncio.TimerHandle] = []

    def begin(self) -> None:
        """What is there now stays for good and is never looked through; what comes, in pauses."""
        gc.freeze()
        gc.set_threshold(*NET)
        self._begun = True

    def put_off(self) -> None:
        for handle in self._waiting:
            handle.cancel()
        if self._begun:
            loop = asyncio.get_running_loop()
            self._waiting = [loop.call_later(BREATH, gc.collect, 1), loop.call_later(PAUSE, _all)]


def _all() -> None:
    if gc.get_count()[2] >= ENOUGH:
        gc.collect()
