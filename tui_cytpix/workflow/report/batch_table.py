"""All tubes of a batch in one table of a page: their labels, their figures, and small charts over Time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tui_cytpix.domain.jobs.tube_summary import TimeCourse
from tui_cytpix.domain.words import duration, printable
from tui_cytpix.workflow.evaluate.batch import Batch, BatchTube
from tui_cytpix.workflow.evaluate.batch_figures import FIGURES, Figure, Value, shown
from tui_cytpix.workflow.report import html_tags as html
from tui_cytpix.workflow.report.batch_charts import spark

_BY_NAME = {figure.name: figure for figure in FIGURES}
# The columns of the page's table: the heading, the figure it shows, and the one below it.
_COLUMNS = (
    ("Events, imaged", "Events", "Imaged"),
    ("Processed", "Processed", ""),
    ("Failed", "Failed", "FailedPercent"),
    ("Unusable", "Unusable", "UnusablePercent"),
    ("No particle", "NoParticlePercent", ""),
    ("Singlets", "SingletsPercent", ""),
    ("Multiplets", "MultipletsPercent", ""),
    ("Coincident", "CoincidentPercent", ""),
    ("Confidence", "ConfidenceMean", ""),
    ("Focus", "FocusMedian", ""),
    ("Gray level", "GrayMedian", ""),
    ("µm/px", "MicronsPerPixel", ""),
)
_LABELS = ("well", "control", "condition", "unit")
_LEAST_IN_PART, _LEAST_PARTS = 10, 4  # images in a part of the Time, and parts, for a line of multiplets
_NONE = "–"
_OVER_TIME = "Events/s; events, multiplets over Time"


def named(tube: BatchTube) -> html.Markup:
    """A tube's name, and below it what is said of it."""
    return html.cell(tube.name, " · ".join(printable(label) for name in _LABELS if (label := tube.labels[name])))


def all_tubes(batch: Batch) -> Iterator[str]:
    if not batch.done:
        return
    yield html.heading("All tubes")
    columns = [column for column in _COLUMNS if any(tube.value(column[1]).known for tube in batch.done)]
    timed = any(_course(tube) is not None for tube in batch.done)
    rows: list[Sequence[object]] = [("Tube", *(column[0] for column in columns), *([_OVER_TIME] if timed else ()))]
    rows.append(("median", *(_median(batch, *column[1:]) for column in columns), *([_rate(batch)] if timed else ())))
    for tube in batch.done:
        cells = [_cell(tube, *column[1:]) for column in columns]
        rows.append((named(tube), *cells, *([_over_time(tube)] if timed else ())))
    yield html.scrolled(html.table(rows))


def _median(batch: Batch, name: str, below: str) -> str:
    """Of the figure, or where it isn't compared, of the one below it."""
    known = next((one for one in (name, below) if one in batch.medians), "")
    return shown(_BY_NAME[known].kind, batch.medians[known]) if known else ""


def _rate(batch: Batch) -> str:
    return _median(batch, "EventsPerSecond", "")


def figure_text(name: str, tube: BatchTube) -> str:
    return shown(_BY_NAME[name].kind, tube.value(name).value)


def _cell(tube: BatchTube, name: str, below: str) -> html.Markup:
    """A figure, marked where the tube stands apart in it; below it, small, its interval or another figure."""
    why = tube.apart.get(name, "") or tube.apart.get(below, "")
    small = figure_text(below, tube) if below else _ends(_BY_NAME[name], tube.value(name))
    return html.cell(figure_text(name, tube) or _NONE, small, why)


def _ends(figure: Figure, value: Value) -> str:
    if figure.ends is None or math.isnan(value.low):
        return ""
    low, high = (shown(figure.kind, one).removesuffix(" %") for one in (value.low, value.high))
    return f"{low} – {high}"


def _course(tube: BatchTube) -> TimeCourse | None:
    return None if tube.record is None or tube.record.summary is None else tube.record.summary.time


def _over_time(tube: BatchTube) -> html.Markup:
    course = _course(tube)
    charts = "" if course is None else _events_over(course) + _multiplets_over(course)
    return html.Markup(_cell(tube, "EventsPerSecond", "") + charts)


def _events_over(course: TimeCourse) -> html.Markup:
    seconds = course.seconds
    if seconds is None:
        said = f"{min(course.events)} to {max(course.events)} events in a part; the unit of Time is unknown"
    else:
        rates = [events / seconds * len(course.events) for events in course.events]
        said = f"{min(rates):.3g} to {max(rates):.3g} events per second, over {duration(seconds)}"
    return spark(course.events, "a", said)


def _multiplets_over(course: TimeCourse) -> str:
    """Of as many parts as hold enough images each on average; nothing where there are too few images."""
    together = next(
        (
            size
            for size in range(1, len(course.images) // _LEAST_PARTS + 1)
            if len(course.images) % size == 0 and sum(course.images) * size >= _LEAST_IN_PART * len(course.images)
        ),
        None,
    )
    if together is None:
        return ""
    starts = range(0, len(course.images), together)
    images, multiplets = ([sum(of[at : at + together]) for at in starts] for of in (course.images, course.multiplets))
    shares = [100 * found / among for found, among in zip(multiplets, images, strict=True) if among]
    return spark(shares, "b", f"{min(shares):.1f} to {max(shares):.1f} % multiplets, in {len(shares)} parts")
