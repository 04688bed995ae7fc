"""The crops whose reference is disputed: one label that holds two cells, or a rod with a waist. Lists and shows them.

    python -m tests.benchmarks disputed [--sets yeast rods] [--picture FILE.png]

Found in the reference alone (`_cells.DISPUTED`), so the list is the same whatever a model says. The picture shows each
crop as image | reference outlines.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from tests.benchmarks._cells import DISPUTED, load
from tests.benchmarks._montage import montage, with_truth


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="disputed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=list(DISPUTED), default=list(DISPUTED))
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args(arguments)
    tiles = []
    for data in given.sets:
        crops = load(data)
        named = DISPUTED[data](crops)
        print(f"{data}: {len(named)} of {len(crops)}: {' '.join(sorted(named))}")
        tiles += [with_truth(crop, f"{data}: {crop.name}, {crop.count}") for crop in crops if crop.name in named]
    if given.picture:
        cv2.imwrite(str(given.picture), montage(tiles, columns=4))
    return 0
