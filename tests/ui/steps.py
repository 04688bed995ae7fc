"""A run on a folder of images, a library of two models and a fake engine, for the tests of the step screens."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from driving import until
from fake_engine import FakeEngine, install
from fakes import events, segmentation_of
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Input

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.model.file import read_card, read_tensors, write_model
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.ui import session
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.widgets.panels.ask_panel import AskPanel
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.resources import user_models
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.user_settings import Settings

IMAGES = 36
SAMPLE = "pombe"
MODELS = ("cell-full", "cell-half")


@cache
def truth() -> dict[str, Segmentation]:
    """By event id."""
    return {str(101 + 7 * n): segmentation_of(event) for n, event in enumerate(events(IMAGES))}


@cache
def files() -> dict[str, bytes]:
    """The images as PNG, by event id."""
    found = {}
    for name, event in zip(truth(), events(IMAGES), strict=True):
        buffer = io.BytesIO()
        Image.fromarray(event.image).save(buffer, "PNG", compress_level=1)
        found[name] = buffer.getvalue()
    return found


def answer(model: str, key: ImageKey) -> Segmentation:
    """The truth; `cell-full` counts every singlet of an even event as a doublet."""
    said = truth()[key.event]
    if model == "cell-full" and said.particle_count == 1 and int(key.event) % 2 == 0:
        one = said.centroids[0]
        return Segmentation(said.mask, np.stack([one - 3, one + 3]).astype(np.float32), 0.6)
    return said


@dataclass
class Stage:
    """What a test plays on."""

    run: Path
    engine: FakeEngine

    def app(self) -> CytpixApp:
        """Opens the run where it was left."""
        return CytpixApp([self.run], settings=Settings())


def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch_seconds: float = 0.005) -> Stage:
    """A run with one sample and no decision."""
    folder = tmp_path / SAMPLE
    folder.mkdir()
    for name, content in files().items():
        (folder / f"{name}.png").write_bytes(content)
    monkeypatch.setattr(library, "built_in_models", lambda: tmp_path / "no built-in models")
    for number, name in enumerate(MODELS):
        card = ModelCard(
            name,
            name.removeprefix("cell-"),
            "built-in",
            description=f"About {name}.",
            network={"architecture": ARCHITECTURE},
        )
        user_models().mkdir(parents=True, exist_ok=True)
        write_model(user_models() / f"{name}.safetensors", {"weight": np.full(1, number, np.float32)}, card)
    with Run.create(tmp_path / "run", "story") as run:
        run_samples.add_sample(run, folder)
    monkeypatch.setattr(session, "POLL_SECONDS", 0.03)
    monkeypatch.setattr(session, "TRAINING_SECONDS", 0.1)
    return Stage(tmp_path / "run", install(monkeypatch, answer, epoch_seconds))


@asynccontextmanager
async def opened(
    stage: Stage, name: str, *ready: str, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[CytpixApp, Pilot, object]]:
    """The app, its pilot and the screen of that class, on which what `ready` names is there."""
    app = stage.app()
    async with app.run_test(size=size) as pilot:
        screen = await on_screen(pilot, name)
        await until(pilot, lambda: all(attrgetter(name)(screen) for name in ready), f"{name}: {ready}")
        yield app, pilot, screen


def state_goal(stage: Stage) -> None:
    """As after step 1's first question."""
    with Run.open(stage.run) as run:
        review.state_goal(run, "gating", "one until it parts")


def choose_base(stage: Stage, step: str) -> None:
    """As after step 2."""
    with Run.open(stage.run) as run:
        library.choose(run, library.find("cell-full"))
        run.go_to(step)


def select(stage: Stage, annotated: int = 0) -> None:
    """As after step 3, with that many images accepted; the base has answered."""
    choose_base(stage, "train")
    with Run.open(stage.run) as run:
        keys = [ImageKey(SAMPLE, event) for event in truth()]
        chosen = replace(run.settings.selection, preview=50, random=tuple(keys[:14]), variable=tuple(keys[14:20]))
        run.update(replace(run.settings, selection=chosen))
        base = library.base_of(run)
        shard = [Prediction(key, answer("cell-full", key)) for key in keys[:20]]
        write_shard(run.folder.predictions(base.hash), "0", shard)
        for key in keys[:annotated]:
            run.record_edit(key, "propose", answer("cell-full", key), origin=base.hash)
            run.record_edit(key, "accept")


def finished(stage: Stage) -> None:
    """As after step 4: a model of the run, which answers like `cell-half`."""
    select(stage, annotated=10)
    with Run.open(stage.run) as run:
        half = Path(library.find("cell-half").path)
        write_model(run.folder.model_path, read_tensors(half), replace(read_card(half), name="pombe-1"))
        run.go_to("evaluate")


def accepted(run: Run) -> int:
    """Images that train or validate."""
    return sum(run.annotations.state(ImageKey(SAMPLE, e)).status is Status.ACCEPTED for e in truth())


async def on_screen(pilot: Pilot, name: str) -> object:
    """Waits for a screen by its class name."""
    await until(pilot, lambda: type(pilot.app.screen).__name__ == name and pilot.app.screen.focused, name)
    return pilot.app.screen


async def reply(pilot: Pilot, text: str | None = None) -> None:
    """Answers the open question; None takes what is offered."""
    await until(pilot, lambda: pilot.app.screen.query_one(AskPanel).open, "a question")
    if text is not None:
        pilot.app.screen.query_one(AskPanel).query_one(Input).value = text
    await pilot.press("enter")
    await pilot.pause()


def words_of(app: CytpixApp, selector: str) -> str:
    """What a block of words says."""
    return str(app.screen.query_one(selector).words)
