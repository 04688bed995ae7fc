"""`simulate KIND --out PATH --images N`: synthetic samples with their truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from tui_cytpix.cli import options
from tui_cytpix.cli.output import say, say_json


def parser(prog: str) -> argparse.ArgumentParser:
    """The verb's command line."""
    from tui_cytpix.simulate import LAYOUTS

    parser = options.Parser(
        prog=prog,
        description="Makes a synthetic sample with its FCS; the true label images lie in PATH.truth. "
        "The same arguments give the same files.",
    )
    parser.add_argument("kind", metavar="KIND", help="e.g. pombe-edinburgh; an unknown one lists all")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="the archive or folder to make")
    parser.add_argument("--images", type=options.positive, required=True, metavar="N", help="imaged events")
    parser.add_argument("--layout", choices=LAYOUTS, default="acs", help="default: acs; an export is zipped to a .zip")
    parser.add_argument("--seed", type=options.not_negative, default=0, metavar="N", help="default: 0")
    options.add_json(parser)
    parser.set_defaults(handler=simulate)
    return parser


def simulate(arguments: argparse.Namespace) -> int:
    """Writes the sample."""
    from tui_cytpix.simulate import write

    made = write(arguments.kind, arguments.out, arguments.images, arguments.layout, arguments.seed)
    if arguments.json:
        say_json(made)
    else:
        say(
            f"{made['path']}: {made['images']} images of {made['events']} events, {made['um_per_px']:g} um/px",
            f"truth: {made['truth']}",
        )
    return 0
