"""The table of formats that `process` writes, but for FCS, which needs all of a sample (engine.process.tube_fcs)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping

from tui_cytpix.errors import UsageError
from tui_cytpix.formats.outputs import (
    anndata_events,
    coco,
    csv_tables,
    instrument_masks,
    label_images,
    ome_tiff,
    parquet_tables,
)
from tui_cytpix.formats.outputs.output import Output
from tui_cytpix.formats.tables.typed_table import Rows

OUTPUTS: Mapping[str, Output] = {
    "csv": Output((".events.csv", ".particles.csv"), csv_tables.encode, csv_tables.written, csv_tables.Lines),
    "masks": Output((".masks",), label_images.encode, label_images.written, label_images.Files),
    "instrument-masks": Output(
        (".masks.zip",), instrument_masks.encode, instrument_masks.written, instrument_masks.Members
    ),
    "parquet": Output(
        (".events.parquet", ".particles.parquet"),
        parquet_tables.encode,
        parquet_tables.written,
        parquet_tables.Parts,
        "pyarrow",
    ),
    "h5ad": Output((".h5ad",), anndata_events.encode, anndata_events.written, Rows, "h5py"),
    "ome-tiff": Output((".masks.ome.tif",), ome_tiff.encode, ome_tiff.written, list[ome_tiff.Page]),
    "coco": Output((".coco.json",), coco.encode, coco.written, coco.Lines),
}


def file_names(sample: str, formats: Iterable[str]) -> list[str]:
    """What the files of a sample are called, its FCS the last."""
    chosen = set(formats)
    endings = [ending for name, output in OUTPUTS.items() if name in chosen for ending in output.endings]
    return [f"{sample}{ending}" for ending in (*endings, *([".fcs"] if "fcs" in chosen else []))]


def refuse_missing(formats: Iterable[str]) -> None:
    """Raises:
    UsageError: a package that a format needs is not installed; says how to install it.
    """
    for name in formats:
        package = OUTPUTS[name].package if name in OUTPUTS else ""
        if package and importlib.util.find_spec(package) is None:
            raise UsageError(
                f"The format {name} can't be written",
                f"{package} is not installed.",
                f"Install it: pip install 'tui-cytpix[{name}]'.",
            )
