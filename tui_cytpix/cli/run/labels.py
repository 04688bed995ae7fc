"""`run label DIR SAMPLE`: what the run says of its samples."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from tui_cytpix.cli import options
from tui_cytpix.cli.output import table, tell
from tui_cytpix.domain.sample import LABELS
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run


def label(arguments: argparse.Namespace) -> int:
    """Reads only where nothing is to change, so that it works beside an open app."""
    labels = {name: value for name in LABELS if (value := getattr(arguments, name)) is not None}
    if labels or arguments.um_per_px is not None:
        with options.writing(Run.open(arguments.run)) as run:
            for name in arguments.samples:
                run_samples.sample(run, name)  # all are there, or none is changed
            for name in arguments.samples:
                run_samples.label(run, name, **labels)
                if arguments.um_per_px is not None:
                    run_samples.set_pixel_size(run, name, arguments.um_per_px or None)
            return _tell(run, arguments)
    with Run.open(arguments.run, writing=False) as run:
        return _tell(run, arguments)


def _tell(run: Run, arguments: argparse.Namespace) -> int:
    found = [run_samples.sample(run, name) for name in dict.fromkeys(arguments.samples)]
    rows = [
        (one.name, *(label or "-" for label in one.labels), f"{one.um_per_px:.4g}" if one.um_per_px else "unknown")
        for one in found
    ]
    tell(
        arguments.json,
        {"run": str(run.path), "samples": [asdict(one) for one in found]},
        *table(("sample", *LABELS, "um/px"), rows),
    )
    return 0
