"""A table of the events and one of their particles, as Parquet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tui_cytpix.core.features.table import IMAGE, PARTICLE
from tui_cytpix.formats.outputs.output import About, Findings
from tui_cytpix.formats.tables.parquet_table import parquet_table
from tui_cytpix.formats.tables.typed_table import Rows, TableHead, feature_columns

Parts = tuple[Rows, Rows]  # of both tables


def encode(found: Findings) -> Parts:
    return (
        Rows([[found.sample] * len(found.events), found.events], found.values),
        Rows([[found.sample] * len(found.owners), found.owners], found.particles),
    )


@contextlib.contextmanager
def written(paths: Sequence[Path], about: About) -> Iterator[Callable[[Parts], None]]:
    with contextlib.ExitStack() as stack:
        tables = [
            stack.enter_context(
                parquet_table(path, TableHead(("Sample", "Event"), feature_columns(level), about=about.keywords))
            )
            for path, level in zip(paths, (IMAGE, PARTICLE), strict=True)
        ]

        def add(parts: Parts) -> None:
            for table, rows in zip(tables, parts, strict=True):
                table(rows)

        yield add
