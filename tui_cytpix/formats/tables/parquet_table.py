"""Tables as Parquet: texts, numbers as doubles, null where there is no value, and flags; units and labels are metadata
of the columns. Needs the extra `parquet`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tui_cytpix.formats.bytes.atomic import replacing
from tui_cytpix.formats.tables.typed_table import Rows, TableHead, telling

GROUP_ROWS = 1 << 14  # of a row group: enough to be read fast, few enough to wait for in memory


@contextlib.contextmanager
def parquet_table(path: Path, head: TableHead) -> Iterator[Callable[[Rows], None]]:
    """Gives what takes rows; the file appears, whole, when the block ends without an error.

    Raises:
        CytpixError: it can't be written.
    """
    import pyarrow.parquet

    with replacing(path) as aside:
        with telling(path):
            file = aside.open("wb")
        with file:  # ours, so that an error of the disk is Python's own
            waiting: list[Any] = []
            schema = _schema(head)
            with telling(path):
                writer = pyarrow.parquet.ParquetWriter(file, schema)

            def add(rows: Rows) -> None:
                if len(rows.numbers):
                    waiting.append(_table(rows, schema))
                if sum(len(part) for part in waiting) >= GROUP_ROWS:
                    flush()

            def flush() -> None:
                with telling(path):
                    group = pyarrow.concat_tables(waiting)
                    writer.write_table(group, len(group))
                waiting.clear()

            try:
                yield add
                if waiting:
                    flush()
            except BaseException:
                with contextlib.suppress(OSError):  # what went wrong first is what is told
                    writer.close()
                raise
            with telling(path):
                writer.close()
                file.close()


def _schema(head: TableHead) -> Any:
    import pyarrow

    fields = [pyarrow.field(name, pyarrow.string()) for name in head.texts]
    for column in head.numbers:
        about = {key: value for key, value in (("unit", column.unit), ("label", column.label)) if value}
        fields.append(pyarrow.field(column.name, pyarrow.float64(), metadata=about or None))
    fields += [pyarrow.field(name, pyarrow.bool_()) for name in head.flags]
    return pyarrow.schema(fields, metadata=dict(head.about))


def _table(rows: Rows, schema: Any) -> Any:
    import pyarrow

    arrays = [pyarrow.array(column, pyarrow.string()) for column in rows.texts]
    arrays += [pyarrow.array(column, mask=np.isnan(column)) for column in np.ascontiguousarray(rows.numbers.T)]
    arrays += [] if rows.flags is None else [pyarrow.array(column) for column in np.ascontiguousarray(rows.flags.T)]
    return pyarrow.table(arrays, schema=schema)
