"""`process SAMPLE ... --model M --out DIR`: count, mask and measure whole samples."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, table, tell
from tui_cytpix.domain.gate import Members
from tui_cytpix.domain.jobs.events import Failure, Finished, Log
from tui_cytpix.domain.jobs.events import Progress as ProgressEvent
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.processed import RECORD
from tui_cytpix.domain.jobs.specs import ProcessSpec, SampleAtWork
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.domain.sample_names import sample_name
from tui_cytpix.domain.words import duration
from tui_cytpix.errors import CytpixError, JobError, UsageError
from tui_cytpix.workflow.base_model.library import find
from tui_cytpix.workflow.evaluate import slurm_array
from tui_cytpix.workflow.evaluate.process import annotated_as, check, named, shard_of
from tui_cytpix.workflow.evaluate.process import process as process_samples
from tui_cytpix.workflow.evaluate.tube_status import TubeState, to_submit, totals, totals_in_words, tube_states
from tui_cytpix.workflow.explore.gates import RunGate
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.run_samples import exchanged_in_words


def process(arguments: argparse.Namespace) -> int:
    model, gate = find(arguments.model), options.gate_of(arguments, columns=True)
    samples: Sequence[SampleAtWork] = [
        SampleAtWork(
            name=sample_name(given.path),
            path=str(given.path.resolve()),
            um_per_px=given.um_per_px,
            channel=arguments.channel,
            labels=dict(given.labels),
        )
        for given in options.given_samples(arguments)
    ]
    if arguments.shard is not None:
        part, parts = arguments.shard
        samples, given = shard_of(arguments.out.resolve(), samples, arguments.shard), len(samples)
        if not samples:
            note(f"Part {part} of {parts} has no sample: {given} {'was' if given == 1 else 'were'} given.")
    slurm_options = options.slurm_options(arguments)
    if slurm_options is None and (arguments.tasks or arguments.retry):
        raise UsageError("Which scheduler?", "", "Give --on slurm with --tasks and --retry.")
    if arguments.status or slurm_options is not None:
        spec = _spec(arguments, model, gate, _Wanted(list(samples)))
        return _status(arguments, spec) if arguments.status else _on_slurm(arguments, spec, slurm_options or [])
    wanted = _wanted(arguments, samples, model, gate)
    ended, spec = Finished(outputs=(), failures=tuple(wanted.failures)), _spec(arguments, model, gate, wanted)
    if wanted.samples:
        ended = _followed(spec, wanted.members)
    outputs, failures = ended.outputs or (), ended.failures or ()
    result = {"out": str(arguments.out), "outputs": outputs, "failures": to_plain(failures)}
    more = {"already": ended.already or 0, "elsewhere": ended.elsewhere or ()}
    tell(arguments.json, {**result, **more}, *outputs)
    note(*(f"failed: {failure}" for failure in failures))
    if ended.already:
        note(f"{ended.already} done already; --force does them again")
    note(*_summary(spec, ended))
    return 1 if failures else 0


def _summary(spec: ProcessSpec, ended: Finished) -> list[str]:
    """How the samples stand now, in numbers, and where the results are."""
    tubes = tube_states(spec)
    states = [*(tube.state for tube in tubes), *(TubeState.FAILED for _ in spec.left_out)]
    if not states:
        return []
    told = totals_in_words(totals(states))
    failed = sum(tube.failed for tube in tubes if tube.state is TubeState.DONE)
    images = f"{sum(tube.images for tube in tubes)} images{f', {failed} more failed' if failed else ''}"
    spent = f" in {duration(ended.seconds)}" if ended.seconds else ""
    lines = [f"{len(states)} sample{'' if len(states) == 1 else 's'}: {told}; {images}{spent}."]
    if ended.outputs:
        lines.append(f"Results: {spec.out}. What was done, and how: {Path(spec.out) / RECORD}.")
        lines.append(f"Side by side on one page: tui-cytpix collect {spec.out}")
    return lines


@dataclass
class _Wanted:
    """What is to be processed, `members` by path, and what can't be."""

    samples: list[SampleAtWork] = field(default_factory=list)
    members: dict[str, Members] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _wanted(
    arguments: argparse.Namespace, samples: Sequence[SampleAtWork], model: ModelEntry, gate: RunGate | None
) -> _Wanted:
    annotated, notes = _annotated(arguments, samples)
    wanted = _Wanted(notes=notes)
    for sample in samples:
        path = Path(sample.path)
        try:
            events = tuple(gate.events_of(path)) if gate is not None and gate.name else None
            found, problems = (None, []) if gate is None else gate.members_of(path)
        except CytpixError as error:
            wanted.failures.append(Failure(sample.path, reason=str(error)))
            continue
        wanted.notes += exchanged_in_words(model, path)
        wanted.notes += [f"{sample.name}: no column of the gate {problem}" for problem in problems]
        if found is not None:
            wanted.members[sample.path] = found
        wanted.samples.append(sample.only(events).as_annotated(annotated.get(sample.path, "")))
    return wanted


def _annotated(arguments: argparse.Namespace, samples: Sequence[SampleAtWork]) -> tuple[dict[str, str], list[str]]:
    """The names by which the run whose annotations are wanted knows the samples, by path, and sentences on those that
    it doesn't; what can't be read is told where it is processed.
    """
    names: dict[str, str] = {}
    if arguments.annotations is None:
        return names, []
    with Run.open(arguments.annotations, writing=False) as run:
        for sample in samples:
            with contextlib.suppress(CytpixError):
                names[sample.path] = annotated_as(run, Path(sample.path), arguments.channel)
    unknown = [sample.name for sample in samples if names.get(sample.path) == ""]
    return names, [f"{name}: {arguments.annotations} has no such sample, and no annotations of it." for name in unknown]


def _spec(arguments: argparse.Namespace, model: ModelEntry, gate: RunGate | None, wanted: _Wanted) -> ProcessSpec:
    return ProcessSpec(
        samples=tuple(wanted.samples),
        model=model.path,
        model_hash=model.hash,
        out=str(arguments.out.resolve()),
        formats=arguments.format,
        size_cutoff_um=model.card.size_cutoff_um if arguments.size_cutoff is None else arguments.size_cutoff,
        zoom=arguments.zoom,
        prefix=arguments.prefix,
        device=arguments.device,
        threads=arguments.threads,
        gate="" if gate is None else gate.words,
        left_out=tuple(wanted.failures),
        notes=tuple(wanted.notes),
        annotations=str(arguments.annotations.resolve()) if arguments.annotations else "",
        force=arguments.force,
    )


def _followed(spec: ProcessSpec, members: Mapping[str, Members]) -> Finished:
    with Progress("processing") as progress:

        def on_event(event: LogLine) -> None:
            if isinstance(event, ProgressEvent):
                several = f", sample {event.sample} of {event.samples}" if event.samples > 1 else ""
                progress(event.done, event.total, event.share if several else None, several)
            elif isinstance(event, Log):
                progress.note(event.text)

        ended = process_samples(spec, on_event, members)
    if ended is None:
        raise JobError("Processing was stopped before its end", f"{spec.out}.", "Start it again.")
    return ended


def _status(arguments: argparse.Namespace, spec: ProcessSpec) -> int:
    tubes = tube_states(spec)
    found = totals(tube.state for tube in tubes)
    rows = [(tube.state, tube.name, tube.images or "", _told(tube.why, tube.failed)) for tube in tubes]
    tell(
        arguments.json,
        {"out": str(arguments.out), "tubes": [asdict(tube) for tube in tubes], "totals": found},
        *table(("STATE", "SAMPLE", "IMAGES", "NOTE"), rows),
        f"{len(tubes)} samples: {totals_in_words(found)}",
    )
    return 0 if found[TubeState.DONE] == len(tubes) else 1


def _told(why: str, failed: int) -> str:
    return why or (f"{failed} failed" if failed else "")


def _on_slurm(arguments: argparse.Namespace, spec: ProcessSpec, slurm_options: Sequence[str]) -> int:
    """Submits the samples that aren't done, and tells of those that failed before."""
    check(spec)
    spec = spec.of(named(Path(spec.out), spec.samples))
    tubes = tube_states(spec)
    chosen = to_submit(tubes, force=arguments.force, retry=arguments.retry)
    array = None
    if chosen:
        waiting = [sample for sample in spec.samples if sample.path in chosen]
        array = slurm_array.submit(Path(spec.out), waiting, _for_tasks(arguments, spec), slurm_options, arguments.tasks)
    failed = [tube for tube in tubes if tube.state is TubeState.FAILED and tube.path not in chosen]
    told = {} if array is None else {"job": array.job, "tasks": array.tasks, "script": str(array.script)}
    submitted = [] if array is None else [tube.name for tube in array.tubes]
    found = totals(tube.state for tube in tubes)
    line = f"nothing to submit: {totals_in_words(found)}"
    if array is not None:
        number = f"{len(submitted)} of {len(tubes)} samples in {array.tasks} task{'s' if array.tasks > 1 else ''}"
        line = f"Slurm's job {array.job}: {number} (--tasks N for another number); {array.script}"
    failures = [{"sample": tube.name, "reason": tube.why} for tube in failed]
    result = {
        "out": spec.out,
        **told,
        "submitted": submitted,
        "totals": found,
        "failures": failures,
    }
    tell(arguments.json, result, line)
    note(*(f"failed before: {tube.name}: {tube.why}" for tube in failed))
    if failed:
        note("--retry submits them again")
    return 1 if failed else 0


def _for_tasks(arguments: argparse.Namespace, spec: ProcessSpec) -> list[str]:
    """The options of this call that each task needs as well; scales and labels are in the list."""
    gates = "" if arguments.gates_of is None else str(arguments.gates_of.resolve())
    cutoff = "" if arguments.size_cutoff is None else repr(arguments.size_cutoff)
    texts = {
        "--model": str(Path(spec.model).resolve()),
        "--format": ",".join(spec.formats or ()),
        "--size-cutoff": cutoff,
        "--zoom": repr(spec.zoom) if spec.zoom else "",
        "--channel": arguments.channel,
        "--prefix": spec.prefix,
        "--annotations": spec.annotations,
        "--gate": arguments.gate,
        "--gates-of": gates,
        "--device": spec.device,
        "--threads": str(spec.threads),
    }
    flags = {"--force": spec.force, "--debug": getattr(arguments, "debug", False)}
    named = [f"{option}={text}" for option, text in texts.items() if text]
    return [*named, *(option for option, on in flags.items() if on)]
