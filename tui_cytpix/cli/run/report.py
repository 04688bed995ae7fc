"""`run report DIR`: a run's decisions as one HTML page."""

from __future__ import annotations

import argparse

from tui_cytpix.cli.output import say, say_json


def report(arguments: argparse.Namespace) -> int:
    """Writes the page; reads the run only, so that it works beside an open app."""
    from tui_cytpix.workflow.report.report import write_report
    from tui_cytpix.workflow.run.outputs import refuse_existing
    from tui_cytpix.workflow.run.run import Run

    if arguments.out is not None:
        refuse_existing(arguments.out)
    run = Run.open(arguments.run, writing=False)
    try:
        out = write_report(run, arguments.out or run.path / "report.html")
    finally:
        run.close()
    if arguments.json:
        say_json({"run": str(run.path), "report": str(out)})
    else:
        say(f"Written: {out}")
    return 0
