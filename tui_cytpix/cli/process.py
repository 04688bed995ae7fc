"""`process SAMPLE ... --model M --out DIR`: count, mask and measure whole samples."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, tell
from tui_cytpix.domain.gate import Members
from tui_cytpix.domain.jobs.events import Failure, Finished, Log
from tui_cytpix.domain.jobs.events import Progress as ProgressEvent
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import ProcessSpec, SampleAtWork
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.domain.sample_names import sample_name
from tui_cytpix.errors import CytpixError, JobError
from tui_cytpix.workflow.base_model.library import find
from tui_cytpix.workflow.evaluate.process import annotated_as
from tui_cytpix.workflow.evaluate.process import process as process_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.run_samples import exchanged_in_words


def process(arguments: argparse.Namespace) -> int:
    model, gate = find(arguments.model), options.gate_of(arguments, columns=True)
    samples: list[SampleAtWork] = []
    failures: list[Failure] = []
    members: dict[str, Members] = {}
    listed = options.given_samples(arguments)
    annotated, notes = _annotated(arguments, [given.path for given in listed])
    for given in listed:
        path = given.path
        try:
            events = tuple(gate.events_of(path)) if gate is not None and gate.name else None
            found, problems = (None, []) if gate is None else gate.members_of(path)
        except CytpixError as error:
            failures.append(Failure(str(path), reason=str(error)))
            continue
        notes += exchanged_in_words(model, path)
        name, at = sample_name(path), str(path.resolve())
        if found is not None:
            members[at] = found
        notes += [f"{name}: no column of the gate {problem}" for problem in problems]
        samples.append(
            SampleAtWork(
                name=name,
                path=at,
                um_per_px=given.um_per_px,
                channel=arguments.channel,
                events=events,
                labels=dict(given.labels),
                annotated_as=annotated.get(path, ""),
            )
        )
    outputs: list[str] = []
    if samples:
        spec = ProcessSpec(
            samples=tuple(samples),
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
            left_out=tuple(failures),
            notes=tuple(notes),
            annotations=str(arguments.annotations.resolve()) if annotated else "",
        )
        ended = _followed(spec, members)
        outputs += ended.outputs or ()
        failures = list(ended.failures or ())
    tell(
        arguments.json,
        {"out": str(arguments.out), "outputs": outputs, "failures": to_plain(failures)},
        *outputs,
    )
    note(*(f"failed: {failure}" for failure in failures))
    return 1 if failures else 0


def _annotated(arguments: argparse.Namespace, paths: Sequence[Path]) -> tuple[dict[Path, str], list[str]]:
    """The names by which the run whose annotations are wanted knows the samples, and sentences on those that it
    doesn't; what can't be read is told where it is processed.
    """
    names: dict[Path, str] = {}
    if arguments.annotations is None:
        return names, []
    with Run.open(arguments.annotations, writing=False) as run:
        for path in paths:
            with contextlib.suppress(CytpixError):
                names[path] = annotated_as(run, path, arguments.channel)
    unknown = [sample_name(path) for path, name in names.items() if not name]
    return names, [f"{name}: {arguments.annotations} has no such sample, and no annotations of it." for name in unknown]


def _followed(spec: ProcessSpec, members: Mapping[str, Members]) -> Finished:
    with Progress("processing") as progress:

        def on_event(event: LogLine) -> None:
            if isinstance(event, ProgressEvent):
                progress(event.done, event.total)
            elif isinstance(event, Log):
                progress.note(event.text)

        ended = process_samples(spec, on_event, members)
    if ended is None:
        raise JobError("Processing was stopped before its end", f"{spec.out}.", "Start it again.")
    return ended
