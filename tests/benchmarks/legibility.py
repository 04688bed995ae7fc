"""Can counts be read off the gallery? Screens of thumbnails for a reader, and the truth kept apart.

    python -m tests.benchmarks legibility OUT [--graphics halfblock] [--size 80x24] [--seed 0]
    python -m tests.benchmarks legibility OUT --read "1 2 1 3 ..."

The first writes OUT/screen-1.png, ...: 20 single cells, 12 doublets and 8 clumps of S. pombe in both of the sample
run's conditions, in random order, without overlay and without counts. Whoever reads them says how many cells each tile
shows, in order; the second compares that with the truth, which nobody looks at before. The bar is 36 of 40.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.benchmarks._pty import terminal_size
from tests.benchmarks._screen_png import picture
from tui_cytpix.domain.run_settings import SelectionSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.simulate.frames.events import SimulatedSample
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens.samples import SamplesScreen
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.user_settings import GRAPHICS, Settings

KINDS = ("pombe-edinburgh", "pombe-rich")
WANTED = {"single cells": 20, "doublets": 12, "clumps": 8}
BAR = 36
OTHERS = 100  # of a tube, at most
SETTLE_SECONDS = 1.5
TRUTH = "truth.txt"


class Tile(NamedTuple):
    """An image, of which tube, and how many cells it holds."""

    kind: str
    image: NDArray[np.uint16]
    count: int


def choose(seed: int) -> tuple[list[Tile], list[Tile]]:
    """Images whose cells are all in one clump, as many as wanted of each kind, in random order; and others of the same
    tubes, from which their static background is known.
    """
    found: dict[str, list[Tile]] = {name: [] for name in WANTED}
    others: list[Tile] = []
    streams = {kind: iter(SimulatedSample(kind, 1500, seed=seed + 1000)) for kind in KINDS}
    while any(len(found[name]) < number for name, number in WANTED.items()):
        for kind, stream in streams.items():
            event = next(stream)
            count = len(event.centroids)
            name = {0: "", 1: "single cells", 2: "doublets"}.get(count, "clumps")
            tile = Tile(kind, event.image, count)
            if name and len(found[name]) < WANTED[name] and _pieces(event.labels > 0) == 1:
                found[name].append(tile)
            elif sum(other.kind == kind for other in others) < OTHERS:
                others.append(tile)
    tiles = [tile for kind in found.values() for tile in kind]
    random.Random(seed).shuffle(tiles)
    return tiles, others


def _pieces(mask: NDArray[np.bool_]) -> int:
    import cv2

    return int(cv2.connectedComponents(mask.astype(np.uint8))[0]) - 1


def build_run(folder: Path, tiles: Sequence[Tile], others: Sequence[Tile]) -> Path:
    """A run at step 3 with these images selected, in this order, and no model's answer."""
    keys = tuple(ImageKey(kind, str(n)) for n, (kind, _, _) in enumerate(tiles, 1))
    named = [*zip(keys, tiles, strict=True), *((ImageKey(o.kind, f"other-{n}"), o) for n, o in enumerate(others))]
    for key, tile in named:
        file = folder / key.sample / f"{key.event}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(tile.image).save(file, compress_level=0)
    with Run.create(folder / "run") as run:
        samples = tuple(
            SampleRef(kind, str(folder / kind), 0, "", um_per_px=0.3, scale_source="given") for kind in KINDS
        )
        selection = SelectionSettings(preview=len(keys), random=keys)
        run.update(replace(run.settings, samples=samples, selection=selection, step="samples"))
    return folder / "run"


async def shoot(run: Path, out: Path, graphics: str, size: tuple[int, int]) -> int:
    """Writes a picture of each page of the gallery; how many."""
    app = CytpixApp([run], settings=Settings(), graphics=graphics)
    async with app.run_test(size=size) as pilot:
        while not isinstance(app.screen, SamplesScreen) or not app.screen.focused:
            await pilot.pause(0.1)
        await pilot.pause(SETTLE_SECONDS)
        await pilot.press("v")
        await pilot.press("O")
        gallery, pages = app.screen.gallery, 0
        while app.session is None or any(app.session.cache.get(item.key) is None for item in gallery.items[:2]):
            await pilot.pause(SETTLE_SECONDS)
        while True:
            await pilot.pause(SETTLE_SECONDS)
            pages += 1
            picture(app.screen).save(out / f"screen-{pages}.png")
            before = gallery.scroll_offset.y
            await pilot.press("pagedown")
            await pilot.pause(0.3)
            if gallery.scroll_offset.y == before:
                return pages


def score(out: Path, read: str) -> int:
    """Compares with the truth; 0 where the bar is held."""
    truth = [int(line) for line in (out / TRUTH).read_text("utf-8").split()]
    said = [int(word) for word in read.split()]
    if len(said) != len(truth):
        raise SystemExit(f"{len(truth)} counts are wanted, {len(said)} given.")
    wrong = [(n, t, s) for n, (t, s) in enumerate(zip(truth, said, strict=True), 1) if t != s]
    right = len(truth) - len(wrong)
    for place, true, read_ in wrong:
        print(f"tile {place}: {true}, read as {read_}")
    print(f"{right} of {len(truth)} right, bar {BAR} {'ok' if right >= BAR else 'MISSED'}")
    return int(right < BAR)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="legibility", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--graphics", choices=GRAPHICS, default="halfblock")
    parser.add_argument("--size", type=terminal_size, default="80x24")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--read", help="the counts as read, in order: compares them with the truth")
    given = parser.parse_args(arguments)
    if given.read is not None:
        return score(given.out, given.read)
    given.out.mkdir(parents=True, exist_ok=True)
    tiles, others = choose(given.seed)
    with tempfile.TemporaryDirectory() as aside:
        for name in ("DATA", "CONFIG", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(aside) / name.lower())
        run = build_run(Path(aside), tiles, others)
        pages = asyncio.run(shoot(run, given.out, given.graphics, given.size))
    (given.out / TRUTH).write_text("".join(f"{tile.count}\n" for tile in tiles), "utf-8")
    print(f"{pages} screens in {given.out}; the truth lies in {TRUTH} there: read first.")
    return 0
