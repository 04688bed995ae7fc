"""`demo [NAME]`: a sample run to try things on."""

from __future__ import annotations

import argparse
from pathlib import Path

from tui_cytpix.cli.output import on_terminal, say
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.run.recent_runs import copy_sample_run, sample_runs


def demo(arguments: argparse.Namespace) -> int | Path:
    """Copies; returns the run's path where the app is to open it, with its tour, and can: on a terminal."""
    names = [run.path.name for run in sample_runs()]
    if not names:
        raise UsageError("There is no sample run", "This installation came without any.", "Install it again.")
    name = arguments.name or names[0]
    path = copy_sample_run(name, Path(name) if arguments.dir is None else arguments.dir)
    if arguments.no_open or not on_terminal():
        say(path)
        return 0
    return path
