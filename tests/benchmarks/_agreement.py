"""How many counts bfloat16 and region-first inference change, each by itself, and which side is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.benchmarks import _cells
from tests.benchmarks._fitting import zooms_of
from tests.network_maps import maps_of
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.objects.size_cutoff import cut_labels_to_size
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import Model
from tui_cytpix.engine.network.postprocess import segment
from tui_cytpix.engine.predict.inference import Predictor

KINDS = ("leukocytes", "beads", "murine-peritoneal", "drosophila", "yeast", "pombe-rich")
NOISE = "objects where nothing differs left out, whole frames, float32"
BF16 = "beyond those: bfloat16, whole frames"
REGIONS = "beyond those: regions first, float32"
BOTH = "beyond those: regions first, bfloat16"


@dataclass
class Change:
    """Of `images`, those whose count is not that of the other way; of these, those that one side alone got right."""

    images: int = 0
    changed: int = 0
    right_before: int = 0
    right_after: int = 0


@dataclass
class Agreement:
    """The changes by cause."""

    by_cause: dict[str, Change] = field(default_factory=dict)

    def note(self, cause: str, before: np.ndarray, after: np.ndarray, truth: np.ndarray) -> None:
        """Adds images' counts."""
        change, differ = self.by_cause.setdefault(cause, Change()), before != after
        change.images += len(truth)
        change.changed += int(differ.sum())
        change.right_before += int((differ & (before == truth)).sum())
        change.right_after += int((differ & (after == truth)).sum())


def agreement(model: Model, each: int) -> Agreement:
    """Over `each` images of six simulated kinds, and of each real set where these are at hand."""
    found = Agreement()
    sets = [f"sim:{kind}" for kind in KINDS] + (list(_cells.REAL) if _cells.CELLS.is_dir() else [])
    for name in sets:
        crops = _cells.load(name)
        places = np.unique(np.linspace(0, len(crops) - 1, each).round().astype(int))
        _look(model, [crops[i] for i in places], found)
    return found


def _look(model: Model, crops: Sequence[_cells.Crop], found: Agreement) -> None:
    reference = Predictor(model, fast=False, whole_frame=True)
    cutoffs = [reference.cutoff_px(crop.um_per_px) for crop in crops]
    by_scale = zooms_of(model, crops)
    zooms = [by_scale[crop.um_per_px] for crop in crops]
    grays = [normalise(crop.image, crop.background) for crop in crops]
    truth = np.array(
        [len(np.unique(cut_labels_to_size(crop.labels, least))) - 1 for crop, least in zip(crops, cutoffs, strict=True)]
    )

    def counts(predictor: Predictor) -> np.ndarray:
        return np.array([s.particle_count for s, _ in predictor.predict_normalised(grays, cutoffs, zooms)])

    whole = counts(reference)
    maps = [maps_of(reference, [gray], zoom)[0] for gray, zoom in zip(grays, zooms, strict=True)]
    raw = [answer.particle_count for answer in _segmented(model, maps, cutoffs, zooms)]
    found.note(NOISE, np.array(raw), whole, truth)
    found.note(BF16, whole, counts(Predictor(model, whole_frame=True)), truth)
    found.note(REGIONS, whole, counts(Predictor(model, fast=False)), truth)
    found.note(BOTH, whole, counts(Predictor(model)), truth)


def _segmented(
    model: Model, maps: Sequence[np.ndarray], cutoffs: Sequence[float], zooms: Sequence[float]
) -> list[Segmentation]:
    px = [(2 if model.half else 1) / zoom for zoom in zooms]
    return segment(maps, model.post, cutoffs, px)
