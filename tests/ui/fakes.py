"""A run on disk without instrument files or an engine: simulated images, predictions as a model writes them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard, ModelEntry
from tui_cytpix.domain.run_settings import SelectionSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.model.file import write_model
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.simulate.frames.events import SimulatedEvent, SimulatedSample
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.run import Run

SAMPLE = "tube"


@cache
def events(images: int) -> list[SimulatedEvent]:
    """The same few events for every test."""
    return list(SimulatedSample("pombe-edinburgh", images, seed=7))


def fake_model(path: Path, name: str = "fake") -> ModelEntry:
    """A model file with a card and one weight."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_model(
        path,
        {"weight": np.zeros(1, np.float32)},
        ModelCard(name, "full", "UDT", network={"architecture": ARCHITECTURE}),
    )
    return library.entry(path)


def keys(images: int) -> list[ImageKey]:
    """Sparse event ids, as instruments give them."""
    return [ImageKey(SAMPLE, str(1000 + 37 * number)) for number in range(images)]


def segmentation_of(event: SimulatedEvent) -> Segmentation:
    """The truth as a model's answer."""
    return Segmentation(event.labels > 0, event.centroids, 0.9)


def build_run(path: Path, images: int = 12, step: str = "train", predicted: bool = True) -> tuple[Path, ModelEntry]:
    """A run at step 4: images selected and copied, a base model, and (with `predicted`) its answers."""
    model = fake_model(path.parent / "models" / "fake.safetensors")
    with Run.create(path) as run:
        sample = SampleRef(SAMPLE, str(path.parent / "gone.acs"), 0, "", um_per_px=0.3, scale_source="given")
        selection = SelectionSettings(preview=images, random=tuple(keys(images)))
        run.update(replace(run.settings, samples=(sample,), selection=selection, step=step))
        library.choose(run, model)
        found = []
        for key, event in zip(keys(images), events(images), strict=True):
            copy = run.folder.preview_image(key)
            copy.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(event.image).save(copy, compress_level=0)
            found.append(Prediction(key, segmentation_of(event)))
        if predicted:
            write_shard(run.folder.predictions(model.hash), "0", found)
    return path, model


def image_folder(path: Path) -> Path:
    """A sample of three images."""
    path.mkdir()
    for number in range(3):
        Image.linear_gradient("L").resize((32, 32 + number)).save(path / f"{number}.png")
    return path
