"""Counts per volume from tubes of which a part was imaged, unevenly: bias, width and coverage, against the known truth.

    python -m tests.benchmarks per_volume [--trials 300] [--seed 0]

A tube's image gate holds a Poisson number of events. One in seven was imaged: *even*ly, mostly early (*time*: the
share falls to a quarter), or early and large ones (*both*: the share of large events is four times that of small ones).
Events of the class are large ones, mostly late, of two to four particles; all others have one.

A row for each number of events, rate of the class and way of imaging. As shares of the truth: *counted*, what imaged
events alone give; *scaled*, these over the imaged share; *ours*, post-stratified (`core.statistics.imaged_share`). Then
how often our 95 % interval holds what such a suspension has on average, for events of the class and for all cells, and
the interval's mean width.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tui_cytpix.core.statistics.imaged_share import expected, strata, total

BAR = 0.93
EVENTS, RATES, WAYS = (2000, 10_000, 60_000), (0.002, 0.02, 0.2), ("even", "time", "both")
IMAGED = 1 / 7
PARTICLES, SHARES = (2, 3, 4), (0.8, 0.15, 0.05)
_Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tube:
    """Events of an image gate: each (N,)."""

    time: _Values
    scatter: tuple[_Values, _Values]
    imaged: NDArray[np.bool_]
    of_class: NDArray[np.bool_]
    particles: _Values

    @classmethod
    def drawn(cls, rng: np.random.Generator, events: float, rate: float, way: str) -> Tube:
        number = rng.poisson(events)
        time, size = rng.uniform(0, 1, number), rng.normal(0, 1, number)
        of_class = rng.random(number) < chance(time, size, rate)
        particles = np.where(of_class, rng.choice(PARTICLES, number, p=SHARES), 1).astype(np.float64)
        density = {"even": np.ones(number), "time": 1.6 - 1.2 * time}.get(way)
        if density is None:
            density = (1.6 - 1.2 * time) * (0.4 + 1.2 * special.expit(2.5 * size))
        imaged = rng.random(number) < IMAGED * density / density.mean()
        return cls(time, (size, size + rng.normal(0, 0.75, number)), imaged, of_class, particles)


def chance(time: _Values, size: _Values, rate: float) -> _Values:
    """That an event is of the class."""
    return np.minimum(0.95, 4 * rate * special.expit(2.5 * size) ** 2 * (0.5 + time))


def truth(events: float, rate: float) -> tuple[float, float]:
    """Expected events of the class, and cells of all, by integration over time and size."""
    at, weights = np.polynomial.hermite_e.hermegauss(101)
    times, widths = np.polynomial.legendre.leggauss(101)
    share = chance((times[:, None] + 1) / 2, at[None, :], rate)
    mean = float((widths[:, None] / 2 * weights[None, :] * share).sum() / weights.sum())
    return events * mean, events * (1 + mean * (np.dot(PARTICLES, SHARES) - 1))


def row(rng: np.random.Generator, events: float, rate: float, way: str, trials: int) -> tuple[float, ...]:
    """Counted, scaled, ours, coverage of events and of cells, width."""
    true_events, true_cells = truth(events, rate)
    found = []
    for _ in range(trials):
        tube = Tube.drawn(rng, events, rate, way)
        known = strata(tube.time, tube.scatter, tube.imaged)
        ours, cells = (expected(total(known, np.asarray(v, np.float64))) for v in (tube.of_class, tube.particles))
        counted = float((tube.of_class & tube.imaged).sum())
        found.append(
            (
                counted / true_events,
                counted / tube.imaged.mean() / true_events,
                ours.value / true_events,
                ours.low <= true_events <= ours.high,
                cells.low <= true_cells <= cells.high,
                (ours.high - ours.low) / true_events,
            )
        )
    return tuple(np.mean(found, axis=0).tolist())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="per_volume", description=__doc__)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    columns = ("events", "of the class", "imaged", "counted", "scaled", "ours", "events held", "cells held", "width")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    lowest = 1.0
    for place, (events, rate, way) in enumerate(itertools.product(EVENTS, RATES, WAYS)):
        numbers = row(np.random.default_rng([given.seed, place]), events, rate, way, given.trials)
        lowest = min(lowest, *numbers[3:5])
        cells = (str(events), f"{100 * rate:g} %", way, *(f"{number:.2f}" for number in numbers))
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\nLowest coverage {lowest:.3f}; bar {BAR}.")
    return 0 if lowest >= BAR else 1
