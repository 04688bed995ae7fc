"""The events of a gate as a file: FCS, CSV, Parquet or AnnData, by its ending, with the gates that each is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.domain.jobs.specs import PREFIX, check_prefix
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, UsageError, refusal
from tui_cytpix.workflow.explore import gates as gating
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.explore.populations import axis_name

if TYPE_CHECKING:
    from tui_cytpix.formats.tables.typed_table import Rows, TableHead

TEXTS = ("Sample", "Row", "Image")
BLOCK = 1 << 14  # events written at a time


class Exported(NamedTuple):
    """How many events; `problems` are sentences about gates that the sample can't be asked for."""

    events: int
    problems: tuple[str, ...] = ()


def export_events(
    path: Path,
    table: EventTable,
    gates: Sequence[Gate],
    name: str,
    axes: Sequence[Axis] | None = None,
    prefix: str = PREFIX,
) -> Exported:
    """Writes the events of a gate, "" for all, by the file's ending: as FCS (all of the instrument's parameters, as
    stored), or as a table (row in the FCS from 0, event id of the image, the axes' parameters or all of the table's).
    For each of the gates, the parameter `<prefix>Gate_<name>` is 1 for the events in it, 0 for others; not in a table
    of axes.

    Raises:
        UsageError: another ending, its package isn't installed, or a bad prefix.
        CytpixError: it can't be written.
        InputError: the sample lacks what the gate needs, or it can't be read.
        CytpixError: it can't be written.
    """
    from tui_cytpix.formats.fcs.gate_parameters import gate_keywords, gate_parameters, parameter_names
    from tui_cytpix.formats.outputs.registry import refuse_missing

    ending = path.suffix.lower()
    if ending != ".fcs" and ending not in _TABLES:
        endings = ", ".join((".fcs", *_TABLES))
        raise UsageError("The ending names no format", f"{path.name}.", f"Give a file ending in one of {endings}.")
    check_prefix(prefix)
    refuse_missing([ending.removeprefix(".")])
    within = gating.inside(table, gates, name)
    members, problems = gating.members(table, gates if axes is None or ending == ".fcs" else ())
    taken = [one.name for one in table.parameters]
    columns = parameter_names(members.names, prefix, taken)
    keywords = {"CYTPIX_GATE": name or gating.ALL, **gate_keywords(members, columns)}
    if ending == ".fcs":
        table.write_fcs(path, within, keywords, gate_parameters(members, columns))
    else:
        chosen = [Axis(one) for one in taken] if axes is None else list(axes)
        flags = [members.inside(place) for place in range(len(columns))]
        head = _head(table, chosen, columns, {**table.image_keywords(), **keywords})
        try:
            _TABLES[ending](path, head, int(within.sum()), _blocks(table, chosen, np.flatnonzero(within), flags))
        except OSError as error:
            raise CytpixError(*refusal(error, path, "The table can't be written")) from error
    return Exported(int(within.sum()), tuple(problems))


def _head(table: EventTable, chosen: Sequence[Axis], flags: Sequence[str], about: Mapping[str, str]) -> TableHead:
    from tui_cytpix.formats.tables.typed_table import Column, TableHead

    labels = {one.name: one.label for one in table.parameters}
    numbers = tuple(Column(printable(axis_name(axis)), label=labels[axis.parameter]) for axis in chosen)
    return TableHead(TEXTS, numbers, tuple(flags), about)


def _blocks(
    table: EventTable, chosen: Sequence[Axis], rows: NDArray[np.intp], flags: Sequence[NDArray[np.bool_]]
) -> Iterator[Rows]:
    from tui_cytpix.formats.tables.typed_table import Rows

    event_of = {row: event for event, row in table.image_rows.items()}
    columns = [table.values(axis.parameter, axis.compensated) for axis in chosen]
    for start in range(0, len(rows), BLOCK):
        here = rows[start : start + BLOCK]
        numbers = np.stack([column[here] for column in columns], axis=1) if columns else np.zeros((len(here), 0))
        inside = np.stack([flag[here] for flag in flags], axis=1) if flags else np.zeros((len(here), 0), bool)
        numbered = here.tolist()
        events = [event_of.get(row, "") for row in numbered]
        yield Rows([[table.sample] * len(here), list(map(str, numbered)), events], numbers, inside)


def _write_csv(path: Path, head: TableHead, _rows: int, blocks: Iterable[Rows]) -> None:
    from tui_cytpix.formats.tables.csv_table import csv_rows, csv_table

    with csv_table(path, [*head.texts, *(one.name for one in head.numbers), *head.flags]) as out:
        for block in blocks:
            assert block.flags is not None
            values = np.concatenate([block.numbers, block.flags], axis=1)
            out.write(csv_rows(list(zip(*block.texts, strict=True)), values))


def _write_parquet(path: Path, head: TableHead, _rows: int, blocks: Iterable[Rows]) -> None:
    from tui_cytpix.formats.tables.parquet_table import parquet_table

    with parquet_table(path, head) as add:
        for block in blocks:
            add(block)


def _write_h5ad(path: Path, head: TableHead, rows: int, blocks: Iterable[Rows]) -> None:
    """Events are called SAMPLE:EVENT, those without an image SAMPLE:row-N."""
    from tui_cytpix.formats.tables.anndata_table import anndata_table

    with anndata_table(path, head, rows) as add:
        for block in blocks:
            known = zip(*block.texts, strict=True)
            add([str(ImageKey(sample, event or f"row-{row}")) for sample, row, event in known], block)


_TABLES: Mapping[str, Callable[[Path, TableHead, int, Iterable[Rows]], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".h5ad": _write_h5ad,
}
