"""Reviews of models whose error rates are known, for what verdicts do over many of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tui_cytpix.core.statistics.sequential_tests import Decision
from tui_cytpix.domain.run_settings import GOALS, AssessSettings, Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Verdict
from tui_cytpix.workflow.assess.verdict import ALL, Assessment, assess_verdicts

GATING = next(AssessSettings(goal=g.name, p0=g.p0, p1=g.p1) for g in GOALS if g.name == "gating")


@dataclass(frozen=True)
class Truth:
    """A model's true error rates: `singlets` and `multiplets` that are miscounted, bad `masks`; `of_sample` has other
    rates of single samples, by number. `doublets` is the share of images with two cells.
    """

    samples: int
    doublets: float
    singlets: float
    multiplets: float
    masks: float
    of_sample: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)


def review(truth: Truth, images: int, seed: int) -> tuple[list[ImageKey], dict[ImageKey, Verdict]]:
    """A random sequence, judged by someone who knows the truth."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(truth.samples, size=images).tolist()
    doublet = (rng.random(images) < truth.doublets).tolist()
    chances = rng.random((images, 2)).tolist()
    keys, verdicts = [], {}
    for n, (sample, two) in enumerate(zip(samples, doublet, strict=True)):
        singlets, multiplets, masks = truth.of_sample.get(sample, (truth.singlets, truth.multiplets, truth.masks))
        miscounted = chances[n][0] < (multiplets if two else singlets)
        judgement = Judgement.of(miscounted, chances[n][1] < masks)
        true = 1 + two
        counted = 3 - true if miscounted else true
        key = ImageKey(f"s{sample}", str(n))
        keys.append(key)
        verdicts[key] = Verdict(n, 0.0, "me", key, "m", judgement, counted=counted, true_count=true)
    return keys, verdicts


def kept_after(found: Assessment, keys: list[ImageKey], verdicts: Mapping[ImageKey, Verdict]) -> int | None:
    """After how many images of the sequence every required part had kept; None where one has not."""
    positions: dict[tuple[str, Kind], list[int]] = {}
    for n, key in enumerate(keys, 1):
        of_class = Kind.SINGLETS if verdicts[key].true_count == 1 else Kind.MULTIPLETS
        for sample in (ALL, key.sample):
            for kind in (Kind.COUNT, Kind.MASK, of_class):
                positions.setdefault((sample, kind), []).append(n)
    required = [part for part in found.parts if part.required]
    if any(part.found.decision is not Decision.KEEP for part in required):
        return None
    return max(positions[part.sample, part.kind][part.found.after - 1] for part in required)


def outcome_of(truth: Truth, images: int, seed: int, settings: AssessSettings = GATING) -> tuple[bool, int | None]:
    """Whether it ever asked for retraining, and after how many images it kept. As a part's decision doesn't change,
    looking once at the end tells what looking after each image would have.
    """
    keys, verdicts = review(truth, images, seed)
    found = assess_verdicts(keys, verdicts, settings)
    retrain = any(part.found.decision is Decision.RETRAIN for part in found.parts)
    return retrain, kept_after(found, keys, verdicts)
