"""Images with truth for the benchmarks: real crops in ../shared/data/cells, and simulated tubes.

Every crop is tested once, in folds by source image: annotated crops come from other sources than the fold's test crops.
Where the others hold too few crops to annotate, a source is tested in parts and its rest may be annotated too
(`Fold.within_source`). The annotated crops are the first N of the app's own seeded selection, shuffled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tui_cytpix.core.images.background import background_of, image_background
from tui_cytpix.core.statistics.sampling import descriptors, select
from tui_cytpix.simulate.frames.events import events_and_background
from tui_cytpix.workflow.samples.selection import VARIABLE_SHARE

CELLS = Path(__file__).resolve().parents[3] / "shared" / "data" / "cells"
REAL = {  # name: (folder, how many times as large, um/px)
    "yeast": ("yeast_wellslide_bf", 1.0, None),
    "pombe": ("pombe_bf_photophenosizer", 0.35, None),
    "rods": ("oufti_ecoli_phase", 1.0, None),
    "coli": ("colicoords_ecoli_bf", 1.0, None),
    "eosinophils": ("imagestream_eosinophils_bf", 1.0, 0.5),
    "baby": ("baby_yeast_bf", 1.0, None),
    "rbc": ("rbc_smear", 1.0, None),
}
# Two fields are in the yeast set twice: equal gray values, and most masks equal pixel by pixel.
SAME_FIELD = {("yeast", "yeast_04.png"): "yeast_02.png", ("yeast", "yeast_15.png"): "yeast_03.png"}
SIMULATED = ("leukocytes", "murine-peritoneal", "drosophila", "yeast", "pombe-rich", "beads", "bead-mixture")
SIMULATED_UM = 0.3
TUBES, IMAGES_PER_TUBE, FIRST_SEED = 8, 20, 500_000  # no recipe trains on tubes of these seeds
PREVIEW, FOLDS = 200, 3
WAIST = 0.8  # share of a rod's width


@dataclass(frozen=True, eq=False)
class Crop:
    """One image with its truth. `name` is unique in its set; `source` the image that it was cut from, or its tube."""

    name: str
    source: str
    image: np.ndarray
    background: np.ndarray
    labels: np.ndarray
    um_per_px: float | None = None

    @property
    def count(self) -> int:
        return len(np.unique(self.labels)) - 1


@lru_cache(maxsize=2)
def load(name: str) -> tuple[Crop, ...]:
    """All crops of a real set, or those of a simulated kind (`sim:KIND`)."""
    return _simulated(name.removeprefix("sim:")) if name.startswith("sim:") else _real(name)


def _real(name: str) -> tuple[Crop, ...]:
    folder, zoom, um_per_px = REAL[name]
    if not CELLS.is_dir():
        raise SystemExit(f"The real data is absent: {CELLS}")
    crops = []
    for entry in json.loads((CELLS / folder / "crops.json").read_text()):
        image, labels = (Image.open(CELLS / folder / part / entry["file"]) for part in ("images", "masks"))
        size = (round(image.width * zoom), round(image.height * zoom))
        pixels = np.asarray(image if zoom == 1 else image.resize(size, Image.Resampling.BICUBIC))
        truth = np.asarray(labels).astype(np.int32)
        if zoom != 1:
            truth = np.asarray(Image.fromarray(truth).resize(size, Image.Resampling.NEAREST))
        background = image_background(pixels)
        source = SAME_FIELD.get((name, entry["source"]), entry["source"])
        crops.append(Crop(entry["file"], source, pixels, background, truth.astype(np.uint16), um_per_px))
    return tuple(crops)


def _simulated(kind: str) -> tuple[Crop, ...]:
    return tuple(crop for number in range(TUBES) for crop in tube(kind, number, IMAGES_PER_TUBE))


def tube(kind: str, number: int, images: int) -> list[Crop]:
    """The images of one simulated tube."""
    events, background = events_and_background(kind, images, FIRST_SEED + number)
    return [
        Crop(
            f"{number}-{i}",
            f"tube {number}",
            event.image,
            background_of(event.image, background),
            event.labels,
            SIMULATED_UM,
        )
        for i, event in enumerate(events)
    ]


@dataclass(frozen=True, eq=False)
class Fold:
    """Crops to train on and crops to test on; `within_source` where some of both are of one source."""

    annotated: list[Crop]
    test: list[Crop]

    @property
    def within_source(self) -> bool:
        return not {c.source for c in self.annotated}.isdisjoint(c.source for c in self.test)


def folds(crops: Sequence[Crop], annotations: int, seed: int) -> list[Fold]:
    """Folds that test every crop once, each with `annotations` crops to train on; one fold without annotations.

    Raises:
        ValueError: too few crops to annotate so many and to test any.
    """
    if not annotations:
        return [Fold([], list(crops))]
    rng = np.random.default_rng([seed, 77])
    found = []
    for test in _tested_together(crops, annotations, rng):
        names = {crop.name for crop in test}
        others = [crop for crop in crops if crop.name not in names]
        found.append(Fold(chosen_first(others, annotations, seed, rng), test))
    return found


def chosen_first(crops: Sequence[Crop], number: int, seed: int, rng: np.random.Generator | None = None) -> list[Crop]:
    """The first crops of the app's own selection, shuffled."""
    table = np.array([descriptors(crop.image, crop.background) for crop in crops])
    chosen = np.concatenate(select(table, min(PREVIEW, len(crops)), seed, VARIABLE_SHARE))
    (rng or np.random.default_rng(seed)).shuffle(chosen)
    return [crops[i] for i in chosen[:number]]


def _tested_together(crops: Sequence[Crop], annotations: int, rng: np.random.Generator) -> list[list[Crop]]:
    """Whole sources, a third of them together where there are more than three; parts of a source where else there
    would be too few others.
    """
    if len(crops) <= annotations:
        raise ValueError(f"{len(crops)} crops are too few to annotate {annotations} and to test any")
    sources = rng.permutation(sorted({crop.source for crop in crops}))
    shares = [set(sources[k::FOLDS]) for k in range(FOLDS)] if len(sources) > FOLDS else [{s} for s in sources]
    found = []
    for share in shares:
        inside = [crop for crop in crops if crop.source in share]
        most = len(crops) - annotations  # tested at a time
        order = [inside[i] for i in rng.permutation(len(inside))] if len(inside) > most else inside
        parts = -(-len(inside) // most)
        found += [order[k::parts] for k in range(parts)]
    return found


def labels_that_fall_apart(crops: Sequence[Crop]) -> set[str]:
    """Names of the crops of round cells in which one label holds two cells: eroded, it falls into two parts or more of
    a twelfth of its pixels each. Found in the reference alone, whatever a model says of it.
    """
    return {crop.name for crop in crops if any(_falls_apart(crop.labels == v) for v in np.unique(crop.labels)[1:])}


def _falls_apart(region: np.ndarray) -> bool:
    depth = cv2.distanceTransform(np.pad(region.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    for cut in np.arange(1, depth.max(), 0.5):
        _, _, stats, _ = cv2.connectedComponentsWithStats((depth > cut).astype(np.uint8), connectivity=8)
        if np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= region.sum() / 12) > 1:
            return True
    return False


def labels_with_a_waist(crops: Sequence[Crop]) -> set[str]:
    """Names of the crops of rods in which a label has a waist as deep as those at which others drew two cells.

    Found in the reference alone. In the rods' two sources the people who drew did not agree: of the pairs that lie end
    to end in ecoli_b (two labels) most have a waist of 0.6 to 0.85 of the rod's width, and so have eight rods of
    ecoli_a that are one label each.
    """
    return {crop.name for crop in crops if any(_waist(crop.labels == v) <= WAIST for v in np.unique(crop.labels)[1:])}


def _waist(region: np.ndarray) -> float:
    """The least width in the middle half of a rod, as a share of the lesser of the widths on both sides of it."""
    points = np.argwhere(region).astype(float)
    _, _, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    along = np.round((points - points.mean(axis=0)) @ axes[0]).astype(int)
    widths = np.convolve(np.bincount(along - along.min()), [0.25, 0.5, 0.25], "same")
    middle = range(len(widths) // 4, max(len(widths) // 4 + 1, 3 * len(widths) // 4))
    return float(min(widths[i] / max(1.0, min(widths[: i + 1].max(), widths[i:].max())) for i in middle))


DISPUTED = {"yeast": labels_that_fall_apart, "rods": labels_with_a_waist}  # where the reference is the limit
