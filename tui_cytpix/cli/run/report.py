"""`run report DIR`: a run's decisions as one HTML page."""

from __future__ import annotations

import argparse

from tui_cytpix.cli.output import note, tell
from tui_cytpix.workflow.report.sections import write_report
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.refuse_existing import refuse_existing
from tui_cytpix.workflow.run.run import Run


def report(arguments: argparse.Namespace) -> int:
    """Writes the page; reads the run only, so that it works beside an open app."""
    if arguments.out is not None:
        refuse_existing(arguments.out)
    with Run.open(arguments.run, writing=False) as run:
        problems = list(map(str, run_samples.changed(run).values()))
        out = write_report(run, arguments.out or run.path / "report.html")
    note(*problems)
    tell(arguments.json, {"run": str(run.path), "report": str(out), "problems": problems}, f"Written: {out}")
    return 0
