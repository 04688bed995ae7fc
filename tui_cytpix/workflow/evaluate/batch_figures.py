"""The figures of a tube, by which the tubes of a batch are compared: each from the tube's record alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from tui_cytpix.core.statistics.fixed_sample_intervals import wilson
from tui_cytpix.core.statistics.imaged_share import counted
from tui_cytpix.domain.jobs.processed import TubeRecord
from tui_cytpix.domain.jobs.tube_summary import Spread, TubeSummary

BLANK = "blank"  # of domain.sample.CONTROLS
PER_FRAMES = 1000
_MOST_DIGITS = 8
_NAN = math.nan


class Value(NamedTuple):
    """A figure; `low` and `high` are the ends of its interval, or the quartiles. NaN where the record doesn't say. A
    share is of `found` among `images`.
    """

    value: float = _NAN
    low: float = _NAN
    high: float = _NAN
    found: int = 0
    images: int = 0

    @property
    def known(self) -> bool:
        return not math.isnan(self.value)


class Kind(StrEnum):
    COUNT = "count"
    PERCENT = "percent"
    NUMBER = "number"


class Compared(NamedTuple):
    """How a figure is compared with the batch's median. A difference below `least` (of the figure, or where it is
    `relative` of the median) doesn't count. `above` and `below` say in words what a tube is. `blanks`: those without
    cells are no different in it.
    """

    least: float
    above: str
    below: str
    relative: bool = False
    blanks: bool = False


class Figure(NamedTuple):
    """`name` is its column in the table, `ends` those of `low` and `high` after it, `words` say what it is. Blank
    tubes alone have one that is `of_blanks`.
    """

    name: str
    words: str
    kind: Kind
    of: Callable[[TubeRecord], Value]
    ends: tuple[str, str] | None = None
    compared: Compared | None = None
    of_blanks: bool = False


def percent(found: int, images: int) -> Value:
    """A share with Wilson's interval, in percent."""
    share, low, high = (100 * one for one in (found / images, *wilson(found, images)))
    return Value(share, low, high, found, images)


def _of_counts(record: TubeRecord, name: str, among: Callable[[int], bool]) -> int | None:
    """In how many images a feature has certain values; None where the record doesn't say."""
    found = _counts_in(record, name)
    if found is None:
        return None
    return sum(images for value, images in _numbered(found) if among(value))


def _counts_in(record: TubeRecord, name: str) -> Mapping[str, int] | None:
    """None where the record lacks it, or none of its images has a count: the masks of some instruments tell none."""
    found = record.counts.get(name)
    return found if found or not record.images else None


def _numbered(counts: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """Values and numbers of images, of a record that may be damaged."""
    return ((int(value), images) for value, images in counts.items() if value.isdecimal() and len(value) < _MOST_DIGITS)


def _none(record: TubeRecord) -> int | None:
    return _of_counts(record, "ParticleCount", lambda n: n == 0)


def _singlets(record: TubeRecord) -> int | None:
    return _of_counts(record, "ParticleCount", lambda n: n == 1)


def _multiplets(record: TubeRecord) -> int | None:
    return _of_counts(record, "ClumpIndexMax", lambda n: n > 1)


def _coincident(record: TubeRecord) -> int | None:
    """Several particles, none of which is attached to another."""
    several, attached = _of_counts(record, "ParticleCount", lambda n: n > 1), _multiplets(record)
    return None if several is None or attached is None else max(0, several - attached)


def _unusable(record: TubeRecord) -> int | None:
    return None if record.summary is None else record.summary.border


def _failed(record: TubeRecord) -> int | None:
    return None if record.summary is None else max(0, record.summary.taken - record.images)


def _summed(of: Callable[[TubeSummary], float | None]) -> Callable[[TubeRecord], Value]:
    def figure(record: TubeRecord) -> Value:
        found = None if record.summary is None else of(record.summary)
        return Value() if found is None else Value(float(found))

    return figure


def _count(of: Callable[[TubeRecord], int | None]) -> Callable[[TubeRecord], Value]:
    def figure(record: TubeRecord) -> Value:
        found = of(record)
        return Value() if found is None else Value(float(found))

    return figure


def _share(of: Callable[[TubeRecord], int | None], *, of_taken: bool = False) -> Callable[[TubeRecord], Value]:
    """In percent of the images that were processed, or of those that were taken to be."""

    def figure(record: TubeRecord) -> Value:
        found, images = of(record), record.images
        if of_taken and record.summary is not None:
            images = record.summary.taken
        if found is None or not 0 <= found <= images or not images:
            return Value()
        return percent(found, images)

    return figure


def _median(of: Callable[[TubeSummary], Spread | None]) -> Callable[[TubeRecord], Value]:
    def figure(record: TubeRecord) -> Value:
        found = None if record.summary is None else of(record.summary)
        return Value() if found is None else Value(found.median, found.low, found.high)

    return figure


def _seconds(summary: TubeSummary) -> float | None:
    return None if summary.time is None else summary.time.seconds


def _rate(summary: TubeSummary) -> float | None:
    seconds = _seconds(summary)
    return sum(summary.time.events) / seconds if summary.time is not None and seconds else None


def _false_objects(record: TubeRecord) -> int | None:
    found = _counts_in(record, "ObjectCount")
    if found is None:
        return None
    return sum(value * images for value, images in _numbered(found))


def _false_per_frames(record: TubeRecord) -> Value:
    """With the exact interval of a Poisson number (Garwood 1936)."""
    found = _false_objects(record)
    if found is None or not record.images:
        return Value()
    number = counted(float(found))
    value, low, high = (one * PER_FRAMES / record.images for one in (number.value, number.low, number.high))
    return Value(value, low, high)


_INTERVAL, _QUARTILES = ("Low", "High"), ("LowerQuartile", "UpperQuartile")
_TWENTY = 0.2  # of the median: numbers that are chosen, or follow from what was loaded


def _more(what: str, least: float = 2.0, *, blanks: bool = False) -> Compared:
    """Of a share, in percent."""
    return Compared(least, f"more {what}", f"fewer {what}", blanks=blanks)


def _number_and_share(
    name: str,
    words: str,
    of: Callable[[TubeRecord], int | None],
    compared: Compared | None = None,
    of_share: str = "",
    *,
    of_taken: bool = False,
) -> tuple[Figure, Figure]:
    """How many images, and how many percent; `of_share` where the words of that are others."""
    share = _share(of, of_taken=of_taken)
    return (
        Figure(name, words, Kind.COUNT, _count(of)),
        Figure(f"{name}Percent", of_share or words, Kind.PERCENT, share, _INTERVAL, compared),
    )


FIGURES: tuple[Figure, ...] = (
    Figure(
        "Events",
        "events",
        Kind.COUNT,
        _summed(lambda one: one.events),
        None,
        Compared(_TWENTY, "more events", "fewer events", relative=True),
    ),
    Figure("Imaged", "images", Kind.COUNT, _summed(lambda one: one.imaged)),
    Figure(
        "Processed",
        "images processed",
        Kind.COUNT,
        lambda record: Value(float(record.images)),
        None,
        Compared(_TWENTY, "more images processed", "fewer images processed", relative=True),
    ),
    *_number_and_share("Failed", "images failed", _failed, _more("images failed", 1.0, blanks=True), of_taken=True),
    *_number_and_share(
        "Unusable", "images unusable", _unusable, _more("images cut by the border"), "cut by the border"
    ),
    *_number_and_share("NoParticle", "without a particle", _none, _more("images without a particle")),
    *_number_and_share("Singlets", "singlets", _singlets),
    *_number_and_share("Multiplets", "multiplets", _multiplets, _more("multiplets")),
    *_number_and_share("Coincident", "coincident", _coincident),
    Figure(
        "ConfidenceMean",
        "mean confidence",
        Kind.NUMBER,
        _summed(lambda one: None if one.confidence is None else one.confidence.mean),
        None,
        Compared(0.02, "higher confidence", "lower confidence"),
    ),
    Figure(
        "FocusMedian",
        "focus",
        Kind.NUMBER,
        _median(lambda one: one.focus),
        _QUARTILES,
        Compared(0.03, "sharper (focus)", "less sharp (focus)"),
    ),
    Figure(
        "GrayMedian",
        "gray level",
        Kind.NUMBER,
        _median(lambda one: one.gray),
        _QUARTILES,
        Compared(0.02, "brighter (gray level)", "darker (gray level)", relative=True),
    ),
    Figure(
        "MicronsPerPixel",
        "µm/px",
        Kind.NUMBER,
        lambda record: Value() if record.sample.um_per_px is None else Value(record.sample.um_per_px),
        None,
        Compared(0.005, "larger pixels (µm/px)", "smaller pixels (µm/px)", relative=True, blanks=True),
    ),
    Figure("Seconds", "seconds", Kind.NUMBER, _summed(_seconds)),
    Figure(
        "EventsPerSecond",
        "events per second",
        Kind.NUMBER,
        _summed(_rate),
        None,
        Compared(_TWENTY, "higher event rate (per second)", "lower event rate (per second)", relative=True),
    ),
    Figure("FalseObjects", "false objects", Kind.COUNT, _count(_false_objects), of_blanks=True),
    Figure(
        "FalseObjectsPer1000",
        "false objects per 1000 frames",
        Kind.NUMBER,
        _false_per_frames,
        _INTERVAL,
        of_blanks=True,
    ),
)


def shown(kind: Kind, value: float) -> str:
    """As people read it; "" where there is none."""
    if math.isnan(value):
        return ""
    if kind is Kind.COUNT:
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if kind is Kind.PERCENT:
        return f"{value:.1f} %"
    return f"{value:#.3g}".rstrip(".") if abs(value) < 1000 else f"{value:.0f}"
