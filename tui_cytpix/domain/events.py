"""What a job tells: a class for each type of line of `events.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tui_cytpix.domain.log_lines import LogLine
from tui_cytpix.domain.numbers import Count, Length, PixelSize, Share, Whole
from tui_cytpix.domain.training import Epoch
from tui_cytpix.domain.zoom import By


@dataclass(frozen=True)
class Started(LogLine):
    """The job is at work, where. A training starts after `epoch` and is to end at `target`."""

    device: str = ""
    threads: Count = 0
    pid: Count = 0
    host: str = ""
    target: Count | None = None
    epoch: Count | None = None


@dataclass(frozen=True)
class Acknowledged(LogLine):
    """The wish with the seq `of` was read."""

    of: Whole


@dataclass(frozen=True)
class Log(LogLine):
    """A sentence for the log."""

    text: str = ""


@dataclass(frozen=True)
class LeftOut(LogLine):
    """An annotated image can't be read; why."""

    text: str = ""


@dataclass(frozen=True)
class Progress(LogLine):
    """`done` of `total` images; `what` is at work."""

    done: Count = 0
    total: Count = 0
    what: str = ""


@dataclass(frozen=True)
class Best(LogLine):
    """The epoch is the best so far."""

    epoch: Count


@dataclass(frozen=True)
class Counts(LogLine):
    """How the model counts images after an epoch, by image key; `scope` says which: `annotated` or `preview`.

    `contradicted` are, of the annotated ones that it counts otherwise, the annotation's count and how sure it is.
    """

    epoch: Count
    counts: dict[str, Count]
    scope: str = "preview"
    contradicted: dict[str, tuple[Count, Share]] | None = None


@dataclass(frozen=True)
class ZoomChosen(LogLine):
    """How large training sees images of unknown scale, and what decided that (`domain.zoom.Zoom`)."""

    times: PixelSize
    by: By


@dataclass(frozen=True)
class AnnotationsRead(LogLine):
    """How many images train and validate from now on."""

    training: Count
    validation: Count


@dataclass(frozen=True)
class Paused(LogLine):
    """After which epoch."""

    epoch: Count | None = None


@dataclass(frozen=True)
class Resumed(LogLine):
    """Training goes on."""


@dataclass(frozen=True)
class Extended(LogLine):
    """So many epochs more, up to `target`."""

    epochs: Count
    target: Count


@dataclass(frozen=True)
class Predicted(LogLine):
    """The request `id` is answered by a shard of predictions; `problems` are sentences about images that have none."""

    id: Whole
    shard: str = ""
    model: str = ""
    images: Count = 0
    seconds: Length = 0.0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestFailed(LogLine):
    """The request `id` has no answer."""

    id: Whole
    reason: str = ""


@dataclass(frozen=True)
class Failure:
    """An image, or a sample where `event` is "", that could not be processed."""

    sample: str = ""
    event: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.sample, self.event, self.reason) if part)


@dataclass(frozen=True)
class Ended(LogLine):
    """The job's work ended: training after `epoch`; processing with the files `outputs`, and some `failures`."""

    epoch: Count | None = None
    outputs: tuple[str, ...] | None = None
    failures: tuple[Failure, ...] | None = None


@dataclass(frozen=True)
class Finished(Ended):
    """All is done; of a process job `failed` in all and `processed` images, in so many `seconds`."""

    failed: Count | None = None
    processed: Count | None = None
    seconds: Length | None = None


@dataclass(frozen=True)
class Stopped(Ended):
    """As was wished."""


@dataclass(frozen=True)
class Exited(LogLine):
    """The job left before its work was done, in good order; `reason` is a word."""

    reason: str = ""


@dataclass(frozen=True)
class Failed(LogLine):
    """Why, and what to do, in sentences."""

    reason: str = ""
    way_out: str = ""


EVENTS: Mapping[str, type[LogLine]] = {
    "started": Started,
    "ack": Acknowledged,
    "log": Log,
    "left_out": LeftOut,
    "progress": Progress,
    "epoch": Epoch,
    "best": Best,
    "counts": Counts,
    "zoom": ZoomChosen,
    "annotations": AnnotationsRead,
    "paused": Paused,
    "resumed": Resumed,
    "more": Extended,
    "predicted": Predicted,
    "request_failed": RequestFailed,
    "finished": Finished,
    "stopped": Stopped,
    "exited": Exited,
    "failed": Failed,
}
