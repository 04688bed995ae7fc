"""Fits the miscount model, which foretells how often a model is wrong, on simulated tubes that no model was trained on.

    python -m tui_cytpix.base_models.miscount_fit          (about twenty minutes on one core)

Tubes of every simulated kind come as they are, and scaled, blurred and noisier than any model knows them: the general
models have seen all kinds, and real samples differ from simulated ones. What is left unexplained on kinds left out of
the fit gives the intervals. Writes `miscount_model.json`; the models' files stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from tui_cytpix.base_models.recipe import RECIPES
from tui_cytpix.core.images.background import background_of
from tui_cytpix.core.images.normalise import noise, normalise
from tui_cytpix.core.images.scale import typical_diameter
from tui_cytpix.core.objects.size_cutoff import cut_labels_to_size
from tui_cytpix.core.statistics.miscount_model import (
    MiscountModel,
    NoveltyReference,
    Signs,
    logit,
    novelty_reference,
    signs_of,
    unlike,
)
from tui_cytpix.core.statistics.sampling import descriptors
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.engine.network.zoom import zoom_of
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.predict.perturbed_counts import Told, ask
from tui_cytpix.formats.model.miscount_model import MiscountKnowledge, write_miscount_model
from tui_cytpix.simulate.frames.events import events_and_background

FOLDER = Path(__file__).parent
KINDS = (
    "leukocytes",
    "murine-peritoneal",
    "drosophila",
    "yeast",
    "pombe-rich",
    "pombe-edinburgh",
    "beads",
    "bead-mixture",
    "general-rounds",
    "general-rods",
    "phase-rods",
)
TUBES, IMAGES, SEED, NOVELTY_SEED = 2, 40, 700_000, 800_000
NOVELTY_VECTORS = 360
UM_PER_PX = 0.3
SCALES, BLURS_PX, NOISES = (0.6, 0.75, 1.4, 1.7), (1.0, 2.5), (0.5, 1.5)
COVERED = 0.9  # of kinds left out, by the interval
RIDGE = 1.0
# Signs that every model has. Beside these, the other resolution and unlikeness add nothing.
NAMES = ("unsure", "wavering", "apart")


@dataclass(frozen=True, eq=False)
class Tube:
    """Images of one kind with what lies behind their cells, and their truth; um_per_px None where it is withheld."""

    kind: str
    images: Sequence[NDArray[np.generic]]
    backgrounds: Sequence[NDArray[np.float32]]
    labels: Sequence[NDArray[np.uint16]]
    um_per_px: float | None


@dataclass(frozen=True, eq=False)
class Row:
    """One model on one tube; by image its `counts` (N,), and `errors`, bool (N,), whether they are wrong."""

    kind: str
    model: str
    signs: Signs
    counts: NDArray[np.int16]
    errors: NDArray[np.bool_]

    @property
    def images(self) -> int:
        return len(self.errors)

    @property
    def wrong(self) -> float:
        return float(self.errors.mean())


def tubes(kind: str, seed: int, rng: np.random.Generator) -> Iterator[Tube]:
    """A tube as it is, and as no model has seen it."""
    events, background = events_and_background(kind, IMAGES, seed)
    images = [event.image.astype(np.float32) for event in events]
    labels = [event.labels for event in events]
    behind = [background_of(event.image, background) for event in events]
    yield Tube(kind, images, behind, labels, UM_PER_PX)
    times = float(rng.choice(SCALES))
    size = (round(images[0].shape[1] * times), round(images[0].shape[0] * times))
    how = cv2.INTER_AREA if times < 1 else cv2.INTER_CUBIC
    scaled = [np.asarray(cv2.resize(image, size, interpolation=how), np.float32) for image in images]
    nearest = [np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_NEAREST), np.uint16) for one in labels]
    larger = [np.asarray(cv2.resize(one, size, interpolation=how), np.float32) for one in behind]
    yield Tube(kind, scaled, larger, nearest, None)
    blur = float(rng.uniform(*BLURS_PX))
    soft = [np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.float32) for image in images]
    yield Tube(kind, soft, behind, labels, UM_PER_PX)
    much = float(rng.uniform(*NOISES))
    noisy = [
        image + rng.normal(0, much * noise(image - under), image.shape).astype(np.float32)
        for image, under in zip(images, behind, strict=True)
    ]
    yield Tube(kind, noisy, behind, labels, UM_PER_PX)


def novelty_references() -> dict[str, NoveltyReference]:
    """By family of models, of images of its training kinds in proportion to their tubes."""
    found = {}
    for family in {recipe.family.name: recipe.family for recipe in RECIPES.values()}.values():
        whole = sum(family.tubes.values())
        rows = []
        for place, (kind, share) in enumerate(family.tubes.items()):
            images = max(8, round(NOVELTY_VECTORS * share / whole))
            events, background = events_and_background(kind, images, NOVELTY_SEED + place)
            rows += [descriptors(event.image, background_of(event.image, background)) for event in events]
        found[family.name] = novelty_reference(np.array(rows))
    return found


def rows_of(tube: Tube, predictors: dict[str, Predictor], known: dict[str, NoveltyReference]) -> list[Row]:
    seen_by = list(zip(tube.images, tube.backgrounds, strict=True))
    grays = [normalise(image, background) for image, background in seen_by]
    described = np.array([descriptors(image, background) for image, background in seen_by])
    size = typical_diameter(grays[:24])
    told: dict[str, Told] = {}
    zooms: dict[str, float] = {}
    for name, predictor in predictors.items():
        zooms[name] = zoom_of(predictor.model.card, tube.um_per_px, lambda: size).times
        told[name] = ask(predictor, grays, predictor.cutoff_px(tube.um_per_px), zooms[name])
    rows = []
    for name, predictor in predictors.items():
        cutoff = predictor.cutoff_px(tube.um_per_px)
        truth = [cut_labels_to_size(one, cutoff) if cutoff else one for one in tube.labels]
        errors = np.array([len(np.unique(one)) - 1 for one in truth]) != told[name].counts[:, 0]
        family, _, resolution = name.partition("-")
        sibling = f"{family}-{'half' if resolution == 'full' else 'full'}"
        general = [told[other].counts for other in ("general-full", "general-half") if other != name]
        strange = unlike(described, zooms[name], known[family])
        signs = signs_of(told[name].counts, told[name].confidence, general, told[sibling].counts, strange)
        rows.append(Row(tube.kind, name, signs, told[name].counts[:, 0], errors))
    return rows


def fit(rows: Sequence[Row]) -> MiscountModel:
    """Ridge regression of the logit of the error on the signs' logits, no weight below 0: no sign speaks for a model.
    The interval comes from kinds left out in turn.
    """
    signs = np.array([[logit(getattr(row.signs, name), row.images) for name in NAMES] for row in rows])
    wrong = np.array([logit(row.wrong, row.images) for row in rows])
    left = np.empty(len(rows))
    for kind in {row.kind for row in rows}:
        out = np.array([row.kind == kind for row in rows])
        offset, weights = _ridge(signs[~out], wrong[~out])
        left[out] = wrong[out] - offset - signs[out] @ weights
    offset, weights = _ridge(signs, wrong)
    low, high = np.quantile(left, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return MiscountModel(NAMES, offset, tuple(float(w) for w in weights), float(low), float(high))


def _ridge(signs: NDArray[np.float64], wrong: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    middle, spread = signs.mean(axis=0), np.maximum(signs.std(axis=0), 1e-6)
    unit = (signs - middle) / spread
    pull = np.sqrt(RIDGE) * np.eye(unit.shape[1])
    tall, target = np.concatenate([unit, pull]), np.concatenate([wrong - wrong.mean(), np.zeros(len(pull))])
    weights = nnls(tall, target)[0] / spread
    return float(wrong.mean() - middle @ weights), np.asarray(weights, np.float64)


def knowledge(rows: Sequence[Row], known: dict[str, NoveltyReference]) -> MiscountKnowledge:
    answers = sum(row.images for row in rows)
    about = {"rows": len(rows), "answers": answers, "kinds": list(KINDS), "seed": SEED, "covered": COVERED}
    return MiscountKnowledge(fit(rows), known, about)


def collect(known: dict[str, NoveltyReference], say: Callable[[str], None] = lambda _text: None) -> list[Row]:
    """All models for cells on all tubes; those for beads are plainly wrong on most, and would only widen the fit."""
    names = [name for name in RECIPES if not name.startswith("bead")]
    predictors = {name: Predictor(load_model(FOLDER / f"{name}.safetensors")) for name in names}
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for place, kind in enumerate(KINDS):
        for number in range(TUBES):
            for tube in tubes(kind, SEED + 100 * place + number, rng):
                rows += rows_of(tube, predictors, known)
            say(f"{kind}, tube {number + 1} of {TUBES}")
    return rows


def main() -> None:
    import torch

    torch.set_num_threads(1)
    known = novelty_references()
    found = knowledge(collect(known, print), known)
    write_miscount_model(FOLDER / "miscount_model.json", found)
    print(found.errors)  # noqa: T201


if __name__ == "__main__":
    main()
