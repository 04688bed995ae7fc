"""`demo [NAME]`: a sample run to try things on."""

from __future__ import annotations

import argparse
from pathlib import Path

from tui_cytpix.cli import options
from tui_cytpix.cli.output import say
from tui_cytpix.errors import UsageError


def parser(prog: str) -> argparse.ArgumentParser:
    """The verb's command line."""
    parser = options.Parser(
        prog=prog, description="Copies a sample run to ./NAME, or --dir, and opens it; a copy that is there is kept."
    )
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="default: the first sample run")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where to; default: ./NAME")
    options.add_graphics(parser)
    parser.add_argument("--no-open", action="store_true", help="copy only")
    parser.set_defaults(handler=demo)
    return parser


def demo(arguments: argparse.Namespace) -> int | Path:
    """Copies; returns the run's path where the app is to open it."""
    from tui_cytpix.workflow.run.recent import copy_sample_run, sample_runs

    names = [run.path.name for run in sample_runs()]
    if not names:
        raise UsageError("There is no sample run", "This installation came without any.", "Install it again.")
    name = arguments.name or names[0]
    path = copy_sample_run(name, Path(name) if arguments.dir is None else arguments.dir)
    if arguments.no_open:
        say(path)
        return 0
    return path
