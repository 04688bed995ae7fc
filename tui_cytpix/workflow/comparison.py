"""Two models' counts on the same images, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.prediction_store import PredictionStore
from tui_cytpix.workflow.base_model import disagreements_first

MANY = 3
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
