"""Two models' counts on the same images, in words."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.base_model.library import disagreements_first

MANY = 3
CROWD, CROWDED_SHARE = 6, 0.5  # particles in an image; of the images
FEW = 20  # images: below, nothing is said about the sample
Store = PredictionStore


@dataclass(frozen=True)
class Difference:
    """What two models count on one image; `score` as in `disagreements_first`."""

    image: ImageKey
    first: int
    second: int
    score: float

    @property
    def counts_differ(self) -> bool:
        """True where the two ParticleCounts are not equal."""
        return self.first != self.second


def differences(images: Sequence[ImageKey], first: PredictionStore, second: PredictionStore) -> tuple[Difference, ...]:
    """The images that both models have answered, the most different first."""
    found = []
    for key, score in disagreements_first(images, first, second):
        one, other = first.get(key), second.get(key)
        if one is not None and other is not None:
            found.append(Difference(key, one.particle_count, other.particle_count, score))
    return tuple(found)


@dataclass(frozen=True)
class Answers:
    """What several models count on one image, in their order; `score` is the largest of any two's, as above."""

    image: ImageKey
    counts: tuple[int, ...]
    score: float


def answers(images: Sequence[ImageKey], stores: Sequence[PredictionStore]) -> tuple[Answers, ...]:
    """The images that all models have answered, the most different first."""
    scores: dict[ImageKey, list[float]] = {}
    for first, second in itertools.combinations(stores, 2):
        for key, score in disagreements_first(images, first, second):
            scores.setdefault(key, []).append(score)
    pairs = len(stores) * (len(stores) - 1) // 2
    found = []
    for key, own in scores.items():
        said = [one for store in stores if (one := store.get(key)) is not None]
        if len(own) == pairs:
            found.append(Answers(key, tuple(one.particle_count for one in said), max(own)))
    return tuple(sorted(found, key=lambda one: (-one.score, one.image)))


def several_in_words(found: Sequence[Answers], names: Sequence[str]) -> str:
    """How often the counts differ, and which model stands alone against all others how often."""
    if not found:
        return "No image is processed by all models yet."
    differing = [one for one in found if len(set(one.counts)) > 1]
    if not differing:
        return f"All count the same on all {len(found)} images."
    alone = [
        f"{name} {number}"
        for place, name in enumerate(names)
        if (number := sum(_alone(one.counts, place) for one in differing))
    ]
    told = f" Alone against all others: {', '.join(alone)}." if alone else ""
    return f"Counts differ on {len(differing)} of {len(found)} images.{told}"


def _alone(counts: tuple[int, ...], place: int) -> bool:
    others = set(counts[:place] + counts[place + 1 :])
    return len(others) == 1 and counts[place] not in others


def in_words(found: Sequence[Difference], first: str, second: str) -> str:
    """How often the counts differ, and how, most frequent first."""
    if not found:
        return "No image is processed by both models yet."
    differing = [d for d in found if d.counts_differ]
    if not differing:
        return f"{first} and {second} count the same on all {len(found)} images."
    pairs = Counter((d.first, d.second) for d in differing)
    listed = ", ".join(f"{n} × {a}→{b}" for (a, b), n in pairs.most_common(5))
    more = " and others" if len(pairs) > 5 else ""
    return f"Counts differ on {len(differing)} of {len(found)} images ({first}→{second}): {listed}{more}."


def crowded_in_words(counts: Sequence[int]) -> str:
    """That counts are no good readout, where most images hold too many particles to be told apart one by one."""
    share = sum(count >= CROWD for count in counts) / max(1, len(counts))
    if len(counts) < FEW or share <= CROWDED_SHARE:
        return ""
    return (
        f"{share:.0%} of the images hold {CROWD} and more particles, as in dense layers of cells: their exact count is "
        "not a good readout. The area that cells cover tells more."
    )


def counted(images: Iterable[ImageKey], store: PredictionStore) -> str:
    """How many images hold no, one, two, or more particles by this model."""
    found = Counter(
        min(segmentation.particle_count, MANY) for key in images if (segmentation := store.get(key)) is not None
    )
    total = sum(found.values())
    if not total:
        return ""
    names = {0: "none", 1: "1 particle", 2: "2", MANY: f"{MANY} or more"}
    return "Counted: " + ", ".join(f"{names[n]} {found[n] / total:.0%}" for n in sorted(found)) + f" of {total} images."
