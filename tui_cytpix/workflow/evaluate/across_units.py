"""What judged images say beyond their tubes: over the units that were sampled independently, in which tubes nest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.domain.sample import SampleRef
from tui_cytpix.domain.verdict import likely_count

if TYPE_CHECKING:
    from tui_cytpix.core.statistics.stratified_rates import Share
    from tui_cytpix.core.statistics.units import UnitShare

CLASSES = (Kind.SINGLETS, Kind.MULTIPLETS)
NO_CONDITION = "no condition"
UNDECLARED = ""
Marks = Sequence[tuple[float, bool]]


class JudgedImage(NamedTuple):
    """`weight`: how many images of its sample it stands for; `true` and `counted`: particles, by the reviewer and by
    the new model; `true` is None where nobody said.
    """

    weight: float
    true: int | None
    counted: int

    @property
    def wrong(self) -> bool:
        return self.true != self.counted

    def in_class(self, kind: Kind) -> bool:
        return kind.holds(likely_count(self.counted) if self.true is None else self.true)


class SampleImages(NamedTuple):
    """A sample's judged images. `complete`: they stand for all that were drawn, so that they tell an error rate."""

    sample: SampleRef
    images: Sequence[JudgedImage]
    complete: bool


@dataclass(frozen=True)
class ClassErrors:
    """How often the new model errs on one class: by unit, and over units. The interval's ends are NaN below two units,
    and where units are undeclared. `images` were judged, whatever their weights.
    """

    images: int
    by_unit: Mapping[str, UnitShare]
    share: Share

    @property
    def rates(self) -> dict[str, float]:
        """Of the units that have images of the class."""
        return {unit: errors / images for unit, (images, errors) in self.by_unit.items() if images}


@dataclass(frozen=True)
class ConditionErrors:
    """How the new model counts under one condition. `wrong` is the estimated share of wrong counts in these samples,
    NaN where too few images are judged, `images` how many are. `confusion` holds, by (true count, counted), the share
    of all images; the true count is None where both models are wrong and nobody stated it. 3 stands for three and more.
    """

    condition: str
    images: int
    wrong: float
    confusion: Mapping[tuple[int | None, int], float]
    classes: Mapping[Kind, ClassErrors]


@dataclass(frozen=True)
class Apart:
    """By how much two conditions' errors on a class differ, over units: `value` of `one` less that of `other`, with its
    95 % interval. `p` is an exact test's, `least_p` the smallest that so many units can give. `shared` units
    have tubes in both conditions: where there are any, the test compares these with themselves, and no others.
    """

    one: str
    other: str
    kind: Kind
    value: float
    low: float
    high: float
    p: float
    least_p: float
    units: tuple[int, int]
    shared: int


@dataclass(frozen=True)
class Gain:
    """By how much the share of wrong counts falls with the new model. `low`, `high`: 95 % over `units`, NaN below two
    of them and where they are undeclared (0 then); `p`, `least_p`: of the exact sign-flip test of the units' gains.
    """

    value: float
    low: float
    high: float
    units: int
    p: float
    least_p: float


def unit_of(samples: Iterable[SampleRef]) -> dict[str, str]:
    """Of each sample; all lie in one, UNDECLARED, where that of any is not stated."""
    given = {sample.name: sample.unit for sample in samples}
    return given if all(given.values()) else dict.fromkeys(given, UNDECLARED)


def condition_of(sample: SampleRef) -> str:
    return sample.condition or NO_CONDITION


def shared_in_words(samples: Iterable[SampleRef]) -> str:
    """Which units have tubes under several conditions, as conditions are then compared within these; "" without any.
    Cultures numbered anew under each condition are told so by their names, and nothing else shows it.
    """
    under: dict[str, set[str]] = {}
    for sample in samples:
        if sample.unit and sample.condition:
            under.setdefault(sample.unit, set()).add(sample.condition)
    shared = [unit for unit, conditions in under.items() if len(conditions) > 1]
    if not shared:
        return ""
    return (
        f"Under more than one condition: {', '.join(shared)}. Conditions are compared within these units, so that "
        "they must be the same culture, donor or animal under each; others need names of their own."
    )


def by_condition(found: Sequence[SampleImages]) -> tuple[ConditionErrors, ...]:
    units = unit_of(one.sample for one in found)
    names = list(dict.fromkeys(condition_of(one.sample) for one in found))
    return tuple(_condition(n, [one for one in found if condition_of(one.sample) == n], units) for n in names)


def _condition(name: str, found: Sequence[SampleImages], units: Mapping[str, str]) -> ConditionErrors:
    images = [image for one in found for image in one.images]
    total = sum(image.weight for image in images)
    confusion: dict[tuple[int | None, int], float] = {}
    for image in images:
        cell = (None if image.true is None else min(image.true, 3), min(image.counted, 3))
        confusion[cell] = confusion.get(cell, 0.0) + image.weight / total
    complete = images and all(one.complete for one in found)
    wrong = sum(image.weight for image in images if image.wrong) / total if complete else math.nan
    classes = {kind: _class(kind, found, units) for kind in CLASSES}
    return ConditionErrors(name, len(images), wrong, confusion, classes)


def _class(kind: Kind, found: Sequence[SampleImages], units: Mapping[str, str]) -> ClassErrors:
    from tui_cytpix.core.statistics.units import share_over_units, weighted_share

    marks: dict[str, list[tuple[float, bool]]] = {}
    for one in found:
        if one.complete:
            of_unit = marks.setdefault(units[one.sample.name], [])
            of_unit += [(i.weight, not kind.holds(i.counted)) for i in one.images if i.in_class(kind)]
    by_unit = {unit: weighted_share(of_unit) for unit, of_unit in marks.items()}
    return ClassErrors(sum(map(len, marks.values())), by_unit, share_over_units(by_unit.values()))


def apart(one: ConditionErrors, other: ConditionErrors, kind: Kind) -> Apart:
    from tui_cytpix.core.statistics.stratified_rates import difference
    from tui_cytpix.core.statistics.units import least_p, permutation_p, sign_flip_p

    of_one, of_other = one.classes[kind], other.classes[kind]
    rates, others = of_one.rates, of_other.rates
    shared = [unit for unit in rates if unit in others]
    if shared:
        p, least = sign_flip_p([rates[unit] - others[unit] for unit in shared]), least_p(len(shared))
    else:
        p, least = permutation_p([*rates.values()], [*others.values()]), least_p(len(rates), len(others))
    low, high = difference(of_one.share, of_other.share)
    return Apart(
        one=one.condition,
        other=other.condition,
        kind=kind,
        value=of_one.share.value - of_other.share.value,
        low=low,
        high=high,
        p=p,
        least_p=least,
        units=(len(rates), len(others)),
        shared=len(shared),
    )


def gain(samples: Sequence[SampleRef], new_right: Mapping[str, Marks], base_right: Mapping[str, Marks]) -> Gain | None:
    """From what each sample's images say: (weight, whether only this model's count is right). None without images.

    The gain is the share of images that only the new model counts rightly, less that of which only the base does; the
    interval joins those of the two over units. As units that are hard for one model are mostly hard for the other, it
    is rather too wide.
    """
    from tui_cytpix.core.statistics.stratified_rates import difference
    from tui_cytpix.core.statistics.units import least_p, share_over_units, sign_flip_p, weighted_share

    units = unit_of(samples)
    names = [sample.name for sample in samples if new_right.get(sample.name)]
    if not names:
        return None
    pooled = [
        {
            unit: weighted_share([mark for name in names if units[name] == unit for mark in marks[name]])
            for unit in dict.fromkeys(units[name] for name in names)
        }
        for marks in (new_right, base_right)
    ]
    new, base = (share_over_units(by_unit.values()) for by_unit in pooled)
    gains = [(mine.errors - pooled[1][unit].errors) / mine.images for unit, mine in pooled[0].items()]
    declared = UNDECLARED not in pooled[0]
    low, high = difference(new, base)
    return Gain(
        new.value - base.value, low, high, len(gains) if declared else 0, sign_flip_p(gains), least_p(len(gains))
    )
