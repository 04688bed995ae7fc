"""Synthetic brightfield events with exact truth, laid out as an instrument would: see `write`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LAYOUTS = ("acs", "export", "folder")


def write(kind: str, out: Path, images: int, layout: str = "acs", seed: int = 0) -> dict[str, Any]:
    """Writes a simulated sample, its FCS and its truth; the same files for the same arguments.

    Args:
        kind: a name of `kinds.catalogue.KINDS`.
        out: the archive or folder to make. An export is a zip where the name ends in `.zip`, else a folder.
        images: number of imaged events; the tube holds more.
        layout: one of `LAYOUTS`.
        seed: at least 0.

    Returns:
        `kind`, `layout`, `seed`, `images`, `events`, `um_per_px`, `convention`, and as text the paths `path`, `fcs`
        (inside `path` for an acs) and `truth`.

    Raises:
        UsageError: no such kind or layout, not one image, or something is there already.
    """
    from tui_cytpix.errors import UsageError
    from tui_cytpix.simulate.files import layout as layouts
    from tui_cytpix.simulate.frames.events import SimulatedSample

    out = Path(out)
    if layout not in LAYOUTS:
        raise UsageError("No such layout", f"{layout!r} is not known.", f"Choose one of: {', '.join(LAYOUTS)}.")
    if images < 1 or seed < 0:
        raise UsageError("Nothing can be simulated", f"{images} images, seed {seed}.", "Ask for one image or more.")
    sample = SimulatedSample(kind, images, seed)
    beside = out.with_suffix(".fcs") if out.suffix == ".zip" else out.with_name(f"{out.name}.fcs")
    truth = layouts.truth_folder(out)
    for path in (out, truth) if layout == "acs" else (out, truth, beside):
        if path.exists():
            raise UsageError(
                "There is something already", f"{path} exists.", "Choose another path, or remove it first."
            )
    out.parent.mkdir(parents=True, exist_ok=True)
    if layout == "acs":
        table = layouts.write_acs(out, sample)
    elif layout == "export" and out.suffix == ".zip":
        table = layouts.write_export_zip(out, sample)
    else:
        table = layouts.write_folder(out, sample, export=layout == "export")
    return {
        "kind": kind,
        "layout": layout,
        "seed": seed,
        "images": images,
        "events": len(table),
        "um_per_px": sample.kind.um_per_px,
        "convention": sample.kind.convention,
        "path": str(out),
        "fcs": f"{out.stem}.fcs in {out.name}" if layout == "acs" else str(beside),
        "truth": str(truth),
    }
