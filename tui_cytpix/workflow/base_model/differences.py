"""Where models differ on the same images, and their counts in words."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.run.predictions import PredictionStore

MANY = 3
CROWD, CROWDED_SHARE = 6, 0.5  # particles in an image; of the images
FEW = 20  # images: below, nothing is said about the sample
Store = PredictionStore  # for ui, which doesn't know formats


@dataclass(frozen=True)
class Difference:
    """What models count on one image, in their order. `score` tells how far they differ, the farthest two of several:
    1 and more where the counts do, below 1 the share of foreground on which they differ (1 - IoU).
    """

    image: ImageKey
    counts: tuple[int, ...]
    score: float

    @property
    def counts_differ(self) -> bool:
        return len(set(self.counts)) > 1


def between(images: Sequence[ImageKey], *stores: PredictionStore) -> tuple[Difference, ...]:
    """The images that all models have answered, the most different first."""
    found = []
    for key in images:
        said = [answer for store in stores if (answer := store.get(key)) is not None]
        if len(said) == len(stores):
            score = max(itertools.starmap(_apart, itertools.combinations(said, 2)))
            found.append(Difference(key, tuple(answer.particle_count for answer in said), score))
    return tuple(sorted(found, key=lambda one: (-one.score, one.image)))


def _apart(one: Segmentation, other: Segmentation) -> float:
    union = int((one.mask | other.mask).sum())
    differing = 1.0 - int((one.mask & other.mask).sum()) / union if union else 0.0
    return abs(one.particle_count - other.particle_count) + min(differing, 0.999)


def several_in_words(found: Sequence[Difference], names: Sequence[str]) -> str:
    """How often the counts differ, and which model stands alone against all others how often."""
    if not found:
        return "No image is processed by all models yet."
    differing = [one for one in found if one.counts_differ]
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
    pairs = Counter(d.counts for d in differing)
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
    names = {0: "no particle", 1: "1 particle", 2: "2 particles", MANY: f"{MANY} particles or more"}
    told = ", ".join(f"{names[n]} in {found[n] / total:.0%}" for n in sorted(found))
    return f"The model counts {told} of {total} images."
