"""Numbers of all events of a gate from its imaged ones: post-stratified, as imaging may favour times and sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tui_cytpix.core.statistics.fixed_sample_intervals import CONFIDENCE

IN_STRATUM = 10  # measured events in a stratum, about
IN_SLICE = 20  # measured events, on average, in a part of which support is asked
MOST_SCATTER, MOST_SLICES = 10, 50
LEAST_DENSITY = 0.1  # of the measured share of all: where it is thinner, images don't speak for the others


@dataclass(frozen=True, eq=False)
class Strata:
    """Of N events: `stratum` int (N,), from 0 without gaps; `measured` bool (N,): imaged, and looked at; `support`: the
    share of events among whose like enough were measured.
    """

    stratum: NDArray[np.intp]
    measured: NDArray[np.bool_]
    support: float


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class Total(NamedTuple):
    """A sum over all events, estimated: `sampling` is its variance because not all were measured, `counting` because
    another volume of the same suspension would have held other events; `heaviest` is the most that one measured event
    adds to it.
    """

    value: float
    sampling: float
    counting: float
    heaviest: float


def strata(time: NDArray[np.float64], scatter: Sequence[NDArray[np.float64]], measured: NDArray[np.bool_]) -> Strata:
    """Divides events by Time, each part by the first scatter, each of these by the second, always so that equally many
    measured events fall into each part: about ten into a stratum, so that where few were, strata are wide. The events
    that are the borders between them are strata of their own.

    Such strata would hide a stretch without any image. So support is asked of other divisions, into parts of equally
    many events: of each measure alone (up to 50 parts), and of all together. Events are supported where the measured
    share of each part that they lie in is at least a tenth of that of all events.

    Args:
        time: (N,), any unit.
        scatter: each (N,), any unit.
        measured: bool (N,).
    """
    images = int(measured.sum())
    if not images:
        return Strata(np.zeros(len(time), np.intp), measured, 0.0)
    columns, slices = (time, *scatter), max(1, images // IN_SLICE)
    supported = _dense(_nested(columns, slices, _equal_parts), measured)
    for values in columns:
        supported &= _dense(_nested((values,), min(MOST_SLICES, slices), _equal_parts), measured)
    found = _nested(columns, max(1, images // IN_STRATUM), partial(_between_measured, measured=measured))
    return Strata(found, measured, float(supported.mean()))


# (N,) groups and values, a number of parts: (N,), each group divided in the order of its values
_Divide = Callable[[NDArray[np.intp], NDArray[np.float64], int], NDArray[np.intp]]


def _nested(columns: Sequence[NDArray[np.float64]], parts: int, divide: _Divide) -> NDArray[np.intp]:
    """About so many parts, (N,): slices of the first column, each divided by the next."""
    of_scatter = min(MOST_SCATTER, round(parts ** (1 / len(columns))))
    of_first = max(1, parts // of_scatter ** (len(columns) - 1))
    found = divide(np.zeros(len(columns[0]), np.intp), columns[0], of_first)
    for values in columns[1:]:
        found = divide(found, values, of_scatter)
    return found


def _equal_parts(groups: NDArray[np.intp], values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """With equally many events in each."""
    order, rank = _ranked(groups, values, np.ones(len(groups), bool))
    found = np.empty(len(groups), np.intp)
    found[order] = rank * count // np.bincount(groups)[groups[order]]
    return groups * count + found


def _between_measured(
    groups: NDArray[np.intp], values: NDArray[np.float64], count: int, measured: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """With equally many measured events in each. The borders are measured events, each a part of its own: given these,
    the others are a random sample of what lies between. A border beside one would give it to the part that it ends, and
    what lies between it and the next one to the other.
    """
    order, before = _ranked(groups, values, measured)
    held = np.bincount(groups, measured).astype(np.intp)[groups[order]]

    def part(passed: NDArray[np.intp]) -> NDArray[np.intp]:
        return ((passed + 1) * count + held) // (held + 1) - 1

    border = measured[order] & (part(before + 1) > part(before))
    found = np.empty(len(groups), np.intp)
    found[order] = np.where(
        border, np.cumsum(border) + groups.max() * count + count, groups[order] * count + part(before)
    )
    return np.unique(found, return_inverse=True)[1].reshape(-1)


def _ranked(
    groups: NDArray[np.intp], values: NDArray[np.float64], counted: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order by group and value, (N,), and in that order how many `counted` ones of its group each has before it."""
    order = np.lexsort((values, groups))
    held = np.bincount(groups, counted).astype(np.intp)
    here = counted[order]
    return order, np.cumsum(here) - here - (np.cumsum(held) - held)[groups[order]]


def _dense(groups: NDArray[np.intp], measured: NDArray[np.bool_]) -> NDArray[np.bool_]:
    size, seen = np.bincount(groups), np.bincount(groups, measured)
    dense: NDArray[np.bool_] = seen >= LEAST_DENSITY * measured.mean() * size
    return dense[groups]


def total(known: Strata, values: NDArray[np.float64]) -> Total:
    """The sum of a value over all N events, from the measured ones.

    In stratum h lie N_h events, n_h of them measured, with mean m_h and variance s_h^2. The total is sum N_h m_h, its
    sampling variance sum N_h^2 (1 - n_h / N_h) s_h^2 / n_h, given how many of each stratum were measured (Cochran 1977,
    sections 5.3 and 5A.9; Holt & Smith 1979). Its counting variance is that of a compound Poisson number,
    sum N_h mean(v^2)_h. NaN where a stratum has fewer than two measured events, but for those measured whole.

    Args:
        known: the events' strata.
        values: (N,), not negative; only those of measured events are looked at.
    """
    groups, measured = known.stratum, known.measured
    size, seen = np.bincount(groups).astype(np.float64), np.bincount(groups, measured)
    if not seen.any() or (seen < np.minimum(2, size)).any():
        return Total(math.nan, math.nan, math.nan, math.nan)
    of, found = groups[measured], values[measured]
    sums, squares = np.bincount(of, found, len(size)), np.bincount(of, found**2, len(size))
    variance = np.maximum(0.0, squares - sums**2 / seen) / np.maximum(1, seen - 1)
    weight = size / seen
    return Total(
        float((weight * sums).sum()),
        float((size * (size - seen) * variance / seen).sum()),
        float((weight * squares).sum()),
        float(weight.max() * max(1.0, found.max())),
    )


def expected(found: Total) -> Estimate:
    """What the same suspension holds on average in that volume, with its 95 % interval: sampling and counting both.

    The interval of a weighted sum of Poisson numbers by the gamma distribution (Fay & Feuer 1997), which holds for few
    events too, and for none; where every event was measured it is the exact one (Garwood 1936).
    """
    value, variance, heaviest = found.value, found.sampling + found.counting, found.heaviest
    if math.isnan(value):
        return Estimate(value, value, value)
    below, above = 0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2
    low = variance / value * float(special.gammaincinv(value**2 / variance, below)) if value else 0.0
    more, wider = value + heaviest, variance + heaviest**2
    return Estimate(value, low, wider / more * float(special.gammaincinv(more**2 / wider, above)))


def counted(value: float) -> Estimate:
    """As `expected`, of a number of events all of which were seen."""
    return expected(Total(value, 0.0, value, 1.0))
