"""`bundle [RUN]`: what to send with a bug report, in one zip; first what is in it."""

from __future__ import annotations

import argparse

from tui_cytpix.cli.output import note, tell
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.report import bug_report
from tui_cytpix.workflow.run.refuse_existing import refuse_existing


def bundle(arguments: argparse.Namespace) -> int:
    if arguments.run is not None and not (arguments.run / "run.toml").exists():
        raise UsageError("This is no run", f"{arguments.run} has no run.toml.", "Give a run's folder, or none.")
    if arguments.out is not None:
        refuse_existing(arguments.out)
    parts = bug_report.parts_of(arguments.run, {}, names=arguments.names)
    lines = bug_report.in_words(parts, names=arguments.names)
    result = {"parts": {part.name: len(part.content) for part in parts}, "names": arguments.names}
    if arguments.out is None:
        tell(arguments.json, {**result, "out": None}, *lines)
        note("Nothing is written yet: --out FILE.zip writes it.")
        return 0
    note(*lines)
    bug_report.write(parts, arguments.out, names=arguments.names)
    tell(arguments.json, {**result, "out": str(arguments.out)}, arguments.out)
    return 0
