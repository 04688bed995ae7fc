"""Processing whole samples: what with, what to write, where to."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tui_cytpix.domain.gate import Members
from tui_cytpix.domain.jobs.events import Failure, Finished
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.processed import OF_TUBE, RECORD, ProcessRecord
from tui_cytpix.domain.jobs.specs import FORMATS, ProcessSpec, SampleAtWork, check_prefix
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.plain_values import from_plain
from tui_cytpix.domain.sample import SampleRef
from tui_cytpix.domain.words import did_you_mean
from tui_cytpix.errors import JobError, UsageError, refusal
from tui_cytpix.formats.bytes.plain_file import read_json
from tui_cytpix.formats.run.gate_members import write_members
from tui_cytpix.formats.run.job import JOB, JobFolder
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.evaluate.output_names import claimed
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.explore.random_images import gate_in_use
from tui_cytpix.workflow.run import jobs, predict, run_samples
from tui_cytpix.workflow.run.run import Run

PROCESSED = "processed"  # in a run
Follow = Callable[[LogLine], None]
NO_GATES: Mapping[str, Members] = MappingProxyType({})


def start_processing(
    spec: ProcessSpec, members: Mapping[str, Members] = NO_GATES, slurm_options: Sequence[str] | None = None
) -> JobFolder:
    """Starts a process job in `out/.job` and does not wait. `members` are, by sample, which of its events are in which
    gates: parameters of its FCS will tell. It works here, or on a node of Slurm where options of sbatch are given.

    Raises:
        UsageError: an unknown format, one whose package isn't installed, a bad prefix, no sample, or the folder holds
            another model's results.
        JobError: the engine can't be started, or the output can't be written.
    """
    check(spec)
    out = Path(spec.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        job = jobs.create(out / JOB, spec)
        for place, sample in enumerate(spec.samples):
            if sample.name in members:
                write_members(job.path, place, members[sample.name])
    except OSError as error:
        raise _not_made(Path(spec.out), error) from error
    jobs.start_on(job, slurm_options)
    return job


def _not_made(out: Path, error: OSError) -> JobError:
    return JobError(*refusal(error, out, "The output folder can't be made", "Give another with --out."))


def check(spec: ProcessSpec) -> None:
    """Raises:
    UsageError: as `start_processing`.
    """
    from tui_cytpix.formats.outputs.registry import refuse_missing

    unknown = [f for f in spec.formats or () if f not in FORMATS]
    if unknown or spec.formats == ():
        guess = did_you_mean(unknown[0], FORMATS) if unknown else ""
        raise UsageError("Unknown output format", ", ".join(unknown), guess or f"Choose from {', '.join(FORMATS)}.")
    refuse_missing(spec.formats or ())
    check_prefix(spec.prefix)
    if not spec.samples:
        raise UsageError("Nothing to process", "", "Give at least one sample.")
    _refuse_other_results(spec)


def _refuse_other_results(spec: ProcessSpec) -> None:
    """One output folder for each model: results are never mixed or overwritten by another's. Where no job came to its
    end yet, a tube's record tells.
    """
    out = Path(spec.out)
    for path in (out / RECORD, *itertools.islice(out.glob(f"*{OF_TUBE}"), 1)):
        try:
            record = read_json(path)
            hash_, model = record["model_hash"], record["model"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if hash_ != spec.model_hash:
            name = model.get("name") if isinstance(model, dict) else model
            raise UsageError(
                "The folder holds the results of another model", f"{out}: {name}.", "Give a folder for each model."
            )


def process(spec: ProcessSpec, on_event: Follow, members: Mapping[str, Members] = NO_GATES) -> Finished | None:
    """Processes and waits; None where it was stopped before its end.

    A sample's results bear its name, or where that is another's in the folder, one made of it (`output_names`);
    `members` are by path here.

    Raises:
        UsageError, JobError: as `start_processing`; or the engine failed.
    """
    check(spec)
    spec = spec.of(named(Path(spec.out), spec.samples))
    of_names = {one.name: members[one.path] for one in spec.samples if one.path in members}
    events = predict.wait(start_processing(spec, of_names), on_event)
    return next((e for e in reversed(events) if isinstance(e, Finished)), None)


def annotated_as(run: Run, path: Path, channel: str = "") -> str:
    """The name under which a run knows the sample at that path, by its images; "" where it doesn't.

    Raises:
        SampleError: the sample can't be read.
    """
    with open_sample(path, None, channel) as reader:
        found = reader.fingerprint()
    return next((ref.name for ref in run.settings.samples if run.images.fingerprint(ref.name) == found), "")


def shard_of(out: Path, samples: Sequence[SampleAtWork], shard: tuple[int, int]) -> tuple[SampleAtWork, ...]:
    """Every n-th of the samples of a list, from the i-th (from 1), for `shard` (i, n), under their names in the folder:
    these are claimed for the whole list, so that they don't depend on which part of it is first.

    Raises:
        UsageError: the folder can't be made.
    """
    first, step = shard
    return named(out, samples)[first - 1 :: step]


def named(out: Path, samples: Sequence[SampleAtWork]) -> tuple[SampleAtWork, ...]:
    """The samples under the names that are theirs in the folder from now on.

    Raises:
        UsageError: the folder can't be made.
    """
    try:
        return claimed(out, samples)
    except OSError as error:
        raise _not_made(out, error) from error


def processed_samples(run: Run) -> list[SampleRef]:
    """Those whose results are wanted."""
    return [sample for sample in run.settings.in_use if sample.role != "training"]


def records(run: Run) -> dict[str, ProcessRecord]:
    """Of all results in the run that tell, by their folders' names."""
    found = {}
    for path in sorted((run.path / PROCESSED).glob(f"*/{RECORD}")):
        try:
            found[path.parent.name] = from_plain(ProcessRecord, read_json(path))
        except (OSError, ValueError):  # not written to its end, or damaged
            continue
    return found


def process_run(
    run: Run, model: ModelEntry, formats: Sequence[str], slurm_options: Sequence[str] | None = None
) -> JobFolder:
    """Processes the run's research samples into a folder of `processed/` in the run: one for each model, zoom that is
    set, and gate. Where a gate is in use, only the images in it, and no sample without any. An FCS tells which events
    are in which of the run's gates.

    A sample that is not the one that it was is left out, and counts as failed.

    Raises:
        SampleError: a sample can't be read, lacks a parameter of the gate, or no image of any is in it; or none is the
            one that it was.
        UsageError, JobError: as `start_processing`.
    """
    wanted = processed_samples(run)
    exchanged = run_samples.changed(run, [s.name for s in wanted])
    samples = [s for s in wanted if s.name not in exchanged]
    if exchanged and not samples:
        raise next(iter(exchanged.values()))
    gate = gate_in_use(run)
    inside = gates.to_draw_from(run, samples) if gate else {}
    zoom = run.settings.zoom_of(*(s.name for s in samples))
    settings = run.settings.train
    run.renew_fingerprints()
    chosen = [s for s in samples if inside.get(s.name, True)]
    members, problems = _members(run, chosen) if "fcs" in formats else ({}, [])
    return start_processing(
        ProcessSpec(
            samples=tuple(
                SampleAtWork(
                    name=s.name,
                    path=str(run.folder.sample_path(s)),
                    um_per_px=s.um_per_px,
                    scale_source=s.scale_source or "given",
                    channel=s.channel,
                    find_scale=False,
                    events=tuple(inside[s.name]) if gate else None,
                    fingerprint=run_samples.seen_fingerprint(run, s.name),
                )
                for s in chosen
            ),
            model=model.path,
            model_hash=model.hash,
            out=str(run.path / PROCESSED / _folder_name(model, zoom, gate)),
            formats=tuple(formats),
            size_cutoff_um=model.card.size_cutoff_um,
            zoom=zoom,
            gate=gate,
            left_out=tuple(Failure(name, reason=str(error)) for name, error in exchanged.items()),
            notes=tuple(problems),
            device=settings.device,
            threads=settings.threads,
        ),
        members,
        slurm_options,
    )


def _folder_name(model: ModelEntry, zoom: float, gate: str) -> str:
    name = f"{model.card.name}-{model.hash.removeprefix('sha256:')[:8]}"
    if zoom:
        name = f"{name}-zoom-{zoom:g}"
    return f"{name}-gate-{hashlib.sha256(gate.encode()).hexdigest()[:8]}" if gate else name


def _members(run: Run, samples: Sequence[SampleRef]) -> tuple[dict[str, Members], list[str]]:
    """Of the run's gates, by sample; sentences about gates that can't be applied to one.

    Raises:
        SampleError: a sample can't be read.
    """
    found, problems = {}, []
    for sample in samples if run.settings.gates else ():
        found[sample.name], why = gates.members_in_fcs(EventTable(run, sample.name), run.settings.gates)
        problems += [f"{sample.name}: no column of the gate {one}" for one in why]
    return found, problems
