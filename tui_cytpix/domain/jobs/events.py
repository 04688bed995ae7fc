"""Job events, what a job tells: a class for each type of line of `events.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tui_cytpix.domain.field_ranges import Count, Length, PixelSize, Share, Whole
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.training import CrossChecked, Epoch, KeptMeasured
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.zoom import By


class Started(LogLine, frozen=True):
    """The job is at work, where: in process `pid` of `host`, which started at `born`, in its system's words. A training
    starts after `epoch` and is to end at `target`.
    """

    device: str = ""
    threads: Count = 0
    pid: Count = 0
    host: str = ""
    target: Count | None = None
    epoch: Count | None = None
    born: str = ""


class Acknowledged(LogLine, frozen=True):
    """The wish with the seq `of` was read."""

    of: Whole


class Log(LogLine, frozen=True):
    text: str = ""


class LeftOut(LogLine, frozen=True):
    """An annotated image doesn't train: it can't be read, or is a copy of another; why."""

    text: str = ""


class Progress(LogLine, frozen=True):
    """`done` of `total` images; `what` is at work. Where several samples are processed, and those to come have not been
    counted yet: the `sample`-th (from 1) of `samples`, and the `share` that is done of all their files, by bytes.
    """

    done: Count = 0
    total: Count = 0
    what: str = ""
    sample: Count = 0
    samples: Count = 0
    share: Share | None = None


class Best(LogLine, frozen=True):
    """The epoch is the best so far."""

    epoch: Count


class Counts(LogLine, frozen=True):
    """How the model counts images after an epoch; `scope` says which: `annotated` or `preview`.

    `contradicted` are, of the annotated ones that it counts otherwise, the annotation's count and how sure it is.
    """

    epoch: Count
    counts: dict[ImageKey, Count]
    scope: str = "preview"
    contradicted: dict[ImageKey, tuple[Count, Share]] | None = None

    def __post_init__(self) -> None:
        if not self.counts.keys() >= (self.contradicted or {}).keys():
            raise ValueError("an image is contradicted and not counted")


class ZoomChosen(LogLine, frozen=True):
    """How large training sees images of unknown scale, and what decided that (`domain.zoom.Zoom`)."""

    times: PixelSize
    by: By


class AnnotationsRead(LogLine, frozen=True):
    training: Count
    validation: Count


class Paused(LogLine, frozen=True):
    """After which epoch."""

    epoch: Count | None = None


class Resumed(LogLine, frozen=True):
    """Training goes on."""


class Extended(LogLine, frozen=True):
    """So many epochs more, up to `target`."""

    epochs: Count
    target: Count


class Predicted(LogLine, frozen=True):
    """The request `id` is answered by a shard of predictions; `problems` are sentences about images that have none."""

    id: Whole
    shard: str = ""
    model: str = ""
    images: Count = 0
    seconds: Length = 0.0
    problems: tuple[str, ...] = ()


class RequestFailed(LogLine, frozen=True):
    id: Whole
    reason: str = ""


class Failure(Struct, frozen=True):
    """An image, or a sample where `event` is "", that could not be processed."""

    sample: str = ""
    event: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.sample, self.event, self.reason) if part)


class Ended(LogLine, frozen=True):
    """The job's work ended: training after `epoch`; processing with the files `outputs`, and some `failures`."""

    epoch: Count | None = None
    outputs: tuple[str, ...] | None = None
    failures: tuple[Failure, ...] | None = None


class Finished(Ended, frozen=True):
    """All is done; of a process job `failed` in all and `processed` images, in so many `seconds`, and so many samples
    that were done `already`, or that another job is at (`elsewhere`).
    """

    failed: Count | None = None
    processed: Count | None = None
    seconds: Length | None = None
    already: Count | None = None
    elsewhere: tuple[str, ...] | None = None


class Stopped(Ended, frozen=True):
    """As was wished."""


class Exited(LogLine, frozen=True):
    """The job left before its work was done, in good order; `reason` is a word."""

    reason: str = ""


class Failed(LogLine, frozen=True):
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
    "crosschecked": CrossChecked,
    "kept": KeptMeasured,
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
