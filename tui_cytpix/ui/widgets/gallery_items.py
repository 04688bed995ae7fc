"""What the gallery shows and in which order: plain objects, no terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation

Tone = Literal["", "good", "bad", "warn", "muted"]
UNSURE = 0.8


@dataclass(frozen=True, eq=False)
class GalleryItem:
    """One thumbnail: the image, what is drawn on it, a badge in its corner, a tone, a caption."""

    key: ImageKey
    segmentation: Segmentation | None = None
    badges: str = ""
    tone: Tone = ""
    caption: str = ""

    @property
    def flagged(self) -> bool:
        """True where something about it wants attention."""
        return bool(self.badges) or self.tone in ("bad", "warn")


def _count(item: GalleryItem) -> float:
    return -1.0 if item.segmentation is None else float(item.segmentation.particle_count)


def _area(item: GalleryItem) -> float:
    return -1.0 if item.segmentation is None else float(item.segmentation.mask.sum())


def _confidence(item: GalleryItem) -> float:
    sure = float("nan") if item.segmentation is None else item.segmentation.confidence
    return 2.0 if math.isnan(sure) else sure


def _badge(item: GalleryItem) -> float:
    return 0.0 if item.flagged else 1.0


SORTS: tuple[tuple[str, Callable[[GalleryItem], float] | None], ...] = (
    ("order", None),
    ("count", _count),
    ("area", _area),
    ("confidence", _confidence),
    ("flag", _badge),
)
FILTERS = ("all", "count not 1", "flagged", "marked", f"confidence < {UNSURE}")


class Arrangement:
    """All items, the marked ones, and those shown: filtered and sorted."""

    def __init__(self) -> None:
        self.all: dict[ImageKey, GalleryItem] = {}
        self.marked: set[ImageKey] = set()
        self.shown: list[ImageKey] = []
        self.places: dict[ImageKey, int] = {}
        self.sort = self.filter = 0
        self.reversed = False
        self.gate = ""
        self.inside: frozenset[ImageKey] = frozenset()  # the images in the gate

    def take(self, items: Iterable[GalleryItem]) -> None:
        """Replaces all items; marks stay where their image does."""
        self.all = {item.key: item for item in items}
        self.marked &= set(self.all)
        self.arrange()

    def arrange(self) -> None:
        """Filters and sorts."""
        items = [item for item in self.all.values() if self.passes(item)]
        measure = SORTS[self.sort][1]
        if measure is not None:
            items.sort(key=measure)
        if self.reversed:
            items.reverse()
        self.shown = [item.key for item in items]
        self.places = {key: place for place, key in enumerate(self.shown)}

    def passes(self, item: GalleryItem) -> bool:
        """Whether gate and filter let it through."""
        if self.gate and item.key not in self.inside:
            return False
        chosen = FILTERS[self.filter]
        if chosen == "count not 1":
            return item.segmentation is not None and item.segmentation.particle_count != 1
        if chosen == "flagged":
            return item.flagged
        if chosen == "marked":
            return item.key in self.marked
        return self.filter == 0 or _confidence(item) < UNSURE

    def next_filter(self) -> None:
        """The next one that leaves something."""
        for _ in FILTERS:
            self.filter = (self.filter + 1) % len(FILTERS)
            if any(self.passes(item) for item in self.all.values()):
                break
        self.arrange()

    def next_flagged(self, place: int, by: int) -> int | None:
        """The place of the next (or, with -1, the previous) flagged item shown."""
        places = range(place + by, len(self.shown) if by > 0 else -1, by)
        return next((p for p in places if self.all[self.shown[p]].flagged), None)

    def describe(self, place: int) -> str:
        """Position, filter, sort and marks in words."""
        parts = [f"{place + 1}/{len(self.shown)}" if self.shown else "no image"]
        if len(self.shown) < len(self.all):
            chosen = [f"gate {self.gate}"] if self.gate else []
            chosen += [FILTERS[self.filter]] if self.filter else []
            parts.append(f"of {len(self.all)}: {', '.join(chosen)}")
        if self.sort or self.reversed:
            parts.append(f"by {SORTS[self.sort][0]}{' (reversed)' if self.reversed else ''}")
        if self.marked:
            parts.append(f"{len(self.marked)} marked")
        return " · ".join(parts)
