"""What the engine is asked to do: a class for each kind of job. `job.toml` holds the fields that are not None.

Of all jobs, `device` is where to compute (`auto`, `cpu`, `cuda`, `cuda:N`), and `threads` with how many, 0 for the
usual number; `zoom` is how many times as large as they are images of unknown scale are seen, 0: automatic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct, structs

from tui_cytpix.domain.field_ranges import Batch, Cutoff, Epochs, Length, Number, PixelSize, Seed, Threads
from tui_cytpix.domain.jobs.events import Failure
from tui_cytpix.domain.plain_values import from_plain, to_plain
from tui_cytpix.domain.run_settings import TrainSettings
from tui_cytpix.domain.zoom import AUTOMATIC, check_zoom
from tui_cytpix.errors import UsageError

PREFIX = "UDT_"
FORMATS = {  # that processing writes, in words
    "fcs": "FCS with the image-derived parameters (UDT_...) added",
    "csv": "tables of events and of particles, CSV",
    "masks": "label images, 16-bit PNG",
    "instrument-masks": "masks in the instrument's own format",
    "parquet": "tables of events and of particles, Parquet",
    "h5ad": "table of events, AnnData",
    "ome-tiff": "label images in one file, OME-TIFF",
    "coco": "particles as COCO instances, JSON",
}
IDLE_SECONDS = 600.0  # a job that nobody asks for anything, or that is paused, leaves after so long


class Computing(Struct, frozen=True, kw_only=True):
    device: str = TrainSettings.device
    threads: Threads = TrainSettings.threads


class Zooming(Computing, frozen=True, kw_only=True):
    zoom: Number = AUTOMATIC

    def __post_init__(self) -> None:
        check_zoom(self.zoom)


class TrainSpec(Zooming, frozen=True, kw_only=True):
    """Trains the model file `base` on the annotations of a run, for so many epochs more.

    `resume` is the checkpoint to go on from, "" to begin at the base; `check`: at its end models that did not train on
    them see all annotated images, unless that was done for these annotations. Runs that are passed on lack the paths.
    """

    run: str = ""
    base: str = ""
    base_hash: str = ""
    base_name: str = ""
    resume: str = ""
    check: bool = True
    epochs: Epochs = TrainSettings.epochs
    size_cutoff_um: Cutoff = TrainSettings.size_cutoff_um
    batch: Batch = TrainSettings.batch
    seed: Seed = 0
    idle_exit_s: Length = IDLE_SECONDS


class PredictSpec(Computing, frozen=True, kw_only=True):
    """Answers requests (`wishes.Predict`), about images of a `run` or of other samples; `once`: one only."""

    run: str = ""
    idle_exit_s: Length = IDLE_SECONDS
    once: bool = False


class SampleAtWork(Struct, frozen=True, kw_only=True):
    """A sample of a job; `events` are those to look at, None for all; `channel` is the one to read, "" for the default.
    A scale that is not given is looked for in the sample's files, unless `find_scale` is off; `scale_source` says where
    a given one came from, if not from the user. `fingerprint`, where it is known, is that of the images that are meant.
    `labels` are what a sample sheet says of the sample, for the record; `annotated_as` is its name in the run whose
    annotations are wanted.
    """

    name: str
    path: str
    um_per_px: PixelSize | None = None
    scale_source: str = "given"
    channel: str = ""
    find_scale: bool = True
    events: tuple[str, ...] | None = None
    fingerprint: str = ""
    labels: dict[str, str] = {}
    annotated_as: str = ""

    def named(self, name: str) -> SampleAtWork:
        return structs.replace(self, name=name)

    def only(self, events: tuple[str, ...] | None) -> SampleAtWork:
        return structs.replace(self, events=events)

    def as_annotated(self, name: str) -> SampleAtWork:
        return structs.replace(self, annotated_as=name)


class ProcessSpec(Zooming, frozen=True, kw_only=True):
    """Takes whole samples through a model file, into files in the folder `out`.

    `formats` are among FORMATS; None: csv, and fcs where there is one to add to; `size_cutoff_um` None is the model's;
    `prefix` is that of parameters in FCS files; `gate` says in words what the samples' events are of. `left_out` are
    samples that were asked for and are not to be processed, and `notes` sentences that the record is to hold as well.
    `annotations` is the folder of a run: its accepted annotations stand in place of what the model says; "" for none.
    `force`: samples that are done already are done again.
    """

    model: str
    out: str
    samples: tuple[SampleAtWork, ...]
    model_hash: str = ""
    gate: str = ""
    formats: tuple[str, ...] | None = None
    size_cutoff_um: Cutoff | None = None
    prefix: str = PREFIX
    left_out: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    annotations: str = ""
    force: bool = False

    @property
    def chosen_formats(self) -> tuple[str, ...]:
        return ("fcs", "csv") if self.formats is None else self.formats

    def stating(self, size_cutoff_um: float, model_hash: str) -> ProcessSpec:
        """The same, with what is the model file's own."""
        return structs.replace(self, size_cutoff_um=size_cutoff_um, model_hash=model_hash)

    def of(self, samples: tuple[SampleAtWork, ...]) -> ProcessSpec:
        return structs.replace(self, samples=samples)


class TriageSpec(Zooming, frozen=True, kw_only=True):
    """Asks all `models` about the samples' events, and writes what they say into the folder `out`."""

    models: tuple[str, ...]
    out: str
    samples: tuple[SampleAtWork, ...]


class OnnxSpec(Computing, frozen=True, kw_only=True):
    """Writes a model's network as ONNX, to the file `out`."""

    model: str
    out: str
    device: str = "cpu"


JobSpec: TypeAlias = TrainSpec | PredictSpec | ProcessSpec | TriageSpec | OnnxSpec
KINDS: Mapping[str, type[JobSpec]] = {
    "train": TrainSpec,
    "predict": PredictSpec,
    "process": ProcessSpec,
    "triage": TriageSpec,
    "onnx": OnnxSpec,
}


def check_prefix(prefix: str) -> None:
    """Raises:
    UsageError: it can't begin the names of FCS parameters.
    """
    if not prefix.isprintable() or not prefix.isascii() or set(prefix) & {",", "/"}:
        raise UsageError("This is no prefix", f"{prefix!r}.", "Use printable ASCII without comma and slash.")


def kind_of(spec: JobSpec) -> str:
    return next(name for name, kind in KINDS.items() if kind is type(spec))


def spec_from(data: Mapping[str, Any]) -> JobSpec:
    """The specification that `job.toml` holds.

    Raises:
        ValueError: its kind is unknown, or a value is missing or wrong; says which.
    """
    kind = KINDS.get(str(data.get("kind")))
    if kind is None:
        raise ValueError(f"kind: {data.get('kind')!r:.40} is unknown")
    return from_plain(kind, data)


def table_of(spec: JobSpec) -> dict[str, Any]:
    """The inverse of `spec_from`."""
    return {"kind": kind_of(spec), **to_plain(spec)}
