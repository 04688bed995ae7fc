"""How often intervals over few independent units hold, how wide they are, and what difference they can show.

    python -m tests.benchmarks units [--trials 500] [--spread 0.5 1.0] [--seed 0]

Units (cultures, donors, animals) whose logits of the error rate are normal about a mean with the standard deviation
`--spread`: 0.5 means that of two units the one mostly errs up to twice as often as the other, 1.0 four times. 3, 4, 6
and 10 of them; 100 or 400 images each, of which 1, 5, 20 or 90 % are of the class; 1, 5 and 20 % of these err on
average. The rate that an interval shall hold is the mean over all units that there might be.

A row for each number of units and kind of interval: of all settings together the mean coverage, the lowest of a
setting with its standard error, and the mean width, of one condition's share and of the difference of two conditions
with equal rates; then the *power*: how often 5 % against 20 % of 80 images of the class in each unit are told apart,
by the interval, by the exact permutation test, and by both, which the app asks for. *ours* is
`core.statistics.units.share_over_units`. The gain of a new model (both models judged on the same images, whose
difficulty they share) has a table of its own; its power is of 20 % that fall to 5 %.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tui_cytpix.core.statistics.fixed_sample_intervals import bootstrap_mean_ci
from tui_cytpix.core.statistics.stratified_rates import Share, difference
from tui_cytpix.core.statistics.units import UnitShare, permutation_p, share_over_units, sign_flip_p

UNITS = (3, 4, 6, 10)
IMAGES, OF_CLASS, ERRORS = (100, 400), (0.01, 0.05, 0.2, 0.9), (0.01, 0.05, 0.2)
BAR = 0.93
Counts = NDArray[np.int64]
Interval = Callable[[Counts, Counts], Share]


@lru_cache
def mean_logit(rate: float, spread: float) -> float:
    """Where normal logits must lie for their rates to have this mean."""
    at, weights = np.polynomial.hermite_e.hermegauss(81)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = float((weights * special.expit(middle + spread * at)).sum() / weights.sum())
        low, high = (middle, high) if mean < rate else (low, middle)
    return low


def _known(images: Counts, errors: Counts) -> NDArray[np.float64]:
    """Rates of the units that have images of the class."""
    return errors[images > 0] / images[images > 0]


def bootstrap(images: Counts, errors: Counts) -> Share:
    rates = _known(images, errors)
    return Share(float(rates.mean()) if len(rates) else math.nan, *bootstrap_mean_ci(rates, resamples=400))


def students(images: Counts, errors: Counts) -> Share:
    rates = _known(images, errors)
    if len(rates) < 2:
        return Share(math.nan, math.nan, math.nan)
    half = float(special.stdtrit(len(rates) - 1, 0.975)) * float(rates.std(ddof=1)) / math.sqrt(len(rates))
    return Share(float(rates.mean()), max(0.0, rates.mean() - half), min(1.0, rates.mean() + half))


def students_of_logits(images: Counts, errors: Counts) -> Share:
    held = images > 0
    logits = np.log((errors[held] + 0.5) / (images[held] - errors[held] + 0.5))
    if len(logits) < 2:
        return Share(math.nan, math.nan, math.nan)
    half = float(special.stdtrit(len(logits) - 1, 0.975)) * float(logits.std(ddof=1)) / math.sqrt(len(logits))
    low, middle, high = (float(special.expit(logits.mean() + side * half)) for side in (-1, 0, 1))
    return Share(middle, low, high)


def korn_graubard(images: Counts, errors: Counts) -> Share:
    """As ours, without the binomial variance that is added there."""
    seen, total = int((images > 0).sum()), int(images.sum())
    if seen < 2:
        return Share(math.nan, math.nan, math.nan)
    share = float(errors.sum() / total)
    between = float(((errors - share * images) ** 2).sum()) / total**2 * seen / (seen - 1)
    like = min(total, share * (1 - share) / between) if between else total
    like *= (float(special.ndtri(0.975)) / float(special.stdtrit(seen - 1, 0.975))) ** 2
    wrong = share * like
    low = float(special.betaincinv(wrong, like - wrong + 1, 0.025)) if wrong else 0.0
    return Share(share, low, float(special.betaincinv(wrong + 1, like - wrong, 0.975)) if share < 1 else 1.0)


def ours(images: Counts, errors: Counts) -> Share:
    return share_over_units(UnitShare(float(n), float(k)) for n, k in zip(images, errors, strict=True))


INTERVALS: dict[str, Interval] = {
    "bootstrap": bootstrap,
    "Student's t": students,
    "t of logits": students_of_logits,
    "Korn, Graubard": korn_graubard,
    "ours": ours,
}


def drawn(
    rng: np.random.Generator, rate: float, spread: float, units: int, images: int, of_class: float
) -> tuple[Counts, Counts]:
    rates = special.expit(mean_logit(rate, spread) + spread * rng.standard_normal(units))
    held = rng.binomial(images, of_class, units)
    return held, rng.binomial(held, rates)


def holds(low: float, high: float, truth: float) -> bool:
    """No interval excludes nothing."""
    return math.isnan(low) or low - 1e-12 <= truth <= high + 1e-12


class Tally:
    """Coverage by setting, and widths."""

    def __init__(self) -> None:
        self.held: list[float] = []
        self.widths: list[float] = []

    def add(self, intervals: list[tuple[float, float]], truth: float, widest: float) -> None:
        self.held.append(float(np.mean([holds(low, high, truth) for low, high in intervals])))
        self.widths += [widest if math.isnan(low) else high - low for low, high in intervals]

    def told(self, trials: int) -> list[str]:
        lowest = min(self.held)
        error = math.sqrt(lowest * (1 - lowest) / trials)
        return [f"{np.mean(self.held):.3f}", f"{lowest:.3f} ± {error:.3f}", f"{np.mean(self.widths):.3f}"]


def condition_rows(units: int, spread: float, trials: int, rng: np.random.Generator) -> Iterator[str]:
    one, apart = ({name: Tally() for name in INTERVALS} for _ in range(2))
    for images, of_class, rate in itertools.product(IMAGES, OF_CLASS, ERRORS):
        groups = [[drawn(rng, rate, spread, units, images, of_class) for _ in range(2)] for _ in range(trials)]
        for name, interval in INTERVALS.items():
            found = [(interval(*first), interval(*second)) for first, second in groups]
            one[name].add([(first.low, first.high) for first, _ in found], rate, 1.0)
            apart[name].add([tuple(difference(*pair)) for pair in found], 0.0, 2.0)
    groups = [[drawn(rng, rate, spread, units, 400, 0.2) for rate in (0.2, 0.05)] for _ in range(trials)]
    exact = np.array([permutation_p(*(_known(*group).tolist() for group in pair)) < 0.05 for pair in groups])
    for name, interval in INTERVALS.items():
        shown = np.array([difference(interval(*first), interval(*second)).low > 0 for first, second in groups])
        powers = [f"{np.mean(one):.2f}" for one in (shown, exact, shown & exact)]
        cells = [str(units), name, *one[name].told(trials), *apart[name].told(trials), *powers]
        yield f"| {' | '.join(cells)} |"


def gain_rows(units: int, spread: float, trials: int, rng: np.random.Generator) -> Iterator[str]:
    """The new model and the base err on images of the same units; 0.3 of a logit's spread is each model's own."""
    tallies = {name: Tally() for name in ("bootstrap", "Student's t", "ours")}
    shown: dict[str, list[bool]] = {name: [] for name in tallies}
    exact: list[bool] = []
    for images, base_rate, new_rate in itertools.product(IMAGES, ERRORS, ERRORS):
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in tallies}
        for _ in range(trials):
            hard = spread * rng.standard_normal(units)
            base, new = (
                special.expit(mean_logit(rate, math.hypot(spread, 0.3)) + hard + 0.3 * rng.standard_normal(units))
                for rate in (base_rate, new_rate)
            )
            only_new, only_base = base * (1 - new), new * (1 - base)
            gained = rng.binomial(images, only_new)
            lost = rng.binomial(images - gained, only_base / (1 - only_new))
            gains = (gained - lost) / images
            found["bootstrap"].append(tuple(bootstrap_mean_ci(gains, resamples=400)))
            half = float(special.stdtrit(units - 1, 0.975)) * gains.std(ddof=1) / math.sqrt(units)
            found["Student's t"].append((float(gains.mean() - half), float(gains.mean() + half)))
            each = np.full(units, images)
            found["ours"].append(tuple(difference(ours(each, gained), ours(each, lost))))
            if (base_rate, new_rate) == (0.2, 0.05):
                exact.append(sign_flip_p(gains.tolist()) < 0.05)
        for name, tally in tallies.items():
            tally.add(found[name], base_rate - new_rate, 2.0)
            if (base_rate, new_rate) == (0.2, 0.05):
                shown[name] += [low > 0 for low, _ in found[name]]
    for name, tally in tallies.items():
        by_interval, by_test = np.array(shown[name]), np.array(exact)
        powers = [f"{np.mean(one):.2f}" for one in (by_interval, by_test, by_interval & by_test)]
        cells = [str(units), name, *tally.told(trials), *powers]
        yield f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="units", description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--spread", type=float, nargs="+", default=[0.5, 1.0])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    share = ("coverage", "lowest", "width")
    for spread in given.spread:
        heads = (
            (
                "conditions",
                condition_rows,
                (*share, *(f"difference: {one}" for one in share), "power", "by test", "by both"),
            ),
            ("gain of a new model", gain_rows, (*share, "power", "by test", "by both")),
        )
        for title, rows, head in heads:
            columns = ("units", "interval", *head)
            print(f"\nLogits vary by {spread:g}: {title}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
            for units in UNITS:
                for row in rows(units, spread, given.trials, np.random.default_rng([given.seed, units])):
                    print(row, flush=True)
    return 0
