"""A batch: the tubes of an output folder side by side, from their records alone; no table and no image is opened."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np

from tui_cytpix.core.statistics.outliers import LIMIT, robust_z
from tui_cytpix.domain.jobs.processed import TubeRecord
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.domain.sample import LABELS, PLATE_LABELS, well_of
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.bytes.names import natural_key
from tui_cytpix.formats.tables.csv_table import csv_rows, csv_table
from tui_cytpix.workflow.evaluate.batch_figures import BLANK, FIGURES, Figure, Kind, Value, percent, shown
from tui_cytpix.workflow.evaluate.output_names import known_names, names_in
from tui_cytpix.workflow.evaluate.tube_status import TubeState, standing, totals

EARLIER = "an earlier build processed it, and its record lacks figures: process it again with --force"
_ALL_LABELS = {**LABELS, **PLATE_LABELS}


@dataclass(frozen=True)
class BatchTube:
    """A tube: `why` it is not done, or what of it failed or is lacking, in words; `record` and `values` where it is
    done. `z` by figures, where it was compared with the batch; `apart` by figures in which it stands apart: how.
    """

    name: str
    path: str
    state: TubeState
    why: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    record: TubeRecord | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    z: Mapping[str, float] = field(default_factory=dict)
    apart: Mapping[str, str] = field(default_factory=dict)

    @property
    def blank(self) -> bool:
        return self.labels.get("control") == BLANK

    @property
    def state_in_words(self) -> str:
        return "done in part" if self.state is TubeState.DONE and self.why else self.state.value

    def value(self, name: str) -> Value:
        return self.values.get(name, Value())


@dataclass(frozen=True)
class Batch:
    """`tubes` in the list's order, or that of their names; `medians` by figures, of the tubes that each is compared
    with; `made` says how, a line for each way; `not_listed` are tubes of the folder that the list doesn't name.
    """

    out: Path
    tubes: Sequence[BatchTube]
    medians: Mapping[str, float]
    made: Sequence[str]
    not_listed: Sequence[str] = ()

    @property
    def done(self) -> list[BatchTube]:
        return [tube for tube in self.tubes if tube.state is TubeState.DONE]

    @property
    def totals(self) -> dict[str, int]:
        """By states, but for the one that only a list of what is asked for can tell."""
        found = totals(tube.state for tube in self.tubes)
        return {state: number for state, number in found.items() if state != TubeState.STALE}


def read_batch(out: Path, listed: Sequence[SampleAtWork] = ()) -> Batch:
    """The tubes of a list, or all that are known in the folder.

    Raises:
        UsageError: none is.
    """
    known = known_names(out)
    if not known:
        where = f"{printable(out)} has no record NAME.process.json."
        raise UsageError("There is no tube to collect", where, "Give the output folder of `process`.")
    samples = names_in(out, listed) or [
        SampleAtWork(name=name, path=known[name]) for name in sorted(known, key=natural_key)
    ]
    tubes = [_tube(out, sample) for sample in samples]
    names = {tube.name for tube in tubes}
    medians: dict[str, float] = {}
    for figure in FIGURES:
        if figure.compared is not None:
            tubes = _compared(tubes, figure, medians)
    others = sorted((name for name in known if name not in names), key=natural_key)
    return Batch(out, tubes, medians, _made(tubes), others)


def _tube(out: Path, sample: SampleAtWork) -> BatchTube:
    state, why, record = standing(out, sample.name)
    labels = dict(sample.labels) or ({} if record is None else record.labels)
    path = sample.path or ("" if record is None else record.sample.path)
    tube = BatchTube(sample.name, path, state, why, _known_labels(labels))
    if record is None or state is not TubeState.DONE:
        return tube
    if record.failed and not record.images:
        return replace(tube, state=TubeState.FAILED, why=_failures_in_words(record))
    said = [_failures_in_words(record), EARLIER if record.summary is None or "ObjectCount" not in record.counts else ""]
    values = {figure.name: figure.of(record) for figure in FIGURES if tube.blank or not figure.of_blanks}
    return replace(tube, record=record, values=values, why="; ".join(one for one in said if one))


def _known_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """All that may be said of a tube, "" where nothing is, and for a well that is none: records may be damaged."""
    known = {name: labels.get(name, "") for name in _ALL_LABELS}
    try:
        return known | {"well": well_of(known["well"])}
    except ValueError:
        return known | {"well": ""}


def _failures_in_words(record: TubeRecord) -> str:
    if not record.failed:
        return ""
    first = record.failures[0] if record.failures else None
    reason = "" if first is None else f": {f'event {first.event}, ' if first.event else ''}{first.reason}"
    return f"{record.failed} failed{', first' if record.failed > 1 else ''}{reason}"


def _compared(tubes: Sequence[BatchTube], figure: Figure, medians: dict[str, float]) -> list[BatchTube]:
    """The tubes, with how they compare in a figure. Blank tubes are no different only in some."""
    how = figure.compared
    assert how is not None
    like = [tube.value(figure.name) for tube in tubes if how.blanks or not tube.blank]
    reference = [value.value for value in like if value.known]
    if not reference:
        return list(tubes)
    middle = medians[figure.name] = median(reference)
    least = how.least * (abs(middle) if how.relative else 1.0) or how.least
    zs = robust_z([tube.value(figure.name).value for tube in tubes], reference, least)
    found = []
    for tube, z in zip(tubes, zs, strict=True):
        if math.isnan(z) or (tube.blank and not how.blanks):
            found.append(tube)
            continue
        value, apart = tube.value(figure.name), dict(tube.apart)
        if abs(z) > LIMIT and not (figure.kind is Kind.PERCENT and _may_be_chance(value, like)):
            size = f"{z:.0f}" if abs(z) >= 10 else f"{z:.1f}"
            what, shows = how.above if z > 0 else how.below, (shown(figure.kind, one) for one in (value.value, middle))
            apart[figure.name] = "{}: {}, median of the batch {} (z {})".format(what, *shows, size)
        found.append(replace(tube, z={**tube.z, figure.name: z}, apart=apart))
    return found


def _may_be_chance(value: Value, like: Sequence[Value]) -> bool:
    """Whether the intervals of a tube's share and of all others' together overlap: then so few images may be all the
    difference. `like` are the tubes that it is compared with, itself among them.
    """
    images = sum(one.images for one in like) - value.images
    if images <= 0:
        return True
    others = percent(sum(one.found for one in like) - value.found, images)
    return value.low <= others.high and others.low <= value.high


def _made(tubes: Sequence[BatchTube]) -> list[str]:
    """How the tubes were made, the most usual way first."""
    ways = Counter(_way(tube.record) for tube in tubes if tube.record is not None)
    return [way if len(ways) == 1 else f"{number} tubes: {way}" for way, number in ways.most_common()]


def _way(record: TubeRecord) -> str:
    asked = record.asked
    if asked is None:
        return f"model {record.model or 'unknown'}, by an earlier build"
    parts = [
        f"model {record.model or 'unknown'} ({asked.model_hash[:19]})",
        f"size cutoff {asked.size_cutoff_um:g} µm" if asked.size_cutoff_um else "no size cutoff",
        f"zoom {asked.zoom:g}" if asked.zoom else "",
        f"gate {asked.gate}" if asked.gate else "",
        asked.software,
    ]
    return ", ".join(part for part in parts if part)


def write_table(batch: Batch, path: Path) -> None:
    """A row a tube: what is said of it, its figures with their intervals, and its z for each that is compared.

    Raises:
        OSError: it can't be written.
    """
    columns = ["Sample", "State", *(f"Label{name.capitalize()}" for name in _ALL_LABELS), "Path", "Note", "StandsApart"]
    numbers = []
    for figure in FIGURES:
        numbers += [figure.name, *(f"{figure.name}{end}" for end in figure.ends or ())]
    compared = [figure.name for figure in FIGURES if figure.compared is not None]
    heads, rows = [], []
    for tube in batch.tubes:
        labels = (tube.labels[name] for name in _ALL_LABELS)
        said = (tube.name, tube.state, *labels, tube.path, tube.why, "; ".join(tube.apart.values()))
        heads.append([printable(one) for one in said])
        row = [one for figure in FIGURES for one in tube.value(figure.name)[: 1 if figure.ends is None else 3]]
        rows.append([*row, *(tube.z.get(name, math.nan) for name in compared)])
    with csv_table(path, [*columns, *numbers, *(f"{name}Z" for name in compared)]) as table:
        table.write(csv_rows(heads, np.array(rows, np.float64)))
