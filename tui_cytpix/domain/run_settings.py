"""What `run.toml` holds: the settings of the five steps and the samples, by name."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import Any

from tui_cytpix.domain.field_ranges import (
    Batch,
    Chance,
    Count,
    Cutoff,
    Epochs,
    Focus,
    Number,
    Seed,
    Share,
    Threads,
    Whole,
)
from tui_cytpix.domain.gate import Gate
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.words import did_you_mean
from tui_cytpix.domain.zoom import AUTOMATIC, check_zoom, way_of

FORMAT_VERSION = 1
STEPS = ("assess", "base_model", "samples", "train", "evaluate")
MIN_PREVIEW, DEFAULT_PREVIEW, MAX_PREVIEW = 50, 200, 1000
DEFAULT_LOOK = 5000  # images of each sample that one search for similar ones compares anew
DEFAULT_MONTAGE = 20  # images of a gate in a sample
DEFAULT_CUTOFF_UM = 5.0


@dataclass(frozen=True)
class Goal:
    """A research goal and the error one can live with: `p0` plainly good, `p1` intolerable (shares of images)."""

    name: str
    label: str
    p0: float
    p1: float


GOALS = (
    Goal("exploration", "data exploration", 0.05, 0.15),
    Goal("gating", "population gating and clean-up", 0.02, 0.10),
    Goal("quantitative", "quantitative comparison", 0.01, 0.05),
)


class Kind(enum.StrEnum):
    """What a model can err in: an image's count, its mask, the count of images of one particle and of several."""

    COUNT = "count"
    MASK = "mask"
    SINGLETS = "singlets"
    MULTIPLETS = "multiplets"

    def holds(self, particles: int) -> bool:
        """Of singlets and multiplets: whether an image of so many particles is one. A model errs on one that it counts
        as none.
        """
        return particles == 1 if self is Kind.SINGLETS else particles > 1


KINDS = tuple(Kind)


def parse_kinds(text: str) -> tuple[Kind, ...]:
    """Those named, with commas or blanks between, in the order of `KINDS`; all where none is named.

    Raises:
        ValueError: one is none of them.
    """
    named = text.replace(",", " ").lower().split()
    unknown = [name for name in named if name not in KINDS]
    if unknown:
        guess = did_you_mean(unknown[0], KINDS)
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(KINDS)}{f'. {guess}' if guess else ''}")
    return tuple(kind for kind in KINDS if kind in named) or KINDS


@dataclass(frozen=True)
class EarlierGoal:
    """What was stated before the goal was changed: `until` (ISO 8601, UTC), when `judged` images had a judgement."""

    goal: str
    p0: Share
    p1: Share
    required: tuple[Kind, ...]
    counting_convention: str
    until: str
    judged: Whole


@dataclass(frozen=True)
class OverSampling:
    """From the place `since` of a step's random sequence on, images are shown for review with the chance `shown`,
    except those that always are: what the model counts as the `rare` kind (singlets or multiplets), and what is in
    doubt, where its confidence is `doubtful` or less, or its foreground `large` or more, in pixels.
    """

    since: Count
    shown: Chance
    rare: Kind
    doubtful: Share
    large: Count


@dataclass(frozen=True)
class AssessSettings:
    """Step 1. `required` are the kinds of error that must keep the model; `earlier` the goals that judgements were made
    under and that were changed since, oldest first. `model` is a library name or a model file; `sequence` the seeded
    random draw, in order; images with a focus score below `least_focus` are left out of the review (0: none).
    `drawn_from` is the gate, in words, that the sequence was drawn from, "" for all events; `over_sampling` which
    images of the sequence are shown, in the order of `since`, all where none says otherwise. With `blind_first` a
    review asks for the count before it shows the model's answer.
    """

    goal: str = "gating"
    p0: Share = 0.02
    p1: Share = 0.10
    required: tuple[Kind, ...] = KINDS
    counting_convention: str = ""
    earlier: tuple[EarlierGoal, ...] = ()
    model: str = "cell-full"
    images: Count = 60
    sequence: tuple[ImageKey, ...] = ()
    least_focus: Focus = 0.0
    drawn_from: str = ""
    over_sampling: tuple[OverSampling, ...] = ()
    blind_first: bool = False


@dataclass(frozen=True)
class BaseModelSettings:
    """Step 2. `hash` is that of the file at the time of the choice. `zoom` is how many times as large as they are every
    model of the run sees images of samples of unknown scale; 0: automatic (engine.network.zoom). `proposals` is the
    model whose answers annotating begins from, "" for the base model.
    """

    model: str = ""
    hash: str = ""
    compared_with: str = ""
    zoom: Number = AUTOMATIC
    proposals: str = ""

    def __post_init__(self) -> None:
        check_zoom(self.zoom)


@dataclass(frozen=True)
class SelectionSettings:
    """Step 3. The groups of selected images: `similar` ones were added by hand, as they resemble another image.

    `gate` names the gate that images are drawn from, here and in steps 1 and 5, "" for all; `drawn_from` says, in
    words, what they were drawn from when they were.
    """

    preview: Count = DEFAULT_PREVIEW
    random: tuple[ImageKey, ...] = ()
    variable: tuple[ImageKey, ...] = ()
    gate: str = ""
    drawn_from: str = ""
    similar: tuple[ImageKey, ...] = ()

    @property
    def images(self) -> tuple[ImageKey, ...]:
        return self.random + self.variable + self.similar

    @property
    def groups_in_words(self) -> str:
        """How many images each group has."""
        added = f", {len(self.similar)} added as similar" if self.similar else ""
        return f"{len(self.random)} at random, {len(self.variable)} for variety{added}"


@dataclass(frozen=True)
class TrainSettings:
    """Step 4. `threads` and `batch` (views in a step): 0 for the usual number."""

    size_cutoff_um: Cutoff = DEFAULT_CUTOFF_UM
    epochs: Epochs = 100
    device: str = "auto"
    threads: Threads = 0
    batch: Batch = 0


@dataclass(frozen=True)
class EvaluateSettings:
    """Step 5. `model` is the finished model's file, relative to the run; in a `blind` review the two models' sides are
    shuffled and their names and the samples' hidden. `drawn_from`, `over_sampling`, `blind_first` as in step 1.
    """

    model: str = ""
    name: str = ""
    images: Count = 60
    sequence: tuple[ImageKey, ...] = ()
    blind: bool = True
    drawn_from: str = ""
    over_sampling: tuple[OverSampling, ...] = ()
    blind_first: bool = False


@dataclass(frozen=True)
class RunSettings:
    """The whole of `run.toml`. `step` is where the user was last; `image_gate` the gate that the instrument imaged
    from, "" for none named, and `counter` whose counts of particles give cells per volume, "" for the only ones.
    """

    name: str
    created: str
    seed: Seed = 0
    step: str = "assess"
    format_version: Whole = FORMAT_VERSION
    samples: tuple[SampleRef, ...] = ()
    assess: AssessSettings = field(default_factory=AssessSettings)
    base_model: BaseModelSettings = field(default_factory=BaseModelSettings)
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    gates: tuple[Gate, ...] = ()
    image_gate: str = ""
    counter: str = ""

    def sample(self, name: str) -> SampleRef:
        """The sample of that name.

        Raises:
            KeyError: the run has none.
        """
        for sample in self.samples:
            if sample.name == name:
                return sample
        raise KeyError(name)

    @property
    def in_use(self) -> tuple[SampleRef, ...]:
        """The samples that are not set aside."""
        return tuple(sample for sample in self.samples if not sample.aside)

    @property
    def aside(self) -> frozenset[str]:
        """Names of the samples that are."""
        return frozenset(sample.name for sample in self.samples if sample.aside)

    @property
    def preview(self) -> tuple[ImageKey, ...]:
        """The selected images of samples that are in use."""
        return tuple(key for key in self.selection.images if key.sample not in self.aside)

    def of_step(self, step: str) -> AssessSettings | EvaluateSettings:
        """Those of the step that draws images to judge: "assess" or "evaluate"."""
        return self.assess if step == "assess" else self.evaluate

    def with_step(self, step: str, **changes: Any) -> RunSettings:
        """With other values in that step's."""
        changed: Any = replace(self.of_step(step), **changes)
        return replace(self, assess=changed) if step == "assess" else replace(self, evaluate=changed)

    def stated_as(self, other: RunSettings) -> RunSettings:
        """With what was stated in another run: goal, gates, size cutoff, how many images are looked at, how training
        works. Models and samples stay, and what was found.
        """
        goal, mine = other.assess, self.assess
        selection = replace(self.selection, preview=other.selection.preview, gate=other.selection.gate)
        evaluate = replace(
            self.evaluate,
            images=other.evaluate.images,
            blind=other.evaluate.blind,
            blind_first=other.evaluate.blind_first,
        )
        return replace(
            self,
            assess=replace(
                mine,
                goal=goal.goal,
                p0=goal.p0,
                p1=goal.p1,
                required=goal.required,
                counting_convention=goal.counting_convention,
                images=goal.images,
                blind_first=goal.blind_first,
            ),
            base_model=replace(self.base_model, zoom=other.base_model.zoom),
            selection=selection,
            train=other.train,
            evaluate=evaluate,
            gates=other.gates,
            image_gate=other.image_gate,
        )

    def zoom_of(self, *samples: str) -> float:
        """The zoom that is set for images of these samples, AUTOMATIC where the scale of each is known and decides."""
        known = {sample.name for sample in self.samples if sample.um_per_px is not None}
        return AUTOMATIC if known.issuperset(samples) else self.base_model.zoom

    def ways(self, sample: str) -> tuple[str, ...]:
        """The ways (domain.zoom.way_of) of seeing a sample in which answers and judgements about it hold, "" for those
        that don't say: earlier builds' are of the scale that the sample came with, and of no zoom that was set.
        """
        ref = next((s for s in self.samples if s.name == sample), None)
        scale, came_as = (None, "") if ref is None else (ref.um_per_px, ref.came_as)
        way = way_of(scale, self.zoom_of(sample))
        return (way, "") if way == (came_as or way_of(scale, AUTOMATIC)) else (way,)
