"""What a key costs in the reviews of steps 1 and 5 and in the plots, on 3 samples x 200 images, beside a bare app's.

    python -m tests.benchmarks review_keys [--size 120x36] [--keys 24]

Typed through a pseudo-terminal. ms is wall-clock from the key to the last byte of what it shows (the header's `saved`,
which waits for the disk, comes after it), cpu the app's processor time for all of it and for the garbage that is looked
for afterwards; medians and the largest of the keys of a row, and the median's ratio to a bare app's key, which changes
one block of text. Keys are counted once the samples' backgrounds are known, which the first pictures wait for.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.benchmarks._pty import Cost, Program, terminal_size
from tests.benchmarks.terminal_bytes import ROOT, app, variables

SAMPLES, IMAGES, DISTINCT = 3, 200, 40  # few distinct images: the app can't know
DIFFERING = 4  # every n-th image is counted otherwise by the base
BAR_MS = 30.0
QUIET = 0.25  # longer than a key that decides waits for its image to be looked at
LOADED = 3.0  # seconds without a byte, after some keys: all that is read once is read
BARE = "from textual.app import App\nfrom textual.widgets import Static\n\n\
class Bare(App):\n    def compose(self):\n        yield Static('ready')\n\n\
    def on_key(self, event):\n        self.query_one(Static).update((event.key * 80 + '\\n') * 8)\n\nBare().run()"


def _which(sample: int, image: int) -> int:
    return (SAMPLES * image + sample) % DISTINCT


def make_run(path: Path) -> None:
    """A run in step 5 with a finished model and its base, both of which have answered on all images."""
    sys.path.insert(0, str(ROOT / "tests" / "ui"))
    from fakes import events, fake_model, segmentation_of
    from PIL import Image

    from tui_cytpix.domain.sample import ImageKey, SampleRef
    from tui_cytpix.domain.segmentation import Segmentation
    from tui_cytpix.formats.model.file import read_card, read_tensors, write_model
    from tui_cytpix.formats.run.predictions import Prediction, write_shard
    from tui_cytpix.workflow.assess import review
    from tui_cytpix.workflow.base_model import library
    from tui_cytpix.workflow.evaluate import trial
    from tui_cytpix.workflow.run.run import Run

    base = fake_model(path.parent / "models" / "base.safetensors", "base")
    simulated = events(DISTINCT)
    samples = []
    for number in range(SAMPLES):
        folder = path.parent / f"sample-{number}"
        folder.mkdir(parents=True)
        for image in range(IMAGES):
            Image.fromarray(simulated[_which(number, image)].image).save(folder / f"{image}.png", compress_level=0)
        samples.append(SampleRef(folder.name, str(folder), 0, "", um_per_px=0.3, scale_source="given"))
    with Run.create(path) as run:
        card = replace(read_card(Path(base.path)), name="new")
        write_model(run.folder.model_path, {k: v + 1 for k, v in read_tensors(Path(base.path)).items()}, card)
        new = trial.new_model(run)
        run.update(replace(run.settings, samples=tuple(samples), step="evaluate"))
        library.choose(run, base)
        review.state_goal(run, "gating", "one until it parts")
        review.choose_model(run, base)
        drawn = tuple(ImageKey(s.name, str(image)) for image in range(IMAGES) for s in samples)
        half = len(drawn) // 2
        run.update(
            replace(
                run.settings,
                assess=replace(run.settings.assess, sequence=drawn, images=half),
                evaluate=replace(run.settings.evaluate, sequence=drawn, images=len(drawn)),
            )
        )
        said: dict[str, list[Prediction]] = {new.hash: [], base.hash: []}
        for key in drawn:
            truth = segmentation_of(simulated[_which(int(key.sample[-1]), int(key.event))])
            other = truth
            if int(key.event) % DIFFERING == 0:
                more = np.concatenate([truth.centroids, truth.centroids[:1] + 2]).astype(np.float32)
                other = Segmentation(truth.mask, more, 0.6)
            said[new.hash].append(Prediction(key, truth))
            said[base.hash].append(Prediction(key, other))
        for hash_, answers in said.items():
            write_shard(run.folder.predictions(hash_), "0", answers)


def typed(program: Program, keys: Iterable[bytes]) -> list[Cost]:
    """Each key, and what it cost."""
    return [program.press(key, QUIET) for key in keys]


def _opened(program: Program, *keys: bytes) -> None:
    """Once the run is there: to a pane, where all that is read once is read."""
    program.wait(rb"differ on")
    program.settle()
    for key in keys:
        program.press(key)
    program.settle(quiet=LOADED)


def in_pairs(program: Program, number: int) -> dict[str, list[Cost]]:
    """Step 5, new against base: judged, moved through, taken back."""
    _opened(program, b"r", b"n", b"n", b"n")
    return {
        "pairs: left or right better": typed(program, (b"12"[n % 2 : n % 2 + 1] for n in range(number))),
        "pairs: next": typed(program, [b"n"] * (number // 2)),
        "pairs: overlay": typed(program, [b"o"] * 6),
        "pairs: undo": typed(program, [b"u"] * (number // 2)),
    }


def in_review(program: Program, number: int) -> dict[str, list[Cost]]:
    """Step 1's review; last, as the run is left there."""
    _opened(program, *b", , , , v".split(), *[b"\x1b[6~"] * SAMPLES)
    return {
        "review: acceptable, count": typed(program, (b"ac"[n % 2 : n % 2 + 1] for n in range(number))),
        "review: next": typed(program, [b"\x1b[6~"] * (number // 2)),
        "review: undo": typed(program, [b"u"] * (number // 2)),
    }


def in_plots(program: Program, number: int) -> dict[str, list[Cost]]:
    """Explore, on what the model measured."""
    _opened(program, b"E")
    return {
        "plot: crosshair": typed(program, (b"ljhk"[n % 4 : n % 4 + 1] for n in range(number))),
        "plot: nearest image": typed(program, [b"L", b"i", b"J", b"i", b"H", b"i"] * 2),
        "plot: zoom": typed(program, [b"z", b"Z"] * 4),
        "plot: sample": typed(program, [b"\x1b[6~"] * 6),
    }


def in_panes(program: Program, number: int) -> dict[str, list[Cost]]:
    """Step 5's pictures: one enlarged and back, moved through, help opened and closed."""
    _opened(program)
    into, out = zip(*[typed(program, [b"\r", b"q"]) for _ in range(number // 4)], strict=True)
    return {
        "gallery: enlarge": list(into),
        "enlarged: back": list(out),
        "gallery: cursor": typed(program, [b"l", b"h"] * (number // 4)),
        "gallery: page": typed(program, [b"\x1b[6~"] * 3 + [b"\x1b[5~"] * 3),
        "gallery: help, and away": typed(program, [b"?"] * 6),
    }


def report(name: str, costs: list[Cost], bare: float) -> None:
    wall, cpu = [c.shown_ms for c in costs], [c.cpu_ms for c in costs]
    middle = statistics.median(cpu)
    print(
        f"| {name} | {statistics.median(wall):.0f} ({max(wall):.0f}) | {middle:.0f} ({max(cpu):.0f}) | "
        f"{middle / bare:.1f} | {statistics.median(c.bytes for c in costs):.0f} | "
        f"{'ok' if middle <= BAR_MS else 'MISSED'} |",
        flush=True,
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="review_keys", description=__doc__)
    parser.add_argument("--size", type=terminal_size, default="120x36")
    parser.add_argument("--keys", type=int, default=24)
    given = parser.parse_args(arguments)
    size = given.size
    print(f"| key | ms, median (most) | cpu ms | of a bare key | bytes | cpu <= {BAR_MS:.0f} ms |\n|" + " --- |" * 6)
    with tempfile.TemporaryDirectory() as aside:
        home, run = Path(aside) / "home", Path(aside) / "run"
        make_run(run)
        plain = Program([sys.executable, "-c", BARE], variables(home), size=size)
        try:
            plain.wait(rb"ready")
            plain.settle()
            found = typed(plain, (b"abc"[n % 3 : n % 3 + 1] for n in range(given.keys)))
        finally:
            plain.close()
        bare = statistics.median(c.cpu_ms for c in found)
        report("bare Textual app", found, bare)
        for play in (in_panes, in_pairs, in_plots, in_review):
            program = app(run, home, size, "")
            try:
                for name, costs in play(program, given.keys).items():
                    report(name, costs, bare)
            finally:
                program.close()
    return 0
