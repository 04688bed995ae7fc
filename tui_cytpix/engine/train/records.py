"""What training writes down: how it counted the annotated images, and the card of a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tui_cytpix.domain.field_ranges import Count, Number, Share
from tui_cytpix.domain.jobs.events import Best, Counts
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.training import CrossCheck, Epoch
from tui_cytpix.domain.model_card import ModelCard, Provenance
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.train.accuracy import image_accuracy
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.engine.train.run_images import TrainImages


@dataclass(frozen=True)
class Looks:
    """How annotated images were counted, as `domain.jobs.events.Counts` has it."""

    counts: dict[ImageKey, Count]
    contradicted: dict[ImageKey, tuple[Count, Share]]


@dataclass(frozen=True)
class Pending:
    """What is told of an epoch once it is saved; `better` than all before it."""

    epoch: Epoch
    looks: Looks
    better: bool

    def lines(self) -> list[LogLine]:
        """In this order: those of a job that was killed among them are told again."""
        number = self.epoch.epoch
        counts = Counts(number, self.looks.counts, "annotated", self.looks.contradicted)
        return [counts, *([Best(number)] if self.better else []), self.epoch]


@dataclass(frozen=True)
class Standing:
    """Where a training stands, saved with its state: the last epoch's lines, the last VAs and the best mean of them,
    and the annotations' hash and zooms (None in states of earlier builds); `checked`: for how many epochs the models
    trained that cross-checked these annotations, 0 for none; `kept`: the epoch whose model was last asked what it kept
    of its base.
    """

    pending: Pending | None = None
    va: tuple[Number, ...] = ()
    best: Number = -1.0
    annotations: str = ""
    zooms: dict[str, Number] | None = None
    checked: Count = 0
    kept: Count = 0


def looks_at(examples: Mapping[ImageKey, Example], seen: Sequence[Segmentation]) -> Looks:
    """Every annotated image's count, and of those that were counted otherwise than annotated the annotation's count and
    how sure the model is.
    """
    counts, contradicted = {}, {}
    for (key, item), found in zip(examples.items(), seen, strict=True):
        counts[key] = found.particle_count
        if found.particle_count != item.wanted.particle_count:
            contradicted[key] = (item.wanted.particle_count, _sure(found))
    return Looks(counts, contradicted)


def checks(examples: Mapping[ImageKey, Example], seen: Mapping[ImageKey, Segmentation]) -> dict[ImageKey, CrossCheck]:
    """Each image's annotation beside what was said of it."""
    return {
        key: CrossCheck(
            item.wanted.particle_count,
            seen[key].particle_count,
            round(image_accuracy(seen[key], item.wanted), 4),
            _sure(seen[key]),
            item.truth.digest(),
        )
        for key, item in examples.items()
    }


def _sure(found: Segmentation) -> float:
    return 0.0 if math.isnan(found.confidence) else round(found.confidence, 4)


@dataclass(frozen=True)
class Origin:
    """What a training job started from. `annotations` is their hash, `base_hash` the base model file's; `rehearsed`
    says whether training goes over what the base was trained on.
    """

    base: ModelCard
    base_hash: str
    base_name: str
    seed: int
    batch: int
    size_cutoff_um: float
    annotations: str
    rehearsed: bool


def checkpoint_card(card: ModelCard, images: TrainImages, epoch: Epoch, origin: Origin) -> ModelCard:
    """The card of the model as it is after an epoch (its line in the log), with its lineage, oldest first, and the
    simulated kinds that the oldest was trained on, to be rehearsed again.
    """
    seen = images.zoom_of_unknown_scale()
    error = {} if epoch.va_error is None else {"VA standard error": epoch.va_error}
    lineage = [*origin.base.training.get("lineage", []), {"name": origin.base_name, "hash": origin.base_hash}]
    return replace(
        card,
        kind="UDT",
        base=origin.base_hash,
        base_name=origin.base_name,
        size_cutoff_um=origin.size_cutoff_um,
        um_per_px=images.um_per_px(),
        zoom=origin.base.zoom if seen is None else seen.times,
        object_px=images.object_px(),
        training={
            "epoch": epoch.epoch,
            "seed": origin.seed,
            "batch": origin.batch,
            "training_images": epoch.training_images,
            "validation_images": epoch.validation_images,
            "images_by_sample": images.by_sample(),
            "annotations": origin.annotations,
            "lineage": lineage,
            "rehearsed": origin.rehearsed,
            "kinds": origin.base.training.get("kinds", []),
        },
        provenance=origin.base.made_with.and_then(Provenance(*images.digests(), samples=images.fingerprints())),
        measured={"TA": epoch.ta, "VA": epoch.va, **error},
        kept=None,
        calibrated_on=0,
    )
