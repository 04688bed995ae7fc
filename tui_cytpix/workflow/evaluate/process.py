"""Processing whole samples: what with, what to write, where to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui_cytpix.domain.events import Finished
from tui_cytpix.domain.jobs import ProcessSpec, SampleAtWork
from tui_cytpix.domain.log_lines import LogLine
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.wishes import Stop
from tui_cytpix.domain.zoom import AUTOMATIC
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.explore.random_images import gate_in_use
from tui_cytpix.workflow.run import jobs, predict
from tui_cytpix.workflow.run.run import Run

FORMATS = ("fcs", "csv", "masks", "instrument-masks")
Follow = Callable[[LogLine], None]


@dataclass(frozen=True)
class ProcessRequest:
    """What to process, how, and where to. `samples` are (name, path, um_per_px or None); with a `gate` (in words) only
    its events, which `events` lists by sample; `zoom` is how many times as large as they are the model sees images of
    unknown scale, 0: automatic. A scale that is not given is looked for in the files, unless `find_scales` is off.
    """

    samples: tuple[tuple[str, Path, float | None], ...]
    model: ModelEntry
    out: Path
    formats: tuple[str, ...] = ProcessSpec.formats
    size_cutoff_um: float | None = None
    prefix: str = ProcessSpec.prefix
    device: str = "auto"
    threads: int = 0
    gate: str = ""
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)
    zoom: float = AUTOMATIC
    find_scales: bool = True


def start_processing(request: ProcessRequest) -> JobFolder:
    """Starts a process job in `out/.job` and does not wait.

    Raises:
        UsageError: an unknown format, a bad prefix, no sample, or the folder holds another model's results.
        JobError: the engine can't be started, or the output can't be written.
    """
    unknown = [f for f in request.formats if f not in FORMATS]
    if unknown or not request.formats:
        raise UsageError("Unknown output format", ", ".join(unknown), f"Choose from {', '.join(FORMATS)}.")
    if not request.prefix.isprintable() or not request.prefix.isascii() or set(request.prefix) & {",", "/"}:
        raise UsageError("This is no prefix", f"{request.prefix!r}.", "Use printable ASCII without comma and slash.")
    if not request.samples:
        raise UsageError("Nothing to process", "", "Give at least one sample.")
    _refuse_other_results(request)
    cutoff = request.model.card.size_cutoff_um if request.size_cutoff_um is None else request.size_cutoff_um
    spec = ProcessSpec(
        samples=tuple(
            SampleAtWork(
                name=name,
                path=str(path.resolve()),
                um_per_px=scale,
                find_scale=request.find_scales,
                events=tuple(request.events[name]) if request.gate else None,
            )
            for name, path, scale in request.samples
        ),
        gate=request.gate,
        model=request.model.path,
        model_hash=request.model.hash,
        out=str(request.out.resolve()),
        formats=request.formats,
        size_cutoff_um=cutoff,
        zoom=request.zoom,
        prefix=request.prefix,
        device=request.device,
        threads=request.threads,
    )
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        job = jobs.create(predict.job_path(request.out), spec)
    except OSError as error:
        raise UsageError("The output folder can't be made", f"{request.out}: {error.strerror}.") from error
    jobs.start(job)
    return job


def _refuse_other_results(request: ProcessRequest) -> None:
    """One output folder for each model: results are never mixed or overwritten by another's."""
    try:
        record = json.loads((request.out / "process.json").read_text("utf-8"))
        hash_, name = record["model_hash"], record["model"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if hash_ != request.model.hash:
        raise UsageError(
            "The folder holds the results of another model", f"{request.out}: {name}.", "Give a folder for each model."
        )


def process(request: ProcessRequest, on_event: Follow) -> Finished | None:
    """Processes and waits; None where it was stopped before its end.

    Raises:
        UsageError, JobError: as `start_processing`; or the engine failed.
    """
    job = start_processing(request)
    try:
        events = predict.wait(job, on_event)
    except KeyboardInterrupt:
        job.send(Stop())
        raise
    return next((e for e in reversed(events) if isinstance(e, Finished)), None)


def process_run(run: Run, model: ModelEntry, formats: Sequence[str]) -> JobFolder:
    """Processes the run's research samples into a folder of `processed/` in the run: one for each model, zoom that is
    set, and gate. Where a gate is in use, only the images in it, and no sample without any.

    Raises:
        SampleError: a sample can't be read, lacks a parameter of the gate, or no image of any is in it.
        UsageError, JobError: as `start_processing`.
    """
    samples = [s for s in run.settings.samples if s.role != "training"]
    gate = gate_in_use(run)
    inside = gates.to_draw_from(run, samples) if gate else {}
    name = f"{model.card.name}-{model.hash.removeprefix('sha256:')[:8]}"
    zoom = run.settings.base_model.zoom if any(s.um_per_px is None for s in samples) else AUTOMATIC
    if zoom:
        name = f"{name}-zoom-{zoom:g}"
    if gate:
        name = f"{name}-gate-{hashlib.sha256(gate.encode()).hexdigest()[:8]}"
    settings = run.settings.train
    return start_processing(
        ProcessRequest(
            tuple((s.name, run.folder.sample_path(s), s.um_per_px) for s in samples if inside.get(s.name, True)),
            model,
            run.path / "processed" / name,
            tuple(formats),
            device=settings.device,
            threads=settings.threads,
            gate=gate,
            events=inside,
            zoom=zoom,
            find_scales=False,
        )
    )
