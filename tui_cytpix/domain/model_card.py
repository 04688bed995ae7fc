"""What a model file says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from tui_cytpix.domain.field_ranges import Count, Cutoff, Fingerprint, Length, Number, PixelDigest, PixelSize, in_range
from tui_cytpix.domain.run_settings import DEFAULT_CUTOFF_UM
from tui_cytpix.domain.zoom import check_zoom

LEAST_TO_CALIBRATE = 15  # annotated images; fewer tell too little of how often a model errs
ARCHITECTURE = "flow-unet"  # of the networks that this version builds and runs
INSTRUMENT_MASKS = "instrument-masks"  # no network: the masks that a sample carries are the answers
_EARLIER = {"two-head-unet": "0.1.0"}  # those of former versions, which are no longer run
# Of what was measured against truth, what a table of sample types shows, and its headings.
FIGURES = {
    "count_accuracy": "count",
    "multiplet_sensitivity": "mult",
    "centroid_f1": "F1",
    "foreground_iou": "IoU",
    "ap50": "AP50",
}
# What is used of `training` and `measured`; the rest is shown, or left out.
_TOLD = {
    "epoch": Count,
    "kinds": list[str],
    "lineage": list[dict[str, Any]],
    "images_by_sample": dict[str, dict[str, Any]],
}
_MEASURED = {"TA": Number | None, "VA": Number | None}

MOST_IMAGES, MOST_SAMPLES = 20_000, 2_000


@dataclass(frozen=True)
class Provenance:
    """What a model, and all that it descends from, was made with, by pixels: no evaluation takes it for new.

    Attributes:
        training, validation: digests of images (formats.sample.identity.pixel_digest), those of the latest model last.
        seen: of images that were selected, looked at or judged in the models' runs, and may have trained or not.
        samples: fingerprints of the samples that training and validation images are of.
        complete: False where an ancestor is of an earlier build, which didn't keep these, or they became too many.
    """

    training: Annotated[tuple[PixelDigest, ...], Meta(max_length=MOST_IMAGES)] = ()
    validation: Annotated[tuple[PixelDigest, ...], Meta(max_length=MOST_IMAGES)] = ()
    seen: Annotated[tuple[PixelDigest, ...], Meta(max_length=MOST_IMAGES)] = ()
    samples: Annotated[tuple[Fingerprint, ...], Meta(max_length=MOST_SAMPLES)] = ()
    complete: bool = True

    @property
    def images(self) -> frozenset[str]:
        return frozenset((*self.training, *self.validation, *self.seen))

    @property
    def in_words(self) -> str:
        parts = f"{len(self.training)} images trained, {len(self.validation)} validated, {len(self.seen)} seen"
        told = f"{parts}, of {len(self.samples)} samples, all models it descends from included"
        return (
            told if self.complete else f"{told}; not complete: a model of an earlier build is among them, or too many"
        )

    def and_then(self, later: Provenance) -> Provenance:
        """Of a model that was made from this one with what `later` says."""
        parts = {
            name: tuple(dict.fromkeys((*getattr(self, name), *getattr(later, name))))
            for name in ("training", "validation", "seen", "samples")
        }
        most = {name: MOST_SAMPLES if name == "samples" else MOST_IMAGES for name in parts}
        return Provenance(
            **{name: part[-most[name] :] for name, part in parts.items()},
            complete=self.complete and later.complete and all(len(parts[name]) <= most[name] for name in parts),
        )


@dataclass(frozen=True)
class Kept:
    """What a model kept of what its base knew, by simulated images: of those that the base counts right it counts
    `kept` right too and `lost` otherwise; `unknown` is what the base does not know. They are of the kinds that the base
    was trained on, or `of_all_kinds`, where the base is a user's model: then those kinds are known that it counts
    mostly right.
    """

    kept: Count
    lost: Count
    unknown: Count
    of_all_kinds: bool

    @property
    def in_words(self) -> str:
        """A sentence or two that say also what the numbers can't tell."""
        known = self.kept + self.lost
        if not known:
            return f"The base model counts none of {self.unknown} simulated images right: nothing tells what was kept."
        kinds, limit = "of the kinds that it was trained on", ""
        if self.of_all_kinds:
            kinds = "of kinds that it knows"
            limit = " Its own training images are not in its file, so nobody can ask how those fare."
        return (
            f"It forgot {self.lost} of {known} simulated images that the base model counts right, {kinds} "
            f"({self.kept / known:.0%} kept).{limit}"
        )


@dataclass(frozen=True)
class ModelCard:
    """A model's card, kept as one JSON object in the metadata of its safetensors file.

    Attributes:
        name: how users call it.
        resolution: `full` or `half`.
        kind: `built-in`, `UDT`, or `instrument`.
        base: `sha256:...` of the model that training started from, empty for built-in ones.
        base_name: that model's name.
        size_cutoff_um: smallest longest axis of a kept object, um.
        um_per_px: pixel size of the training images, None where unknown.
        network_um_per_px: pixel size that the network is meant to see: images of known scale are resampled to it.
        zoom: for images of unknown scale, how many times as large as they are the network sees them, as those that it
            was trained on; None where that is to be found from their particles' size.
        network: the architecture's settings, enough to rebuild it (widths, levels, stem).
        post: post-processing thresholds (`foreground`, `centroid`, ...).
        object_px: median longest axis of the training objects in pixels of the full-resolution frame.
        training: what it was trained on, in words and numbers (samples, images, epochs, recipe, seed).
        provenance: the images and samples behind it; None of one that earlier builds made, and of built-in ones, which
            were trained on simulated images alone.
        measured: measures by name, e.g. `{"TA": 0.97, "VA": 0.94}` or by sample type.
        kept: what it kept of what its base knew; None where nobody measured that.
        calibrated_on: so many annotated images, answered by models that did not train on them, say how often an image
            of some confidence is counted right; 0 where they were too few.
    """

    name: str
    resolution: str
    kind: str
    base: str = ""
    base_name: str = ""
    description: str = ""
    counting_convention: str = ""
    size_cutoff_um: Cutoff = DEFAULT_CUTOFF_UM
    um_per_px: PixelSize | None = None
    object_px: Length | None = None
    network_um_per_px: PixelSize | None = None
    zoom: Number | None = None
    network: dict[str, Any] = field(default_factory=dict)
    post: dict[str, Number] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    kept: Kept | None = None
    calibrated_on: Count = 0
    provenance: Provenance | None = None
    licence: str = "Apache-2.0"
    created: str = ""
    software: str = ""

    def __post_init__(self) -> None:
        if self.resolution not in ("full", "half") or not self.name:
            raise ValueError("a model card needs a name and a resolution of full or half")
        if self.zoom is not None:
            check_zoom(self.zoom)
        for values, kinds in ((self.training, _TOLD), (self.measured, _MEASURED)):
            for name, kind in kinds.items():
                if name in values and not in_range(kind, values[name]):
                    raise ValueError(f"what it says of its {name} can't be used")

    @property
    def made_with(self) -> Provenance:
        """As `provenance`; where that is not told of a user's model, it says that it isn't complete."""
        return self.provenance or Provenance(complete=not self.user_trained)

    @property
    def user_trained(self) -> bool:
        """True of a model that a user made by fine-tuning."""
        return self.kind == "UDT"

    @property
    def of_instrument(self) -> bool:
        """True of the instrument's own masks, which are a candidate like any model."""
        return bool(self.network.get("architecture") == INSTRUMENT_MASKS)

    @property
    def confidence_is(self) -> str:
        """What its confidence in an image's count is: `probability`, `rank` or `none`."""
        if self.of_instrument:
            return "none"
        return "probability" if self.calibrated_on or not self.user_trained else "rank"

    @property
    def confidence_means(self) -> str:
        if self.of_instrument:
            return "none: the instrument's masks don't tell how sure it was"
        if not self.user_trained:
            return "the probability that an image's count is right, fitted on simulated events"
        if self.calibrated_on:
            return (
                f"the probability that an image's count is right, fitted on {self.calibrated_on} annotated images as "
                "models saw them that did not train on them; of a particle, a rank"
            )
        return (
            f"a rank, no probability: the higher, the surer; fewer than {LEAST_TO_CALIBRATE} annotated images were "
            "cross-checked"
        )

    @property
    def sees(self) -> str:
        if self.of_instrument:
            return ""
        known = f"{self.network_um_per_px:g} µm/px where the scale is known, else " if self.network_um_per_px else ""
        other = f"{self.zoom:.3g} times as large, as trained" if self.zoom else "by the size of the particles"
        return f"{known}{other}"

    @property
    def figures(self) -> list[tuple[str, list[str]]]:
        """What was measured against truth, by sample type: `FIGURES` to two digits, `-` where there is none."""
        return [
            (kind, [f"{v:.2f}" if isinstance(v := values.get(name), int | float) else "-" for name in FIGURES])
            for kind, values in self.measured.items()
            if isinstance(values, dict)
        ]

    @property
    def out_of_use(self) -> str:
        """Why this version can't run the model and what to do, as a sentence; empty where it can."""
        architecture = self.network.get("architecture")
        if architecture in (ARCHITECTURE, INSTRUMENT_MASKS):
            return ""
        if architecture in _EARLIER:
            return (
                f"It is a model of tui-cytpix {_EARLIER[architecture]}, whose networks this version doesn't run: train "
                "it again from its annotations (open its run, choose a base model in step 2, train in step 4; or "
                "`run base`, `run train`)."
            )
        return f"Its network is {architecture!r}, which this version doesn't know: update tui-cytpix."


@dataclass(frozen=True)
class ModelEntry:
    """A model of the library: its card, where it lies and its file's hash (`sha256:...`)."""

    card: ModelCard
    path: str
    hash: str
