"""The table of the events as AnnData: observations are events, called SAMPLE:EVENT, variables are image features."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tui_cytpix.core.features.table import IMAGE
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.outputs.output import About, Findings
from tui_cytpix.formats.tables.anndata_table import anndata_table
from tui_cytpix.formats.tables.typed_table import Rows, TableHead, feature_columns


def encode(found: Findings) -> Rows:
    return Rows([[found.sample] * len(found.events), found.events], found.values)


@contextlib.contextmanager
def written(paths: Sequence[Path], about: About) -> Iterator[Callable[[Rows], None]]:
    (path,) = paths
    head = TableHead(("Sample", "Event"), feature_columns(IMAGE), about=about.keywords)
    with anndata_table(path, head, about.events) as table:

        def add(rows: Rows) -> None:
            samples, events = rows.texts
            table([str(ImageKey(sample, event)) for sample, event in zip(samples, events, strict=True)], rows)

        yield add
