"""How often the overall word is wrong, and how many images it takes, over many reviews of models with known errors.

    python -m tests.benchmarks verdict_parts [--reviews 1000] [--doublets 0.1] [--goal gating] [--seed 0] [--times 1]

*At p0*: every part errs at p0, and the model shall not be retrained. *At p1*: one part errs at p1 and nothing else
errs, and the model shall not be kept: one sample's count, one sample's mask, all multiplets, all singlets. *Good*:
every part errs at p0 / 2. *Bad*: multiplets are missed twice as often as is intolerable, or five times, and nothing
else errs. The word is asked after every image; columns: reviews that ever asked for retraining, that ever kept, and the
images shown after which half, 80 % and 90 % of all reviews had kept (bad: asked for retraining). Beside them
Clopper-Pearson's 95 % interval of the share that must be small.

With `--times` above 1, of the images that the model counts as one and is sure of, one in so many is shown; 60 % of the
multiplets that it misses are among the 15 % of singlets that it is least sure of, at p1 none or all of them.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

import numpy as np
from scipy import stats

from tests.benchmarks._reviews import Truth, outcome_of
from tui_cytpix.domain.run_settings import GOALS, AssessSettings, Kind
from tui_cytpix.workflow.assess.over_sampling import DOUBTFUL
from tui_cytpix.workflow.assess.verdict import ALL, part_tests

SAMPLES = (1, 2, 4, 8, 12)
KEEP, RETRAIN = "keep", "retrain"
USUALLY_DOUBTED = 0.6
ROOM = 1.4  # more images than the longest part takes on average, so that nearly all parts are decided


def images_of(settings: AssessSettings, samples: int, doublets: float) -> int:
    """So many that a review ends for want of a decision, and not of images."""
    tests = part_tests(settings, [f"s{n}" for n in range(samples)] if samples > 1 else [])
    of_sample = max(test.maximum for (_, kind), test in tests.items() if kind in (Kind.COUNT, Kind.MASK))
    return math.ceil(ROOM * max(of_sample * samples, tests[ALL, Kind.MULTIPLETS].maximum / doublets))


def truths(p0: float, p1: float, doublets: float, times: int) -> list[tuple[str, str, Truth]]:
    """(what, which share must be small, the truth)."""
    rows = [(f"at p0, {n} samples", RETRAIN, Truth(n, doublets, p0, p0, p0)) for n in SAMPLES]
    for n in (1, 4, 12):
        of_one = {"count": (p1, p1, 0.0), "mask": (0.0, 0.0, p1)}
        rows += [
            (f"{kind} of 1 of {n} at p1", KEEP, Truth(n, doublets, 0, 0, 0, {0: rates}))
            for kind, rates in of_one.items()
        ]
        for where, in_doubt in (("", DOUBTFUL),) if times == 1 else ((", doubted", 1.0), (", not doubted", 0.0)):
            missed = Truth(n, doublets, 0, p1, 0, in_doubt=in_doubt)
            rows.append((f"multiplets at p1{where}, {n} samples", KEEP, missed))
        rows.append((f"singlets at p1, {n} samples", KEEP, Truth(n, doublets, p1, 0, 0)))
    for n in (1, 4):
        bad = [(error, Truth(n, doublets, 0, error, 0, in_doubt=USUALLY_DOUBTED)) for error in (2 * p1, 5 * p1)]
        rows += [(f"bad, {error:.0%} of multiplets, {n} samples", "", truth) for error, truth in bad]
    rows += [
        (f"good, {n} samples", "", Truth(n, doublets, p0 / 2, p0 / 2, p0 / 2, in_doubt=USUALLY_DOUBTED))
        for n in SAMPLES
    ]
    return [(what, small, replace(truth, times=times)) for what, small, truth in rows]


def row(what: str, small: str, truth: Truth, settings: AssessSettings, given: argparse.Namespace) -> str:
    images = given.times * images_of(settings, truth.samples, truth.doublets)
    played = [outcome_of(truth, images, given.seed + n, settings) for n in range(given.reviews)]
    after = {
        KEEP: np.array([math.inf if one.kept is None else one.kept for one in played]),
        RETRAIN: np.array([math.inf if one.retrained is None else one.retrained for one in played]),
    }
    ever = {word: int(np.isfinite(images).sum()) for word, images in after.items()}
    cells = [what, f"{ever[RETRAIN] / given.reviews:.1%}", f"{ever[KEEP] / given.reviews:.1%}"]
    cells.append(_interval(ever[small], given.reviews) if small else "")
    told = after[RETRAIN if what.startswith("bad") else KEEP]
    reached = [np.quantile(told, share, method="higher") for share in (0.5, 0.8, 0.9)]
    cells += ["-" if small or math.isinf(one) else f"{one:.0f}" for one in reached]
    return f"| {' | '.join(cells)} |"


def _interval(wrong: int, of: int) -> str:
    found = stats.binomtest(wrong, of).proportion_ci(0.95, "exact")
    return f"{found.low:.1%} to {found.high:.1%}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="verdict_parts", description=__doc__)
    parser.add_argument("--reviews", type=int, default=1000)
    parser.add_argument("--doublets", type=float, default=0.1)
    parser.add_argument("--goal", choices=[g.name for g in GOALS], default="gating")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, default=1)
    given = parser.parse_args(arguments)
    goal = next(g for g in GOALS if g.name == given.goal)
    settings = AssessSettings(goal=goal.name, p0=goal.p0, p1=goal.p1)
    head = ("model", "retrain", "keep", "interval of the wrong one", "half told by", "80 %", "90 %")
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for what, small, truth in truths(goal.p0, goal.p1, given.doublets, given.times):
        print(row(what, small, truth, settings, given), flush=True)
    return 0
