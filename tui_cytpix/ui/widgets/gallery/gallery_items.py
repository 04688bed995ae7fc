"""What the gallery shows and in which order: plain objects, no terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation

Tone = Literal["", "good", "bad", "warn", "muted"]
UNSURE = 0.8
QUARTER = 4


@dataclass(frozen=True, eq=False)
class GalleryItem:
    """One thumbnail: the image, what is drawn on it, a badge in its corner, a tone, a caption, and what was decided
    about it, in a word.
    """

    key: ImageKey
    segmentation: Segmentation | None = None
    badges: str = ""
    tone: Tone = ""
    caption: str = ""
    verdict: str = ""

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


class Filter(NamedTuple):
    """A choice of images, by its name."""

    name: str
    passes: Callable[[GalleryItem], bool]


SORTS: tuple[tuple[str, Callable[[GalleryItem], float] | None], ...] = (
    ("order", None),
    ("count", _count),
    ("area", _area),
    ("confidence", _confidence),
    ("flag", _badge),
)


class Arrangement:
    """All items, the marked ones, and those shown: filtered and sorted."""

    def __init__(self) -> None:
        self.all: dict[ImageKey, GalleryItem] = {}
        self.marked: set[ImageKey] = set()
        self.shown: list[ImageKey] = []
        self.places: dict[ImageKey, int] = {}
        self.sorts = list(SORTS)
        self.filters = self._usual_filters()
        self.sort = self.filter = 0
        self.reversed = False
        self.gate = ""
        self.inside: frozenset[ImageKey] = frozenset()  # the images in the gate

    def _usual_filters(self) -> list[Filter]:
        return [
            Filter("all", lambda _item: True),
            Filter("count not 1", lambda item: _count(item) not in (-1, 1)),
            Filter("flagged", lambda item: item.flagged),
            Filter("marked", lambda item: item.key in self.marked),
            Filter(f"confidence < {UNSURE}", lambda item: _confidence(item) < UNSURE),
        ]

    def take(self, items: Iterable[GalleryItem]) -> None:
        """Replaces all items; marks stay where their image does."""
        self.all = {item.key: item for item in items}
        self.marked &= set(self.all)
        self.arrange()

    def arrange(self) -> None:
        items = [item for item in self.all.values() if self.passes(item)]
        measure = self.sorts[self.sort][1]
        if measure is None:
            known, unknown = items, []
        else:
            known = [item for item in items if not math.isnan(measure(item))]
            unknown = [item for item in items if math.isnan(measure(item))]
            known.sort(key=measure)
        if self.reversed:
            known.reverse()
        items = known + unknown
        self.shown = [item.key for item in items]
        self.places = {key: place for place, key in enumerate(self.shown)}

    def passes(self, item: GalleryItem) -> bool:
        """Whether gate and filter let it through."""
        return (not self.gate or item.key in self.inside) and self.filters[self.filter].passes(item)

    def sort_by(self, name: str, values: Mapping[ImageKey, float]) -> None:
        """Sorts by these values; images without one come last."""
        self.sorts = [*SORTS, (name, lambda item: values.get(item.key, math.nan))]
        self.sort = len(SORTS)
        self.arrange()

    def choices(self) -> list[Filter]:
        """Every filter that leaves something: the usual ones, each count and each verdict there is, and a quarter at
        either end of what the images are sorted by.
        """
        counts = sorted({_count(item) for item in self.all.values() if item.segmentation is not None})
        verdicts = sorted({item.verdict for item in self.all.values()})
        found = [
            *self._usual_filters(),
            *(Filter(f"count {count:.0f}", lambda item, c=count: _count(item) == c) for count in counts),  # type: ignore[misc]
            *(Filter(v or "undecided", lambda item, v=v: item.verdict == v) for v in verdicts),  # type: ignore[misc]
            *self._quarters(),
        ]
        return [choice for choice in found if any(choice.passes(item) for item in self.all.values())]

    def _quarters(self) -> list[Filter]:
        name, measure = self.sorts[self.sort]
        values = [] if measure is None else sorted(v for v in map(measure, self.all.values()) if not math.isnan(v))
        if measure is None or len(values) < QUARTER:
            return []
        low, high = values[len(values) // QUARTER], values[-len(values) // QUARTER]
        return [
            Filter(f"{name} <= {low:.4g}: lowest quarter", lambda item: measure(item) <= low),
            Filter(f"{name} >= {high:.4g}: highest quarter", lambda item: measure(item) >= high),
        ]

    def show_only(self, choice: Filter) -> None:
        """Filters by it; the next filter after it is `all`."""
        usual = self._usual_filters()
        place = next((n for n, known in enumerate(usual) if known.name == choice.name), len(usual))
        self.filters = usual if place < len(usual) else [*usual, choice]
        self.filter = place
        self.arrange()

    def next_filter(self) -> None:
        for _ in self.filters:
            self.filter = (self.filter + 1) % len(self.filters)
            if any(self.passes(item) for item in self.all.values()):
                break
        self.arrange()

    def next_flagged(self, place: int, by: int) -> int | None:
        """The place of the next (or, with -1, the previous) flagged item shown."""
        places = range(place + by, len(self.shown) if by > 0 else -1, by)
        return next((p for p in places if self.all[self.shown[p]].flagged), None)

    def describe(self, place: int) -> str:
        parts = [f"{place + 1}/{len(self.shown)}" if self.shown else "no image"]
        if len(self.shown) < len(self.all):
            chosen = [f"gate {self.gate}"] if self.gate else []
            chosen += [self.filters[self.filter].name] if self.filter else []
            parts.append(f"of {len(self.all)}: {', '.join(chosen)}")
        if self.sort or self.reversed:
            parts.append(f"by {self.sorts[self.sort][0]}{' (reversed)' if self.reversed else ''}")
        if self.marked:
            parts.append(f"{len(self.marked)} marked")
        return " · ".join(parts)
