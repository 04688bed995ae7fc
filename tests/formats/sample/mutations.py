"""Damaged copies of files, drawn by a seed, and what a reader must do with them: read them, or say one sentence."""

from __future__ import annotations

import contextlib
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.sample.identity import spread
from tui_cytpix.formats.sample.registry import open_sample

MOST_SECONDS = 5.0  # of the processor's time
MOST_BYTES = 1 << 30
IMAGES = 6


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """One to four damages: bytes changed, cut off, taken out, doubled, or a number of 4 bytes or of digits replaced."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        if not data:
            return b""
        at, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
        kind = rng.integers(7)
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[at : at + length] = rng.bytes(len(data[at : at + length]))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length]
        elif kind == 5:
            number = int(rng.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, at, len(data), 1 << 24]))
            data[at : at + 4] = number.to_bytes(4, "little")
        else:
            text = rng.choice(["-1", "1e999", "nan", "0", "99999999999999999999", "4294967295", "", "\n", ",,,", "1e9"])
            data[at : at + int(rng.integers(1, 6))] = str(text).encode()
    return bytes(data)


def try_mutations(path: Path, suffixes: tuple[str, ...], seeds: range) -> tuple[int, int]:
    """Damages one of a sample's files for each seed and reads all that there is to read. Returns how many could be
    opened, and in how many of these every image that was looked at could be read.

    Raises:
        AssertionError: anything but one sentence, more than 1 GiB, or more than 5 s.
    """
    whole = {suffix: path.with_suffix(suffix).read_bytes() for suffix in suffixes}
    opened = sound = 0
    tracemalloc.start()
    try:
        for seed in seeds:
            rng = np.random.default_rng(seed)
            suffix = str(rng.choice(suffixes))
            path.with_suffix(suffix).write_bytes(mutated(whole[suffix], rng))
            tracemalloc.reset_peak()
            with _at_most(MOST_SECONDS, f"seed {seed}"):
                one = _look(path, seed)
            assert tracemalloc.get_traced_memory()[1] < MOST_BYTES, f"seed {seed}"
            opened, sound = opened + (one is not None), sound + bool(one)
            path.with_suffix(suffix).write_bytes(whole[suffix])
    finally:
        tracemalloc.stop()
    return opened, sound


def _look(path: Path, seed: int) -> bool | None:
    """None where it can't be opened; whether all images looked at can be read."""
    try:
        sample = open_sample(path)
    except CytpixError as error:
        _one_sentence(error)
        return None
    with sample:
        assert all(problem.isprintable() for problem in sample.info().problems), f"seed {seed}"
        sample.fingerprint()
        fcs = sample.open_fcs()
        for name in fcs.names if fcs else ():
            fcs.column(name)
        events = spread(sample.event_ids, IMAGES)
        read = [_reads(sample.read_image, event) for event in events]
        for event in events:
            _reads(sample.read_masks, event)
        return all(read)


def _reads(read: Callable[[str], object], event: str) -> bool:
    try:
        read(event)
    except CytpixError as error:
        _one_sentence(error)
        return False
    return True


def _one_sentence(error: CytpixError) -> None:
    assert str(error).isprintable(), repr(str(error))


@contextlib.contextmanager
def _at_most(seconds: float, what: str) -> Iterator[None]:
    """Of the processor's time, so that a busy machine fails no test."""

    def too_long(*_: object) -> None:
        raise AssertionError(f"{what} takes more than {seconds} s")

    before = signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
