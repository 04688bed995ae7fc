"""A table of the events and one of their particles, as CSV."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tui_cytpix.core.features.table import IMAGE, PARTICLE, names
from tui_cytpix.formats.outputs.output import About, Findings
from tui_cytpix.formats.tables.csv_table import csv_rows, csv_table

Lines = tuple[str, str]  # of both tables


def encode(found: Findings) -> Lines:
    return (
        csv_rows([(found.sample, event) for event in found.events], found.values),
        csv_rows([(found.sample, event) for event in found.owners], found.particles),
    )


@contextlib.contextmanager
def written(paths: Sequence[Path], _about: About) -> Iterator[Callable[[Lines], None]]:
    with contextlib.ExitStack() as stack:
        tables = [
            stack.enter_context(csv_table(path, ["Sample", "Event", *names(level)]))
            for path, level in zip(paths, (IMAGE, PARTICLE), strict=True)
        ]

        def add(lines: Lines) -> None:
            for table, part in zip(tables, lines, strict=True):
                table.write(part)

        yield add
