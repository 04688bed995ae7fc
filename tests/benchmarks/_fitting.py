"""Models that the benchmarks compare, each from annotated crops to answers: ours, fine-tuned as a run does it; our
network from random weights; and a threshold with a watershed, which learns nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from tests.benchmarks._cells import Crop, folds
from tests.divided import nothing
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.images.scale import typical_diameter
from tui_cytpix.core.objects.size_cutoff import cutoff_px
from tui_cytpix.core.statistics.agreement import ImageComparison, compare_images
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import Model, load_model
from tui_cytpix.engine.network.network import build
from tui_cytpix.engine.network.zoom import zoom_of
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.train.dataset import Example, example
from tui_cytpix.engine.train.rehearsal import rehearsal_for
from tui_cytpix.engine.train.trainer import FitSettings, Trainer, look
from tui_cytpix.formats.masks.label_images import segmentation_from_labels

BASE_MODELS = Path(__file__).resolve().parents[2] / "tui_cytpix" / "base_models"
EPOCHS, HELD_OUT = 100, 5  # every fifth annotated crop is held out
# The best of `scratch_grid`: all rates from 1.5e-3 to 6e-3 and 100 to 400 epochs lie within 0.023 of it.
SCRATCH_RATE, SCRATCH_EPOCHS = 6e-3, 200


@dataclass(frozen=True)
class Fitted:
    """Answers to the test crops, in their order; the processor's seconds of training and of answering, which a busy
    machine does not lengthen; and the size cutoff of the answers.
    """

    answers: list[Segmentation]
    training_s: float
    answering_s: float
    cutoff_um: float = 0.0


def model_path(name: str) -> Path:
    """A model file, or a built-in model's."""
    return Path(name) if name.endswith(".safetensors") else BASE_MODELS / f"{name}.safetensors"


def identity(name: str) -> str:
    """Changes with the model's weights."""
    if name == "otsu":
        return "1"
    path = model_path("general-full" if name == "scratch" else name)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


Fit = Callable[[Sequence[Crop], Sequence[Crop]], Fitted]


def in_folds(crops: Sequence[Crop], annotations: int, seed: int, fit: Fit) -> tuple[list[Crop], Fitted]:
    """All folds' test crops and what `fit` answered to them; seconds of training as the mean of a fold's."""
    every = folds(crops, annotations, seed)
    fitted = [fit(fold.annotated, fold.test) for fold in every]
    return [crop for fold in every for crop in fold.test], Fitted(
        [answer for one in fitted for answer in one.answers],
        float(np.mean([one.training_s for one in fitted])),
        sum(one.answering_s for one in fitted),
        fitted[0].cutoff_um,
    )


def fit_and_answer(name: str, annotated: Sequence[Crop], test: Sequence[Crop], seed: int) -> Fitted:
    """Trains on the annotated crops, where there are any, and answers the test crops."""
    if name == "otsu":
        start = time.process_time()
        return Fitted([otsu_watershed(crop) for crop in test], 0.0, time.process_time() - start)
    scratch = name == "scratch"
    base = load_model(model_path("general-full" if scratch else name))
    zooms = zooms_of(base, [*annotated, *test])
    start = time.process_time()
    model = base
    if annotated:
        settings = FitSettings()
        if scratch:
            base, settings = from_scratch(base, seed, SCRATCH_RATE)
        model = fine_tune(base, annotated, zooms, seed, settings, SCRATCH_EPOCHS if scratch else EPOCHS)
    training = time.process_time() - start
    start = time.process_time()
    answers = answer(model, test, zooms)
    return Fitted(answers, training, time.process_time() - start, model.card.size_cutoff_um)


def from_scratch(base: Model, seed: int, rate: float) -> tuple[Model, FitSettings]:
    """The base's network with random weights, and how it is trained: nothing pulls it back, nothing is rehearsed."""
    settings = replace(FitSettings(), rate=rate, pull=0.0)
    card = replace(base.card, training={})
    return replace(base, card=card, net=build(base.net.settings, seed).eval()), settings


def zooms_of(model: Model, crops: Sequence[Crop]) -> dict[float | None, float]:
    """At what size the network sees crops of a scale (um/px, or unknown)."""
    return {
        scale: zoom_of(
            model.card, scale, lambda: typical_diameter(normalise(c.image, c.background) for c in crops[:24])
        ).times
        for scale in {crop.um_per_px for crop in crops}
    }


def fine_tune(
    base: Model,
    crops: Sequence[Crop],
    zooms: dict[float | None, float],
    seed: int,
    settings: FitSettings,
    epochs: int = EPOCHS,
) -> Model:
    """As a run does: a fifth held out, TA and VA each epoch, the averaged weights at the end."""
    training, held_out = examples_of(crops, zooms, base.card.size_cutoff_um)
    trainer = Trainer(base, settings, seed)
    trainer.rehearsed = rehearsal_for(base, training, trainer.device)
    for _ in range(epochs):
        trainer.train_epoch(training)
        predictor = trainer.predictor()
        look(predictor, training)
        look(predictor, held_out)
    return trainer.model()


def examples_of(
    crops: Sequence[Crop], zooms: dict[float | None, float], cutoff_um: float
) -> tuple[list[Example], list[Example]]:
    """What is trained on, and every fifth that is held out."""
    examples = [
        example(
            c.image,
            c.background,
            segmentation_from_labels(c.labels),
            cutoff_px(cutoff_um, c.um_per_px),
            zooms[c.um_per_px],
        )
        for c in crops
    ]
    held_out = examples[HELD_OUT - 1 :: HELD_OUT]
    return [e for i, e in enumerate(examples) if i % HELD_OUT != HELD_OUT - 1], held_out


def answer(model: Model, crops: Sequence[Crop], zooms: dict[float | None, float]) -> list[Segmentation]:
    """What a model says, with its size cutoff where the scale is known."""
    predictor = Predictor(model)
    return [
        predictor.predict([(crop.image, crop.background)], crop.um_per_px, zooms[crop.um_per_px])[0][0]
        for crop in crops
    ]


def otsu_watershed(crop: Crop) -> Segmentation:
    """Otsu on the blurred |image - background|, holes filled; particles by the distance transform's h-maxima, with a
    prominence of a tenth of the object's depth.
    """
    from scipy import ndimage
    from skimage.filters import threshold_otsu
    from skimage.morphology import h_maxima

    difference = cv2.GaussianBlur(np.abs(crop.image.astype(np.float32) - crop.background), (0, 0), 1.5)
    if np.ptp(difference) == 0:
        return nothing(crop.image.shape)
    mask = ndimage.binary_fill_holes(difference > threshold_otsu(difference))
    mask = ndimage.binary_opening(mask, iterations=1)
    objects, count = ndimage.label(mask, np.ones((3, 3)))
    points = []
    for label in range(1, count + 1):
        inside = objects == label
        if inside.sum() < 20:
            mask[inside] = False
            continue
        depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
        tops, parts = ndimage.label(h_maxima(depth, 0.1 * depth.max()), np.ones((3, 3)))
        points += ndimage.center_of_mass(tops > 0, tops, range(1, parts + 1))
    return Segmentation(mask, np.array(points, np.float32).reshape(-1, 2))


def compared(fitted: Fitted, crops: Sequence[Crop]) -> list[ImageComparison]:
    """Each answer beside its truth; the size cutoff applies to both sides, where the scale is known."""
    return [
        compare_images(c.labels, s, cutoff_px(fitted.cutoff_um, c.um_per_px))
        for c, s in zip(crops, fitted.answers, strict=True)
    ]
