"""Damages every kind of file that is read, and looks for what isn't told in a sentence.

    python -m tests.benchmarks faults [--mutations 2000] [--seed 0] [--reader NAME ...]

Formats of samples come from the registry, the other files from walking a run; a file of a new kind is read by who opens
the run. Each mutation is read in this process, under an audit hook that forbids processes, network and writing outside
of the folder, with 5 s of the processor and 1 GiB; every hundredth in a child process with limits that the system
keeps. What reads HDF5 is forked off this process, but for every hundredth start. A file that nobody may read is tried
without root's right to read it. The columns: tried, read, refused, faults, time of the processor for one. The bar: no
traceback, no hang, no GiB, no process, no byte outside.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import sample_readers, side_files
from tests.faults.forked_reader import forked
from tests.faults.watching import Found, Reader, try_mutations

LEAST_SECONDS, SAMPLE = 0.01, 5  # of what a mutation is taken to cost; of so many


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks faults")
    parser.add_argument("--mutations", type=int, default=2000, help="over all readers")
    parser.add_argument("--seed", type=int, default=0, help="of the first mutation")
    parser.add_argument("--reader", nargs="*", default=[], help="parts of names; default: all readers")
    given = parser.parse_args(arguments)
    sys.dont_write_bytecode = True
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        readers = [*sample_readers.readers(Path(scratch) / "samples"), *side_files.readers(Path(scratch) / "place")]
        chosen = [one for one in readers if not given.reader or any(part in one.name for part in given.reader)]
        with forked():
            shares = [LEAST_SECONDS / _seconds(reader) for reader in chosen]
            numbers = [max(1, math.ceil(given.mutations * share / sum(shares))) for share in shares]
            found = {
                reader.name: _tried(reader, range(given.seed, given.seed + number))
                for reader, number in zip(chosen, numbers, strict=True)
            }
    _tell_sum(found)
    return int(any(one.faults for one in found.values()))


def _seconds(reader: Reader) -> float:
    """Of the processor, for a mutation: a reader that takes long gets fewer of them."""
    try_mutations(reader, range(1), Found(), child_every=0)  # loads modules
    start = time.process_time()
    try_mutations(reader, range(SAMPLE), Found(), child_every=0)
    return max(LEAST_SECONDS, (time.process_time() - start) / SAMPLE)


def _tried(reader: Reader, seeds: range) -> Found:
    start = time.process_time()
    found = try_mutations(reader, seeds, Found())
    took = 1000 * (time.process_time() - start) / found.tried
    faults = sum(found.faults.values())
    print(f"{reader.name:42} {found.tried:6} {found.read:6} {found.refused:6} {faults:5} {took:7.1f} ms", flush=True)
    for fault, times in found.faults.most_common():
        print(f"    {times:4}  {fault}   ({found.first[fault]})", flush=True)
    return found


def _tell_sum(found: dict[str, Found]) -> None:
    total = sum(one.tried for one in found.values())
    children = sum(one.in_children for one in found.values())
    kinds = ("traceback", "hang", "memory", "process", "written outside", "child", "no sentence")
    counts = {
        kind: sum(n for one in found.values() for fault, n in one.faults.items() if fault.startswith(kind))
        for kind in kinds
    }
    print(f"\n{total} mutations, {children} of them in children: " + ", ".join(f"{n} {k}" for k, n in counts.items()))
