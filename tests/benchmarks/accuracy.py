"""Accuracy on real and simulated sets, as models come and after 5, 10, 20 annotations, ours and others.

    python -m tests.benchmarks accuracy [--models general-full scratch otsu FILE.safetensors] [--sets yeast sim:beads]
        [--annotations 0 10 20] [--seeds 10] [--jobs 2] [--results FILE] [--paired A B]

Sets and folds: `_cells`; every crop of a set is tested. A model's size cutoff applies, on both sides, where the scale
is known: to the simulated sets and the eosinophils. In brackets the 95 % interval (`_results.interval`). Seconds are of
the processor, one thread. With --results, what the file holds is not computed again, and `peers` adds to the same file.
--paired prints A less B.

yeast*, rods*: without the crops whose reference is disputed; the benchmark `disputed` lists and shows them.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks._cells import DISPUTED, REAL, SIMULATED, folds, load
from tests.benchmarks._fitting import compared, fit_and_answer, identity, in_folds
from tests.benchmarks._results import MEASURES, Key, Result, Results, header, paired_row, row, without
from tests.benchmarks._threads import one_thread

EVERY_SET = [*REAL, *(f"sim:{kind}" for kind in SIMULATED)]
FINE_TUNED_SETS = ["yeast", "pombe", "rods"]


def measure(key: Key) -> Result:
    """One model on one set with one seed."""
    one_thread()
    fit = functools.partial(fit_and_answer, key.model, seed=key.seed)
    test, fitted = in_folds(load(key.data), key.annotations, key.seed, fit)
    names = [crop.name for crop in test]
    return Result(key, names, compared(fitted, test), fitted.training_s, fitted.answering_s)


def wanted(given: argparse.Namespace) -> list[Key]:
    """Everything to measure; without annotations and for what learns nothing one seed says all."""
    keys = []
    for data in given.sets:
        for number in given.annotations:
            for model in given.models:
                if not number and model == "scratch":
                    continue
                seeds = given.seeds if number else 1
                keys += [Key(model, identity(model), data, number, seed) for seed in range(seeds)]
    return keys


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="accuracy", description=__doc__)
    parser.add_argument("--models", nargs="+", default=["general-full", "general-half", "cell-full", "scratch", "otsu"])
    parser.add_argument("--sets", nargs="+", choices=EVERY_SET, default=FINE_TUNED_SETS)
    parser.add_argument("--annotations", nargs="+", type=int, default=[0, 5, 10, 20])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--paired", nargs=2, action="append", default=[], metavar=("A", "B"))
    given = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as aside:
        results = Results(given.results or Path(aside) / "results.jsonl")
        keys = [key for key in wanted(given) if key not in results.found]
        with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
            for done, result in enumerate(pool.imap_unordered(measure, keys, chunksize=1), start=1):
                results.add(result)
                print(f"{done}/{len(keys)} {result.key}", file=sys.stderr, flush=True)
        _print_tables(results, given)
    return 0


def _print_tables(results: Results, given: argparse.Namespace) -> None:
    print(header("set, annotations, model"))
    cells = [(data, n) for data in given.sets for n in given.annotations]
    for data, n in cells:
        for model in given.models:
            found = results.seeds(model, data, n)
            if found:
                print(row(f"{data}, {n}, {Path(model).stem}", found))
            if found and data in DISPUTED:
                print(row(f"{data}*, {n}, {Path(model).stem}", without(found, DISPUTED[data](load(data)))))
    for data, n in cells:
        within = sum(len(fold.test) for fold in folds(load(data), n, 0) if fold.within_source)
        if within:
            print(f"\n{data}, {n}: {within} crops are tested by models that other crops of their source trained.")
    for ours, theirs in given.paired:
        names = [f"{ours} less {theirs}: set, annotations", "seeds", *MEASURES]
        print(f"\n| {' | '.join(names)} |\n|{' --- |' * len(names)}")
        for data, n in cells:
            print(paired_row(f"{data}, {n}", results.seeds(ours, data, n), results.seeds(theirs, data, n)))
