"""What the app asks a live job for: a class for each type of line of `control.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tui_cytpix.domain.field_ranges import Count, Number, PixelSize, Whole
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.zoom import check_zoom


class Pause(LogLine, frozen=True):
    """After this epoch."""


class Resume(LogLine, frozen=True):
    """Go on."""


class Reload(LogLine, frozen=True):
    """Annotations changed."""


class Stop(LogLine, frozen=True):
    """End the job."""


class Check(LogLine, frozen=True):
    """Let models that did not train on them see all annotated images, once this epoch has ended."""


class AddEpochs(LogLine, frozen=True):
    epochs: Count


class ImagesOfSample(Struct, frozen=True):
    """Images to predict: events of the sample at `path`, unless the job's run has a sample of that name.

    `channel` is the one to read, "" for the default. A scale that is not given is unknown; images are then seen `zoom`
    times as large as they are, None: automatic.
    """

    sample: str
    path: str
    events: tuple[str, ...]
    um_per_px: PixelSize | None = None
    zoom: Number | None = None
    channel: str = ""

    def __post_init__(self) -> None:
        if self.zoom is not None:
            check_zoom(self.zoom)


class Predict(LogLine, frozen=True):
    """The request `id`: what the model file `model` says of `images`, as the shard `shard` in the folder `out`."""

    id: Whole
    model: str
    images: tuple[ImagesOfSample, ...]
    out: str
    shard: str


WISHES: Mapping[str, type[LogLine]] = {
    "pause": Pause,
    "resume": Resume,
    "reload": Reload,
    "stop": Stop,
    "check": Check,
    "more": AddEpochs,
    "predict": Predict,
}
