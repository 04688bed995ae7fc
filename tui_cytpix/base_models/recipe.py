"""How the built-in models are made: `python -m tui_cytpix.base_models.recipe cell-full --out FOLDER`.

Everything is drawn from seeds: simulated leukocyte-like events (rounds and their clumps, no rods, no budding cells),
which the network sees at half to twice their size. About fifteen minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import tui_cytpix
from tui_cytpix.core.background import image_background, static_background
from tui_cytpix.core.matching import compare_images, summarise
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.augment import Augmentation
from tui_cytpix.engine.dataset import Example, example, particle_px
from tui_cytpix.engine.inference import Predictor
from tui_cytpix.engine.model import Model, load_model, save_model
from tui_cytpix.engine.network import NetworkSettings, build
from tui_cytpix.engine.trainer import FitSettings, Trainer
from tui_cytpix.simulate.events import SimulatedEvent, simulate_sample

SEED = 20260
TEST_SEED = 900_000  # tubes with seeds from here on are never trained on
TUBES, IMAGES_PER_TUBE = 260, 16
TEST_TUBES, TEST_IMAGES = 12, 25
TEST_KINDS = ("leukocytes", "murine-peritoneal", "drosophila", "pombe-rich")
SIZE_CUTOFF_UM = 5.0
VARIATIONS = Augmentation(
    scale=(0.5, 2.0),
    stretch=0.1,
    gain=(0.6, 1.6),
    noise=(0.0, 0.15),
    blur=(0.0, 1.0),
    field=(0.0, 0.12),
    invert=0.1,
    bend=0.5,
)


@dataclass(frozen=True)
class Recipe:
    """What differs between the built-in models."""

    name: str
    resolution: str
    kinds: tuple[str, ...]
    description: str
    network: NetworkSettings
    crop: int
    steps: int
    rate: float = 3e-3
    batch: int = 16


_CELLS = "Leukocyte-like rounds and their clumps. Rods and budding cells are strange to it: expect it to err on them."
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("cell-full", "full", ("leukocytes",), _CELLS, NetworkSettings((16, 32, 48, 64)), 96, 3600),
        Recipe("cell-half", "half", ("leukocytes",), _CELLS, NetworkSettings((16, 32, 48, 64)), 128, 4800),
    )
}


def events(kind: str, tubes: int, images: int, seed: int) -> Iterator[tuple[SimulatedEvent, NDArray[np.float32]]]:
    """Events with their tube's static background, as it would be found from these images; float32, gray units."""
    for tube in range(tubes):
        sample = list(simulate_sample(kind, images, seed + tube))
        background = static_background(np.stack([event.image for event in sample]))
        yield from ((event, background) for event in sample)


def training_examples(recipe: Recipe) -> list[Example]:
    """Half of the images with the tube's background, half with a guess from the image alone."""
    found = []
    for kind in recipe.kinds:
        for i, (event, background) in enumerate(events(kind, TUBES // len(recipe.kinds), IMAGES_PER_TUBE, SEED)):
            own = background if i % 2 else image_background(event.image)
            found.append(example(event.image, own, Segmentation(event.labels > 0, event.centroids)))
    return found


def train(recipe: Recipe) -> Model:
    """Trains from a seeded start."""
    examples = training_examples(recipe)
    card = ModelCard(
        name=recipe.name,
        resolution=recipe.resolution,
        kind="built-in",
        description=f"{_in_words(recipe)} Trained on simulated events only.",
        counting_convention="Each cell of a clump counts. Debris, platelets and ghosts do not.",
        size_cutoff_um=SIZE_CUTOFF_UM,
        um_per_px=0.3,
        object_px=particle_px(examples),
        network=recipe.network.to_card(),
        post={},
        training={
            "recipe": "tui_cytpix.base_models.recipe",
            "kinds": list(recipe.kinds),
            "simulated": True,
            "tubes": TUBES,
            "images": len(examples),
            "seed": SEED,
            "steps": recipe.steps,
            "views_per_step": recipe.batch,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"tui-cytpix {tui_cytpix.__version__}",
    )
    settings = FitSettings(
        rate=recipe.rate,
        warm_up=100,
        batch=recipe.batch,
        views_per_epoch=1,
        average=0.995,
        crop=recipe.crop,
        total_steps=recipe.steps,
        fast=False,
        augmentation=VARIATIONS,
    )
    trainer = Trainer(Model(card, build(recipe.network, SEED).eval()), settings, SEED)
    while trainer.steps < recipe.steps:
        loss = trainer.train_epoch(examples)
        _say(f"step {trainer.steps} of {recipe.steps}, loss {loss:.3f}")
    return trainer.model()


def _in_words(recipe: Recipe) -> str:
    seen = "half its resolution, which is faster" if recipe.resolution == "half" else "its full resolution"
    return f"{recipe.description} Sees the image at {seen}."


def measure(model: Model) -> dict[str, Any]:
    """Accuracy on tubes that were not trained on, by kind of sample: PRODUCT section 6 at the model's size cutoff."""
    predictor = Predictor(model)
    measured: dict[str, Any] = {}
    for kind in TEST_KINDS:
        comparisons = []
        for event, background in events(kind, TEST_TUBES, TEST_IMAGES, TEST_SEED):
            found, _ = predictor.predict([(event.image, background)], 0.3)[0]
            cutoff = model.card.size_cutoff_um / 0.3
            comparisons.append(compare_images(event.labels, found.mask, found.centroids, cutoff))
        summary = summarise(comparisons)
        measured[f"simulated {kind}"] = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in summary.items()
            if not name.endswith("_ci")
        }
        _say(f"{kind}: {measured[f'simulated {kind}']}")
    return measured


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def main() -> None:
    """Trains one built-in model, measures it, writes it."""
    parser = argparse.ArgumentParser(description="Make a built-in model.")
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--measure-only", action="store_true", help="measure the model that is there, for its card")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    path = given.out / f"{given.name}.safetensors"
    if not given.measure_only:
        model = train(RECIPES[given.name])
        save_model(path, model.net, model.card)
    model = load_model(path)
    save_model(path, model.net, replace(model.card, measured=measure(model)))


if __name__ == "__main__":
    main()
