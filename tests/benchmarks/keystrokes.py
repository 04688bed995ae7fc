"""Keys per image in the annotation editor, pressed by a scripted annotator that knows the truth.

    python -m tests.benchmarks keystrokes [--errors 100] [--seed 0] [--only KIND] [--list]

Every case is a proposal with one error; its sample has other images, with proposals that are right. The real app runs
without a terminal, and the keys are those of its command table. A case is solved when the accepted state has the true
count, a foreground IoU of at least 0.9 and every centroid within 2 px. Keys include the one that goes on to the next
image. "Digit alone": in how many cases of a wrong count the digit left nothing more to do.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from textual.pilot import Pilot

from tests.benchmarks._errors import KINDS, Case, cases, sample, truth_of
from tests.benchmarks._oracle import MOST_KEYS, Oracle, is_right, key
from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard
from tui_cytpix.domain.run_settings import SelectionSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.formats.model.file import write_model
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens.annotate import AnnotateScreen
from tui_cytpix.ui.screens.train import TrainScreen
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.user_settings import Settings

SIZE = (160, 50)
MOST_OTHERS = 40  # images of a sample that are no case
PATIENCE_S = 30.0
BARS = {  # most keys
    "accept": 1,
    "reject": 1,
    "singlet called doublet": 2,
    "doublet called singlet": 2,
    "centroid off by 10 px": 2,
    "masks 2 px loose": 3,
    "missing particle": 6,
    "debris annotated": 6,
}


@dataclass(frozen=True)
class Outcome:
    """What it took."""

    case: Case
    keys: str
    solved: bool
    digit_alone: bool | None

    @property
    def presses(self) -> int:
        return len(self.keys.split())


def _keys(found: Sequence[Case]) -> list[ImageKey]:
    """Every source is a sample of its own."""
    return [ImageKey(case.source.replace(":", "-"), f"{place:04}") for place, case in enumerate(found)]


def build_run(folder: Path, found: Sequence[Case], seed: int) -> Path:
    """A run whose images are the cases, and whose base model has proposed their errors; their samples hold other images
    too, for which it proposed the truth.
    """
    file = folder / "models" / "proposer.safetensors"
    file.parent.mkdir()
    write_model(
        file,
        {"weight": np.zeros(1, np.float32)},
        ModelCard("proposer", "full", "UDT", network={"architecture": ARCHITECTURE}),
    )
    model = library.entry(file)
    keys = tuple(_keys(found))
    images = {image: case.image for image, case in zip(keys, found, strict=True)}
    proposals = {image: case.proposal for image, case in zip(keys, found, strict=True)}
    for name, source in {image.sample: case.source for image, case in zip(keys, found, strict=True)}.items():
        shown = {case.image.tobytes() for case in found if case.source == source}
        for crop in [crop for crop in sample(source, seed) if crop.image.tobytes() not in shown][:MOST_OTHERS]:
            other = ImageKey(name, f"other-{Path(crop.name).stem}")
            images[other], proposals[other] = crop.image, truth_of(crop)
    for image, pixels in images.items():
        file = folder / image.sample / f"{image.event}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(file, compress_level=0)
    with Run.create(folder / "run") as run:
        names = dict.fromkeys(key.sample for key in keys)
        samples = tuple(SampleRef(n, str(folder / n), 0, "", um_per_px=0.3, scale_source="given") for n in names)
        selection = SelectionSettings(preview=len(keys), random=keys)
        run.update(replace(run.settings, samples=samples, selection=selection, step="train"))
        library.choose(run, model)
        write_shard(run.folder.predictions(model.hash), "0", [Prediction(k, found) for k, found in proposals.items()])
    return folder / "run"


async def annotate(path: Path, found: Sequence[Case], only: str | None = None) -> list[Outcome]:
    """Goes through the cases (of one kind) in the app."""
    app = CytpixApp([path], settings=Settings())
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, lambda: isinstance(app.screen, TrainScreen))
        chosen = {k: case for k, case in zip(_keys(found), found, strict=True) if only in (None, case.kind)}
        app.open_annotator(list(chosen))
        await _until(pilot, lambda: isinstance(app.screen, AnnotateScreen) and app.screen.editor.state is not None)
        screen = app.screen
        assert isinstance(screen, AnnotateScreen)
        await _until(pilot, lambda: screen.canvas.picture is not None)
        return [await _one(pilot, screen, case, image) for image, case in chosen.items()]


async def _one(pilot: Pilot[None], screen: AnnotateScreen, case: Case, image: ImageKey) -> Outcome:
    await _until(
        pilot,
        lambda: screen.images.key == image and screen.editor.state is not None and screen.editor.state.image == image,
    )
    oracle = Oracle(case.truth, usable=case.kind != "reject")
    pressed: list[str] = []
    digit_alone = None
    book = screen.session.run.annotations
    while book.state(image).status is Status.OPEN:
        if len(pressed) == MOST_KEYS:
            pressed.append(key("editor.skip"))
            await pilot.press(key("editor.skip"))
            break
        await _until(pilot, lambda: screen.cytpix.looked_at(time.monotonic()))
        pressed.append(oracle.next_key(screen))
        await pilot.press(pressed[-1])
        await _until(pilot, lambda: not screen.cytpix.keys_at_work)
        if pressed[-1].isdigit() and digit_alone is None and "called" in case.kind:
            assert screen.editor.state is not None
            assert screen.editor.state.segmentation is not None
            digit_alone = is_right(screen.editor.state.segmentation, case.truth)
    state = book.state(image)
    rejected = state.status is Status.REJECTED and case.kind == "reject"
    accepted = state.status is Status.ACCEPTED and state.segmentation is not None
    solved = rejected or (accepted and is_right(state.segmentation, case.truth))  # type: ignore[arg-type]
    return Outcome(case, " ".join(pressed), solved, digit_alone)


async def _until(pilot: Pilot[None], reached: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > give_up:
            raise SystemExit("The app never came so far.")
        await pilot.pause(0.01)


def table(outcomes: Sequence[Outcome]) -> str:
    """One line for each kind of error."""
    lines = [f"{'error':24} {'n':>4} {'solved':>7} {'median':>7} {'mean':>6} {'most':>5} {'bar':>4} {'within':>7}"]
    for kind in KINDS:
        some = [o for o in outcomes if o.case.kind == kind]
        if some:
            lines.append(_line(kind, some, BARS[kind]))
    lines.append(_line("all", outcomes, None))
    digits = [o.digit_alone for o in outcomes if o.digit_alone is not None]
    lines.append(f"the digit alone got it right: {sum(digits)} of {len(digits)}")
    return "\n".join(lines)


def _line(name: str, some: Sequence[Outcome], bar: int | None) -> str:
    presses = np.array([o.presses for o in some])
    solved = sum(o.solved for o in some)
    line = f"{name:24} {len(some):4} {solved:7} {np.median(presses):7.1f} {presses.mean():6.2f} {presses.max():5}"
    if bar is None:
        return line
    within = sum(o.solved and o.presses <= bar for o in some)
    return f"{line} {bar:4} {within:3}/{len(some)}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="keystrokes", description=__doc__)
    parser.add_argument("--errors", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", choices=list(KINDS), help="correct those of this kind alone; the others are in the run"
    )
    parser.add_argument("--list", action="store_true", help="the keys of every case")
    given = parser.parse_args(arguments)
    found = cases(given.errors, given.seed)
    with tempfile.TemporaryDirectory() as name:
        for kind in ("DATA", "CONFIG", "STATE", "CACHE"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(name) / "xdg" / kind.lower())
        outcomes = asyncio.run(annotate(build_run(Path(name), found, given.seed), found, given.only))
    if given.list:
        for outcome in outcomes:
            mark = " " if outcome.solved else "!"
            print(f"{mark} {outcome.case.kind:24} {outcome.case.source:22} {outcome.keys}")
    print(table(outcomes))
    return 0
