"""`simulate KIND --out PATH --images N`: synthetic samples with their truth."""

from __future__ import annotations

import argparse

from tui_cytpix.cli.output import tell
from tui_cytpix.simulate import write


def simulate(arguments: argparse.Namespace) -> int:
    made = write(arguments.kind, arguments.out, arguments.images, arguments.layout, arguments.seed)
    tell(
        arguments.json,
        made,
        f"{made['path']}: {made['images']} images of {made['events']} events, {made['um_per_px']:g} um/px",
        f"truth: {made['truth']}",
    )
    return 0
