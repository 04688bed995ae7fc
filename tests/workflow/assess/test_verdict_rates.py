"""How often the overall word is wrong: exactly, by brute force, and in simulated reviews that stop when they like."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks._reviews import GATING, Truth, outcome_of, review
from tui_cytpix.core.statistics.sequential_tests import Decision, Plan
from tui_cytpix.domain.run_settings import GOALS, AssessSettings, Kind
from tui_cytpix.workflow.assess.verdict import ALL, assess_verdicts, part_tests

LEVEL = 0.05
P0, P1 = GATING.p0, GATING.p1


def names(samples: int) -> list[str]:
    return [f"s{n}" for n in range(samples)] if samples > 1 else []


def retrained(test: Plan, rate: float) -> float:
    """The exact chance that a part asks for retraining, over the lattice of (images, errors)."""
    chances, found = np.ones(1), 0.0
    for images in range(1, test.maximum + 1):
        chances = np.append(chances, 0.0) * (1 - rate) + np.append(0.0, chances) * rate
        low, high = test.keep_up_to(images) + 1, test.retrain_from(images)
        found += chances[high:].sum()
        chances = np.append(np.zeros(low), chances[low:high])
    return float(found)


@pytest.mark.parametrize("goal", GOALS, ids=[g.name for g in GOALS])
def test_all_parts_together_retrain_a_good_model_at_most_at_the_level(goal):
    """Boole's inequality over the exact chances: whatever parts depend on each other, and whenever one stops."""
    settings = AssessSettings(p0=goal.p0, p1=goal.p1)
    for samples in range(1, 13):
        tests = part_tests(settings, names(samples))
        exact = {test: retrained(test, goal.p0) for test in set(tests.values())}
        assert sum(exact[test] for test in tests.values()) <= LEVEL


def most(reviews: int) -> int:
    """So many wrong ones of that many come once in 1000 where the true share is at the level."""
    return int(stats.binom.ppf(0.999, reviews, LEVEL))


@pytest.mark.parametrize("samples", [1, 4, 12])
def test_a_model_at_p0_is_seldom_retrained(samples):
    """Without sharing out the level 12 samples would retrain it in more than half of the reviews."""
    reviews = 40
    for times in (1, 3):
        truth = Truth(samples, 0.1, P0, P0, P0, times=times)
        played = [outcome_of(truth, 100 + 60 * samples, seed) for seed in range(reviews)]
        assert sum(one.retrained is not None for one in played) <= most(reviews)


@pytest.mark.parametrize(
    "truth",
    [
        Truth(4, 0.1, 0, 0, 0, {0: (P1, P1, 0)}),
        Truth(4, 0.1, 0, 0, 0, {0: (0, 0, P1)}),
        Truth(2, 0.3, 0, P1, 0),
        Truth(2, 0.3, P1, 0, 0),
        Truth(2, 0.3, 0, P1, 0, times=3, in_doubt=0),
        Truth(2, 0.3, 0, P1, 0, times=3, in_doubt=1),
        Truth(4, 0.1, 0, 0, 0, {0: (0, 0, P1)}, times=3),
    ],
    ids=[
        "count of one sample",
        "mask of one sample",
        "multiplets",
        "singlets",
        "multiplets, over-sampled but where they are missed",
        "multiplets, over-sampled where they are missed",
        "mask, over-sampled",
    ],
)
def test_a_model_at_p1_of_any_part_is_seldom_kept(truth):
    """All else is without an error: whatever would keep the model does."""
    reviews = 60
    kept = [outcome_of(truth, 900, seed).kept is not None for seed in range(reviews)]
    assert sum(kept) <= most(reviews)


def test_a_model_that_misses_all_doublets_or_fails_in_one_sample_is_not_kept():
    """As were 49 % and 36 % by the overall rates alone."""
    for truth in (Truth(2, 0.05, 0, 1, 0), Truth(2, 0.1, 0, 0, 0, {1: (0.12, 0.12, 0)})):
        kept = [outcome_of(truth, 600, seed).kept is not None for seed in range(40)]
        assert sum(kept) <= 2


def test_a_good_model_is_kept_within_700_images():
    """Four samples, 10 % doublets, gating, all error rates p0 / 2: by 700 images in at least 80 % of the reviews."""
    reviews = 40
    after = [outcome_of(Truth(4, 0.1, P0 / 2, P0 / 2, P0 / 2), 700, seed) for seed in range(reviews)]
    assert sum(one.kept is not None for one in after) >= 0.8 * reviews
    assert not any(one.retrained for one in after)


@pytest.mark.slow
def test_over_sampling_tells_a_bad_model_sooner_and_a_good_one_about_as_soon():
    """Of doublets a fifth counted as one; medians over all reviews."""
    reviews = 15

    def median(truth, what):
        after = [getattr(outcome_of(truth, 1500 * truth.times, seed), what) for seed in range(reviews)]
        return np.median([math.inf if one is None else one for one in after])

    bad = [median(Truth(1, 0.1, 0, 0.2, 0, times=times, in_doubt=0.9), "retrained") for times in (1, 2)]
    good = [median(Truth(1, 0.1, P0 / 2, P0 / 2, P0 / 2, times=times), "kept") for times in (1, 2)]
    assert bad[1] < 0.75 * bad[0]
    assert good[1] < 1.35 * good[0]


def test_looking_after_each_image_tells_the_same_as_looking_at_the_end():
    """A part's decision doesn't change after it fell: so one may stop at will."""
    truth = Truth(2, 0.3, 0.06, 0.06, 0.03)
    for seed in range(4):
        keys, verdicts = review(truth, 260, seed)
        fallen: dict[tuple[str, Kind], Decision] = {}
        for images in range(20, 261, 8):
            found = assess_verdicts(keys[:images], verdicts, GATING)
            for part in found.parts:
                if part.found.decision is not Decision.OPEN:
                    assert fallen.setdefault((part.sample, part.kind), part.found.decision) is part.found.decision
        last = {(part.sample, part.kind): part.found.decision for part in found.parts}
        assert fallen.items() <= last.items()
        assert fallen


def smallest_level(test: Plan, errors: list[bool]) -> float:
    """The sequentially valid p-value: 1 over the largest likelihood ratio from 20 images on, until the part keeps."""
    ratio, largest = 1.0, 0.0
    for images, wrong in enumerate(errors, 1):
        ratio *= test.p1 / test.p0 if wrong else (1 - test.p1) / (1 - test.p0)
        if images >= 20:
            largest = max(largest, ratio)
            if ratio <= 0.05:
                break
    return 1 / largest if largest else math.inf


def test_what_asks_for_retraining_is_what_a_closed_test_rejects():
    """Brute force over all intersections of the hypotheses of one sample's four parts, each tested by weighted
    Bonferroni (Marcus, Peritz and Gabriel 1976): a part is rejected where all intersections that hold it are.
    """
    tests = part_tests(GATING, [])
    several = 0
    for seed in range(150):
        rates = np.random.default_rng(seed).choice([0.01, 0.06, 0.1, 0.3], 3)
        keys, verdicts = review(Truth(1, 0.4, *rates), 90, seed)
        found = assess_verdicts(keys, verdicts, GATING)
        said = [verdicts[key] for key in keys]
        errors = {
            Kind.COUNT: [v.count_wrong for v in said],
            Kind.MASK: [v.mask_wrong for v in said],
            Kind.SINGLETS: [v.count_wrong for v in said if v.true_count == 1],
            Kind.MULTIPLETS: [v.count_wrong for v in said if v.true_count == 2],
        }
        level = {kind: smallest_level(tests[ALL, kind], one) for kind, one in errors.items()}
        weight = {kind: tests[ALL, kind].alpha for kind in Kind}

        def rejected(kinds, level=level, weight=weight):
            whole = sum(weight[kind] for kind in kinds)
            return any(level[kind] <= LEVEL * weight[kind] / whole * (1 + 1e-9) for kind in kinds)

        holding = {
            kind: [s for n in range(1, 5) for s in itertools.combinations(Kind, n) if kind in s] for kind in Kind
        }
        expected = {kind for kind in Kind if all(map(rejected, holding[kind]))}
        assert {part.kind for part in found.parts if part.found.decision is Decision.RETRAIN} == expected
        several += len(expected) > 1
    assert several > 20
