"""What a tube's record says of its events' values, so that a batch is looked at without opening tables or images."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from tui_cytpix.domain.field_ranges import Count, Length, Number

TIME_PARTS = 40
Parts = Annotated[tuple[Count, ...], Meta(min_length=TIME_PARTS, max_length=TIME_PARTS)]


class Spread(Struct, frozen=True, kw_only=True):
    """Of the values of so many images: mean, median, and the quartiles `low` and `high`."""

    number: Count
    mean: Number
    low: Number
    median: Number
    high: Number


class TimeCourse(Struct, frozen=True, kw_only=True):
    """How many events there are in each of TIME_PARTS parts, equally long, of the Time from the first to the last one
    (both as the event table has them); of these, whose images were processed and counted, and which of them show a
    multiplet. `step_s`: seconds in a unit of Time (`$TIMESTEP`), None where nothing says.
    """

    start: Number
    end: Number
    step_s: Length | None = None
    events: Parts
    images: Parts
    multiplets: Parts

    @property
    def seconds(self) -> float | None:
        """From the first event to the last; None where it is unknown."""
        return (self.end - self.start) * self.step_s if self.step_s and self.end > self.start else None


class TubeSummary(Struct, frozen=True, kw_only=True):
    """Of a tube: how many `events` its FCS or event table has (None without one), how many are `imaged`, how many of
    these were `taken` to be processed (a gate may leave some out), and in how many that were processed an object is
    cut by the `border`. `confidence` and `focus` are ConfidenceScore and FocusScore of the images that have them,
    `gray` the mean gray value of each image. None where no image has a value, and without a Time.
    """

    imaged: Count
    taken: Count
    border: Count
    events: Count | None = None
    confidence: Spread | None = None
    focus: Spread | None = None
    gray: Spread | None = None
    time: TimeCourse | None = None
