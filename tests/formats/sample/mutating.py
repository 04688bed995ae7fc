"""Damaged copies of a file, the same for a seed, and what a reader may do with them: tell, and nothing else."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from pathlib import Path

from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.sample.reader import SampleReader
from tui_cytpix.formats.sample.registry import open_sample

MOST_SECONDS = 5.0  # of computing, so that a machine's load doesn't matter
MOST_BYTES = 1 << 30


def mutated(content: bytes, seed: int) -> bytes:
    """A few bytes are others, a run of bytes is zero or 255, numbers are extreme, or the end is missing. Half of the
    places are near the start, where formats say what follows.
    """
    dice, data = random.Random(seed), bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        at = dice.randrange(min(len(data), 2048) if dice.random() < 0.5 else len(data))
        kind = dice.randrange(6)
        if kind <= 1:
            data[at] = dice.randrange(256)
        elif kind == 2:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 3:
            data[at : at + 4] = dice.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80"))
        elif kind == 4:
            size = dice.randrange(1, 64)
            data[at : at + size] = bytes([dice.choice((0, 255))]) * size
        else:
            del data[max(1, at) :]
            break
    return bytes(data)


def outcomes(path: Path, file: Path, content: bytes, seeds: range) -> dict[str, int]:
    """How many damaged copies of `file` (the sample `path` itself, or in it) were read, and how many refused.

    Raises:
        AssertionError: one took longer, or more memory, than is allowed; any error that isn't ours comes through.
    """
    found = {"read": 0, "refused": 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in seeds:
        file.write_bytes(mutated(content, seed))
        start = time.process_time()
        found["read" if _looked_at(lambda: open_sample(path)) else "refused"] += 1
        assert time.process_time() - start < MOST_SECONDS, seed
        taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        assert taken < MOST_BYTES, (seed, taken)
    return found


def _looked_at(opening: Callable[[], SampleReader]) -> bool:
    """Everything that `inspect` and `process` ask for; whether it could be opened and one image be read."""
    any_read, told = False, []
    try:
        with opening() as sample:
            told += sample.info().problems
            sample.fingerprint()
            sample.measured_background()
            for event in sample.event_ids[:64]:
                try:
                    any_read |= sample.read_image(event).size > 0
                except CytpixError as error:
                    told.append(str(error))
    except CytpixError as error:
        told.append(str(error))
    assert all(words.isprintable() for words in told)
    return any_read
