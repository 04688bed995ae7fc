"""Reviews of models whose error rates are known, for what verdicts do over many of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tui_cytpix.core.statistics.sequential_tests import Decision
from tui_cytpix.core.statistics.weighted_tests import Inclusion
from tui_cytpix.domain.run_settings import GOALS, AssessSettings, Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Verdict
from tui_cytpix.workflow.assess.over_sampling import DOUBTFUL
from tui_cytpix.workflow.assess.verdict import ALL, Part, assess_verdicts

GATING = next(AssessSettings(goal=g.name, p0=g.p0, p1=g.p1) for g in GOALS if g.name == "gating")


@dataclass(frozen=True)
class Truth:
    """A model's true error rates: `singlets` and `multiplets` that are miscounted, bad `masks`; `of_sample` has other
    rates of single samples, by number. `doublets` is the share of images with two cells. `in_doubt` is the share of
    doublets counted as one that the model is not sure of; of what else it counts as one it is unsure of 15 %. One in
    `times` of the images that it counts as one and is sure of is shown.
    """

    samples: int
    doublets: float
    singlets: float
    multiplets: float
    masks: float
    of_sample: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)
    in_doubt: float = DOUBTFUL
    times: int = 1

    @property
    def following(self) -> Inclusion:
        return Inclusion(1.0, 1 / self.times)


def review(truth: Truth, images: int, seed: int) -> tuple[list[ImageKey], dict[ImageKey, Verdict]]:
    """Those of so many `images` of a random sequence that are shown, judged by someone who knows the truth."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(truth.samples, size=images).tolist()
    doublet = (rng.random(images) < truth.doublets).tolist()
    chances = rng.random((images, 4)).tolist()
    keys, verdicts = [], {}
    for n, (sample, two) in enumerate(zip(samples, doublet, strict=True)):
        singlets, multiplets, masks = truth.of_sample.get(sample, (truth.singlets, truth.multiplets, truth.masks))
        miscounted = chances[n][0] < (multiplets if two else singlets)
        judgement = Judgement.of(miscounted, chances[n][1] < masks)
        true = 1 + two
        counted = 3 - true if miscounted else true
        unsure = chances[n][2] < (truth.in_doubt if counted < true else DOUBTFUL)
        chance = 1.0 if counted > 1 or unsure else 1 / truth.times
        if chances[n][3] >= chance:
            continue
        key = ImageKey(f"s{sample}", str(n))
        keys.append(key)
        verdicts[key] = Verdict(n, 0.0, "me", key, "m", judgement, counted=counted, true_count=true)
        verdicts[key] = replace(verdicts[key], chance=chance, least_chance=1 / truth.times)
    return keys, verdicts


@dataclass(frozen=True)
class Outcome:
    """After how many images that were shown any part asked for retraining, and every required part had kept; None where
    that didn't come.
    """

    retrained: int | None
    kept: int | None


def outcome_of(truth: Truth, images: int, seed: int, settings: AssessSettings = GATING) -> Outcome:
    """As a part's decision doesn't change, looking once at the end tells what looking after each image would have."""
    keys, verdicts = review(truth, images, seed)
    found = assess_verdicts(keys, verdicts, settings, truth.following)
    positions: dict[tuple[str, Kind], list[int]] = {}
    for n, key in enumerate(keys, 1):
        of_class = Kind.SINGLETS if verdicts[key].true_count == 1 else Kind.MULTIPLETS
        for sample in (ALL, key.sample):
            for kind in (Kind.COUNT, Kind.MASK, of_class):
                positions.setdefault((sample, kind), []).append(n)

    def after(parts: list[Part]) -> list[int]:
        return [positions[part.sample, part.kind][part.found.after - 1] for part in parts]

    retrain = after([part for part in found.parts if part.found.decision is Decision.RETRAIN])
    required = [part for part in found.parts if part.required]
    kept = all(part.found.decision is Decision.KEEP for part in required)
    return Outcome(min(retrain, default=None), max(after(required)) if kept else None)
