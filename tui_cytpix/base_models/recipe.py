"""How the built-in models are made: `python -m tui_cytpix.base_models.recipe NAME --out FOLDER`.

Everything is drawn from seeds: simulated events only, of the kinds that each model is for, which the network sees at
half to twice their size. No real image is used. Up to half an hour on one core each, and up to 9 GB of memory.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import tui_cytpix
from tui_cytpix.base_models.calibration import platt
from tui_cytpix.core.statistics.agreement import ImageComparison, compare_images
from tui_cytpix.core.statistics.model_scores import summarise
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import Model, load_model, save_model
from tui_cytpix.engine.network.network import NetworkSettings, build
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.train.augment import Augmentation
from tui_cytpix.engine.train.dataset import Example, particle_px
from tui_cytpix.engine.train.rehearsal import events, simulated_examples
from tui_cytpix.engine.train.trainer import FitSettings, Trainer

SEED = 20260
CALIBRATION_SEED, TEST_SEED = 800_000, 900_000  # tubes with seeds from here on are never trained on
IMAGES_PER_TUBE = 10
CALIBRATION_TUBES, TEST_TUBES, TEST_IMAGES = 6, 12, 25
SIZE_CUTOFF_UM = 5.0
UM_PER_PX = 0.3
RATE, BATCH = 3e-3, 16
VARIATIONS = Augmentation(
    stretch=0.1,
    gain=(0.6, 1.6),
    noise=(0.0, 0.15),
    blur=(0.0, 1.0),
    field=(0.0, 0.12),
    invert=0.1,
    bend=0.5,
)
# At half resolution a network without the coarsest level sees as far, in um, and takes two thirds of the time.
NETWORKS = {"full": NetworkSettings((16, 32, 48, 64)), "half": NetworkSettings((16, 32, 48))}


@dataclass(frozen=True)
class Family:
    """What a full- and a half-resolution model have in common.

    Attributes:
        tubes: of each simulated kind that it is trained on.
        scale: how many times as large as they are the network sees the images in training.
        post: what of `engine.network.postprocess.PostSettings` differs; chosen, as its defaults, on the calibration's
            tubes.
        tested_on: simulated kinds that its card has figures for.
    """

    name: str
    tubes: dict[str, int]
    scale: tuple[float, float]
    post: dict[str, float]
    tested_on: tuple[str, ...]
    description: str
    counting_convention: str


@dataclass(frozen=True)
class Recipe:
    family: Family
    resolution: str
    crop: int
    steps: int

    @property
    def name(self) -> str:
        return f"{self.family.name}-{self.resolution}"


_CELL = Family(
    name="cell",
    tubes={"leukocytes": 180, "cells-in-debris": 260, "tight-cells": 60},
    scale=(0.8, 1.25),  # debris differs from a small cell by its size above all
    post={"least_object": 0.97, "least_share": 0.25},
    tested_on=("leukocytes", "murine-peritoneal", "drosophila", "pombe-rich"),
    description="Leukocyte-like rounds and their clumps. Bad at rods, septated and budding cells, which it counts as "
    "two, and at beads far out of focus.",
    counting_convention="Each cell of a clump counts. Debris, platelets and ghosts do not.",
)
_BEAD = Family(
    name="bead",
    tubes={"bead-mixture": 250, "beads": 150},
    scale=(0.8, 2.0),  # the smallest are 9 px across
    post={"least_share": 0.2},
    tested_on=("beads", "bead-mixture"),
    description="Beads of 3 to 10 um and more, alone and in aggregates, in and out of focus. Bad at cells.",
    counting_convention="Every whole bead counts, each of an aggregate. Debris and bubbles do not.",
)
_GENERAL = Family(
    name="general",
    tubes={
        "general-rounds": 150,
        "general-rods": 150,
        "phase-rods": 60,
        "general-packs": 60,
        "phase-packs": 40,
        "septated-rods": 25,
        "pale-beside-dark": 40,
        "stacked-cells": 40,
        "solid-bodies": 60,
        "spindles": 30,
        "tight-rounds": 40,
        "tight-rods": 25,
        "leukocytes": 45,
        "cell-rounds": 45,
        "drosophila": 25,
        "pombe-rich": 30,
        "pombe-edinburgh": 20,
        "yeast": 60,
        "bead-mixture": 30,
        "beads": 30,
    },
    scale=(0.5, 2.0),
    post={},
    tested_on=("leukocytes", "murine-peritoneal", "drosophila", "yeast", "pombe-rich", "beads", "phase-rods"),
    description="Rounds, rods, septated and budding cells, irregular shapes, beads. Bad at filaments, at dense layers "
    "of cells and at particles below 8 px.",
    counting_convention="A septated, constricted or budding cell is one until its parts have come apart. Debris and "
    "ghosts do not count.",
)
RECIPES = {
    recipe.name: recipe
    for family, crop, full, half in ((_CELL, 96, 6000, 9000), (_BEAD, 64, 9000, 9000), (_GENERAL, 96, 16_000, 13_000))
    for recipe in (Recipe(family, "full", crop, full), Recipe(family, "half", crop + 32, half))
}


def training_examples(family: Family) -> list[Example]:
    found: list[Example] = []
    for kind, tubes in family.tubes.items():
        found += simulated_examples(kind, tubes, IMAGES_PER_TUBE, SEED)
        _say(f"{kind}: {len(found)} images so far")
    return found


def train(recipe: Recipe) -> Model:
    family = recipe.family
    examples, network = training_examples(family), NETWORKS[recipe.resolution]
    card = ModelCard(
        name=recipe.name,
        resolution=recipe.resolution,
        kind="built-in",
        description=f"{family.description} {_SEES[recipe.resolution]} Trained on simulated events only.",
        counting_convention=family.counting_convention,
        size_cutoff_um=SIZE_CUTOFF_UM,
        um_per_px=UM_PER_PX,
        network_um_per_px=UM_PER_PX,
        object_px=particle_px(examples),
        network=network.to_card(),
        training={
            "recipe": "tui_cytpix.base_models.recipe",
            "kinds": list(family.tubes),
            "simulated": True,
            "tubes": sum(family.tubes.values()),
            "images": len(examples),
            "seed": SEED,
            "steps": recipe.steps,
            "views_per_step": BATCH,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"tui-cytpix {tui_cytpix.__version__}",
    )
    settings = FitSettings(
        rate=RATE,
        warm_up=100,
        batch=BATCH,
        views_per_epoch=1,
        average=0.995,
        pull=0.0,
        crop=recipe.crop,
        total_steps=recipe.steps,
        augmentation=replace(VARIATIONS, scale=family.scale),
    )
    trainer = Trainer(Model(card, build(network, SEED).eval()), settings, SEED)
    while trainer.steps < recipe.steps:
        loss = trainer.train_epoch(examples)
        _say(f"step {trainer.steps} of {recipe.steps}, loss {loss:.3f}")
    return trainer.model()


_SEES = {"full": "Sees the image at its full resolution.", "half": "Sees the image at half its resolution: faster."}


def measure(model: Model, tested_on: Sequence[str]) -> Model:
    """The model with its accuracy (core.statistics.agreement, at its size cutoff) by kind of sample, on tubes that were
    not trained on.
    """
    predictor = Predictor(model)
    measured: dict[str, Any] = {}
    for kind in tested_on:
        comparisons = [c for c, _ in _compared(predictor, kind, TEST_TUBES, TEST_SEED)]
        measured[f"simulated {kind}"] = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in summarise(comparisons).items()
            if not name.endswith("_ci")
        }
        _say(f"{kind}: {measured[f'simulated {kind}']}")
    return replace(model, card=replace(model.card, measured=measured))


def calibrated(model: Model, kinds: Sequence[str]) -> Model:
    """The model with its confidences fitted on other tubes of the kinds that it was trained on."""
    image, particle = map(platt, _answers(model, kinds))
    post = {"image_slope": image[0], "image_offset": image[1]}
    post |= {"particle_slope": particle[0], "particle_offset": particle[1]}
    _say(f"calibration: {post}")
    return _with_post(model, {**model.card.post, **post})


def _with_post(model: Model, post: dict[str, float]) -> Model:
    return replace(model, card=replace(model.card, post=post))


def _answers(model: Model, kinds: Sequence[str]) -> tuple[list[tuple[float, bool]], list[tuple[float, bool]]]:
    """Raw confidences of images and particles, and what was right."""
    predictor = Predictor(model)
    images: list[tuple[float, bool]] = []
    particles: list[tuple[float, bool]] = []
    for kind in kinds:
        for comparison, found in _compared(predictor, kind, CALIBRATION_TUBES, CALIBRATION_SEED):
            images.append((found.confidence, comparison.count_right))
            particles += zip(found.particle_confidence.tolist(), comparison.matched, strict=True)
    return images, particles


def _compared(predictor: Predictor, kind: str, tubes: int, seed: int) -> Iterator[tuple[ImageComparison, Segmentation]]:
    cutoff = predictor.cutoff_px(UM_PER_PX)
    for event, background in events(kind, tubes, TEST_IMAGES, seed):
        found, _ = predictor.predict([(event.image, background)], UM_PER_PX)[0]
        yield compare_images(event.labels, found, cutoff), found


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a built-in model.")
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--measure-only", action="store_true", help="measure the model that is there, for its card")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    recipe, path = RECIPES[given.name], given.out / f"{given.name}.safetensors"
    family = recipe.family
    if not given.measure_only:
        model = train(recipe)
        save_model(path, model.net, model.card)
    raw = _with_post(load_model(path), family.post)
    model = measure(calibrated(raw, tuple(family.tubes)), family.tested_on)
    save_model(path, model.net, model.card)


if __name__ == "__main__":
    main()
