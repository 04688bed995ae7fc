"""Tables as AnnData (.h5ad), as its documentation lays them out on disk: rows are the observations, numbers the matrix
`X` (NaN where there is no value), texts and flags columns of `obs`, units and labels columns of `var`. Needs h5py (the
extra `h5ad`), not the package anndata, which brings pandas and zarr.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tui_cytpix.formats.bytes.atomic import replacing
from tui_cytpix.formats.tables.typed_table import Rows, TableHead, telling

_TYPE, _VERSION, _INDEX = "encoding-type", "encoding-version", "_index"
_EMPTY = ("layers", "obsm", "obsp", "varm", "varp")


@contextlib.contextmanager
def anndata_table(path: Path, head: TableHead, rows: int) -> Iterator[Callable[[Sequence[str], Rows], None]]:
    """Gives what takes rows, with their names, one after another, `rows` of them in all; the file appears, whole, when
    the block ends without an error. It is made in memory (14 MB for 30,000 processed events) and written at once,
    as HDF5 can't let go of a file when its disk is full.

    Raises:
        CytpixError: it can't be written.
    """
    import h5py

    with replacing(path) as aside, h5py.File(aside, "w", driver="core", backing_store=False) as file:
        _lay_out(file, head, rows)
        at = 0

        def add(names: Sequence[str], part: Rows) -> None:
            nonlocal at
            here = slice(at, at + len(part.numbers))
            at = here.stop
            flags = np.zeros((len(part.numbers), 0), bool) if part.flags is None else part.flags
            file["X"][here] = part.numbers
            for name, values in zip((_INDEX, *head.texts, *head.flags), (names, *part.texts, *flags.T), strict=True):
                file["obs"][name][here] = values

        yield add
        file.flush()
        with telling(path):
            aside.write_bytes(file.id.get_file_image())


def _lay_out(file: Any, head: TableHead, rows: int) -> None:
    import h5py

    text = h5py.string_dtype()
    _typed(file, "anndata", "0.1.0")
    _typed(file.create_dataset("X", (rows, len(head.numbers)), np.float64), "array")
    obs, var = file.create_group("obs"), file.create_group("var")
    for name in (_INDEX, *head.texts):
        _typed(obs.create_dataset(name, (rows,), text), "string-array")
    for name in head.flags:
        _typed(obs.create_dataset(name, (rows,), bool), "array")
    _frame(obs, [*head.texts, *head.flags])
    columns = {
        _INDEX: [one.name for one in head.numbers],
        "label": [one.label for one in head.numbers],
        "unit": [one.unit for one in head.numbers],
    }
    for name, values in columns.items():
        _typed(var.create_dataset(name, data=np.array(values, object), dtype=text), "string-array")
    _frame(var, [name for name in columns if name != _INDEX])
    for name in _EMPTY:
        _typed(file.create_group(name), "dict", "0.1.0")
    uns = _typed(file.create_group("uns"), "dict", "0.1.0")
    for key, value in head.about.items():
        _typed(uns.create_dataset(key, data=value, dtype=text), "string")


def _typed(place: Any, kind: str, version: str = "0.2.0") -> Any:
    place.attrs[_TYPE], place.attrs[_VERSION] = kind, version
    return place


def _frame(group: Any, columns: Sequence[str]) -> None:
    import h5py

    _typed(group, "dataframe").attrs[_INDEX] = _INDEX
    group.attrs.create("column-order", np.array(columns, object), dtype=h5py.string_dtype())
