"""A batch on one page: what stands apart, what failed, blanks, the plate, and all tubes with their figures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tui_cytpix.core.statistics.outliers import FEWEST, LIMIT
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import RunError, UsageError, refusal
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.workflow.evaluate.batch import Batch, BatchTube, read_batch, write_table
from tui_cytpix.workflow.evaluate.batch_figures import FIGURES, PER_FRAMES, Figure, shown
from tui_cytpix.workflow.evaluate.tube_status import TubeState, totals_in_words
from tui_cytpix.workflow.report import html_tags as html
from tui_cytpix.workflow.report.batch_charts import Well, plate, plate_size
from tui_cytpix.workflow.report.batch_table import all_tubes, figure_text, named

PAGE, TABLE_SUFFIX = "batch.html", ".tubes.csv"
_BY_NAME = {figure.name: figure for figure in FIGURES}
_ON_PLATES = ("MultipletsPercent", "NoParticlePercent", "FocusMedian", "ConfidenceMean", "Processed")
_MOST_NAMES = 8  # of tubes, in a sentence
_NONE = "–"
_HELP = (
    "Processed: images that the model was asked about. Failed: images that could not be read, as they are damaged or "
    "blank. Unusable: processed, but an object is cut by the image's border.",
    "No particle, singlets (one particle), multiplets (two or more particles attached to each other) and coincident "
    "(several, none attached) are shares of the images processed, with 95 % intervals (Wilson 1927), which tell "
    "what so few images leave open, not what differs from tube to tube.",
    "Confidence is the mean of the model's ConfidenceScore. Focus is the median FocusScore, 0 to 1, with quartiles: "
    "tubes of one kind of cell and one scale can be compared in it, as granular cells look sharper. Gray level is the "
    "median of the images' mean gray value, with quartiles.",
    f"A tube stands apart where its figure lies more than {LIMIT:g} robust standard deviations (1.4826 times the "
    "median absolute deviation; Iglewicz and Hoaglin 1993) from the median of the batch; of a share only where its "
    "interval and that of all other tubes together don't overlap. Blank tubes are compared in failures and scale only. "
    f"Fewer than {FEWEST} tubes are not compared. To stand apart is no fault by itself: another condition may "
    "look so.",
    "Over Time: above, in blue, events in each fortieth of the tube's Time; below, in orange, the share of multiplets "
    "among the images of a part of it, where there are enough. The line at the bottom is 0, the highest point the most "
    "that this tube has; with the pointer on a chart its numbers appear.",
)


@dataclass(frozen=True)
class Collected:
    """The files that were written, and what is in them."""

    page: Path
    table: Path
    batch: Batch


def collect(out: Path, listed: Sequence[SampleAtWork] = (), page: Path | None = None) -> Collected:
    """Writes a batch's table and page.

    Raises:
        UsageError: no tube was processed into the folder, or the page would take the place of another kind of file.
        RunError: they can't be written.
    """
    page = out / PAGE if page is None else page
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError("The page is HTML", f"{printable(page)}.", "Give a name that ends in .html.")
    batch, table = read_batch(out, listed), page.with_suffix(TABLE_SUFFIX)
    try:
        write_table(batch, table)
        write_text(page, _page(batch))
    except OSError as error:
        raise RunError(*refusal(error, page, "The batch can't be written", "Give another place with --out.")) from error
    return Collected(page, table, batch)


def as_plain(found: Collected) -> dict[str, Any]:
    """For programs: every tube with its figures."""
    tubes = []
    for tube in found.batch.tubes:
        told = asdict(tube) | {"values": {name: list(value[:3]) for name, value in tube.values.items()}}
        tubes.append({name: value for name, value in told.items() if name != "record"})
    batch = found.batch
    result = {"page": str(found.page), "table": str(found.table), "totals": batch.totals, "made": batch.made}
    return result | {"medians": batch.medians, "tubes": tubes, "not_listed": batch.not_listed}


def summary_lines(batch: Batch) -> list[str]:
    """The batch in a few sentences, for the top of the page and for the terminal."""
    told = totals_in_words(batch.totals)
    apart = [tube for tube in batch.done if tube.apart]
    images = int(sum(tube.value("Processed").value for tube in batch.done))
    number = len(batch.tubes)
    lines = [f"{number} tube{'s' if number > 1 else ''}: {told}. {images} images processed."]
    if len([tube for tube in batch.done if not tube.blank]) < FEWEST:
        lines.append(f"Fewer than {FEWEST} tubes are done: they are not compared.")
    elif apart:
        lines.append(f"{len(apart)} of {len(batch.done)} stand apart from the others: {_names(apart)}.")
    else:
        lines.append("None stands apart from the others.")
    if len(batch.made) > 1:
        lines.append("The tubes were not all made in the same way, so their figures may differ by that alone.")
    if batch.not_listed:
        lines.append(f"{len(batch.not_listed)} tubes of the folder are not in the list, and left out.")
    return lines


def _names(tubes: Sequence[BatchTube]) -> str:
    names = [tube.name for tube in tubes[:_MOST_NAMES]]
    more = len(tubes) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _page(batch: Batch) -> str:
    name = printable(batch.out.resolve().name)
    body = [
        html.heading(f"Batch {name}", 1),
        html.paragraphs(["Made by tui-cytpix from the records of its tubes. For research use only."], "dim"),
        html.paragraphs(summary_lines(batch), "lead"),
        html.paragraphs(f"Made with {way}." for way in batch.made),
        *_apart(batch),
        *_not_whole(batch),
        *_blanks(batch),
        *_plates(batch),
        *all_tubes(batch),
        *_problems(batch),
        html.heading("How to read this page"),
        html.paragraphs(_HELP),
    ]
    return html.page(f"Batch {name}", body, wide=True)


def _apart(batch: Batch) -> Iterator[str]:
    rows = [(named(tube), "; ".join(tube.apart.values())) for tube in batch.tubes if tube.apart]
    if rows:
        yield html.heading("Tubes that stand apart")
        yield html.table([("Tube", "How"), *rows])


def _not_whole(batch: Batch) -> Iterator[str]:
    rows = [
        (named(tube), tube.state_in_words, printable(tube.why))
        for tube in batch.tubes
        if tube.state is not TubeState.DONE or tube.why
    ]
    if rows:
        yield html.heading("Failed, missing, or done in part")
        yield html.table([("Tube", "State", "What is said of it"), *rows])


def _blanks(batch: Batch) -> Iterator[str]:
    rows = []
    for tube in batch.done:
        if not tube.blank:
            continue
        rate = tube.value("FalseObjectsPer1000")
        between = f"{_one_decimal(rate.low)} to {_one_decimal(rate.high)}" if rate.known else _NONE
        objects = figure_text("FalseObjects", tube) or _NONE
        rows.append((tube.name, figure_text("Processed", tube), objects, _one_decimal(rate.value) or _NONE, between))
    if rows:
        yield html.heading("Blank tubes: false objects")
        per = f"per {PER_FRAMES} frames"
        yield html.table([("Tube", "Frames", "Objects found", per, "95 % interval"), *rows])
        yield html.paragraphs(
            ["The interval is the exact one of a Poisson number (Garwood 1936): objects come independently."], "dim"
        )


def _one_decimal(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"


def _plates(batch: Batch) -> Iterator[str]:
    wells: dict[str, list[BatchTube]] = defaultdict(list)
    for tube in batch.tubes:
        if tube.labels["well"]:
            wells[tube.labels["well"]].append(tube)
    if not wells:
        return
    yield html.heading("Plate")
    size = plate_size(list(wells))
    if size is None:
        yield html.paragraphs(["The wells lie on no plate of 96 or 384 wells, so it is not drawn."])
        return
    shared = [well for well, tubes in wells.items() if len(tubes) > 1]
    if shared:
        yield html.paragraphs(
            [f"{len(shared)} wells hold several tubes, such as {shared[0]}; the last one of each is shown."]
        )
    drawn: list[str] = []
    alike: list[str] = []
    for name in _ON_PLATES:
        known = [tubes[-1].value(name).value for tubes in wells.values() if _coloured(tubes[-1], name)]
        low, high, figure = min(known, default=0.0), max(known, default=0.0), _BY_NAME[name]
        if low < high:
            shown_wells = {well: _well(tubes[-1], figure, low, high) for well, tubes in wells.items()}
            said = f"{figure.words.capitalize()}: {shown(figure.kind, low)} (faintest) to {shown(figure.kind, high)}"
            drawn.append(html.chart(plate(size, shown_wells), said))
        elif known:
            alike.append(f"{figure.words} {shown(figure.kind, low)}")
    yield html.pictures(drawn)
    if alike:
        yield html.paragraphs([f"Alike in all wells: {', '.join(alike)}."])
    yield html.paragraphs(["Framed: stands apart in this. Crossed: not done. b: blank. Outlined only: no tube."], "dim")


def _coloured(tube: BatchTube, name: str) -> bool:
    """Blank tubes would take all colours from the others."""
    return tube.value(name).known and not tube.blank


def _well(tube: BatchTube, figure: Figure, low: float, high: float) -> Well:
    said = f"{tube.labels['well']}: {tube.name}, {figure.words} {figure_text(figure.name, tube) or tube.state.value}"
    value = (tube.value(figure.name).value - low) / (high - low) if _coloured(tube, figure.name) else None
    return Well(value, said, figure.name in tube.apart, tube.state is TubeState.DONE, "blank" if tube.blank else "")


def _problems(batch: Batch) -> Iterator[str]:
    """What is odd about tubes, each sentence once."""
    found: dict[str, list[BatchTube]] = defaultdict(list)
    for tube in batch.done:
        for problem in tube.record.problems if tube.record is not None else ():
            found[printable(problem)].append(tube)
    if found:
        yield html.heading("What is odd about tubes")
        rows = sorted(((len(tubes), said, _names(tubes)) for said, tubes in found.items()), reverse=True)
        yield html.table([("Tubes", "What", "Which"), *rows])
