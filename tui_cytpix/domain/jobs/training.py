"""What a training job tells, epoch by epoch."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct, structs

from tui_cytpix.domain.field_ranges import Count, Duration, Number, Share
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.model_card import Kept
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.zoom import Zoom

LEAST_VIEWS = 32  # of training images in an epoch
FOLDS, FOLD_EPOCHS = 5, 30  # of a cross-check


def fold_epochs(trained: int) -> int:
    """How many epochs the models of a cross-check train: no more than the run's own model has."""
    return min(FOLD_EPOCHS, trained or FOLD_EPOCHS)


class JobState(enum.StrEnum):
    """By its job events, its process and its heartbeat."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"  # no end was written, and its heart stopped

    @property
    def live(self) -> bool:
        """At work, or paused."""
        return self in (JobState.STARTING, JobState.RUNNING, JobState.PAUSED)


class Epoch(LogLine, frozen=True):
    """An epoch ended: one point of the curve, and one job event. `ta`, `va` in 0..1 (engine.train.accuracy
    defines them); `seconds` of wall time; `va_error` the standard error of VA over its images, `rate` the learning rate
    at the epoch's end, None where unknown; `target` the epoch at which training is to end.
    """

    epoch: Count
    loss: Number
    ta: Number
    va: Number
    seconds: Duration
    training_images: Count
    validation_images: Count
    va_error: Number | None = None
    rate: Number | None = None
    target: Count = 0

    def towards(self, target: int) -> Epoch:
        """The same, of a training that is to end there."""
        return structs.replace(self, target=target)

    @property
    def va_in_words(self) -> str:
        return f"{self.va:.2f}" + ("" if self.va_error is None else f"±{self.va_error:.2f}")


class CrossCheck(Struct, frozen=True):
    """An annotated image with `given` particles, as a model that did not train on it sees it: `found` particles,
    `accuracy` as in TA and VA (engine.train.accuracy), and how `sure` it is; `annotation` is the digest of what was
    annotated (domain.segmentation).
    """

    given: Count
    found: Count
    accuracy: Share
    sure: Share = 0.0
    annotation: Count = 0


class CrossChecked(LogLine, frozen=True):
    """Every annotated image was seen by one of `folds` models that did not train on it, each after `epochs` epochs from
    the base model of that hash and name.
    """

    images: dict[ImageKey, CrossCheck]
    folds: Count
    epochs: Count
    base: str = ""
    base_name: str = ""


class KeptMeasured(LogLine, frozen=True):
    """What the model of an epoch kept of what its base knew."""

    epoch: Count
    kept: Kept


@dataclass(frozen=True)
class Flip:
    """How the count of one image changed between looks: `history` holds (epoch, particle count)."""

    image: ImageKey
    history: tuple[tuple[int, int], ...]

    @property
    def flips(self) -> int:
        counts = [count for _, count in self.history]
        return sum(a != b for a, b in itertools.pairwise(counts))


@dataclass(frozen=True)
class Contradiction:
    """An annotated image that the model counts otherwise than its annotation: `looks` holds (epoch, the model's count,
    how sure it is, 0..1) of the looks that contradicted the count `given`.
    """

    image: ImageKey
    given: int
    looks: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class TrainingStatus:
    """An immutable picture of all training so far, over every job of the run.

    `target` is the epoch at which training will finish; `eta_seconds` None where unknown, while a cross-check is at
    work its own; `message` a sentence, the reason where it failed or waits; `contradictions` those of the annotations
    as they were at the last epoch; `looked` the epoch of the last look at the whole preview, 0 before the first;
    `left_out` annotated images that the job at hand could not read; `zoom` how large training sees images of unknown
    scale, None where there are none, or it did not say yet; `crosscheck` the last one, and `checking` how many epochs
    of how many the one at work has done, 0 of 0 where none is; `kept` by epoch, of those that were measured.
    """

    state: JobState | None
    epochs: tuple[Epoch, ...] = ()
    target: int = 0
    device: str = ""
    eta_seconds: float | None = None
    flips: tuple[Flip, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    message: str = ""
    job: str = ""
    best_epoch: int | None = None
    log: tuple[str, ...] = ()
    looked: int = 0
    left_out: int = 0
    zoom: Zoom | None = None
    crosscheck: CrossChecked | None = None
    checking: tuple[int, int] = (0, 0)
    kept: Mapping[int, Kept] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        return self.state is not None and self.state.live

    @property
    def epoch(self) -> int:
        """The last that ended, 0 before the first."""
        return self.epochs[-1].epoch if self.epochs else 0
