"""`process SAMPLE ... --model M --out DIR`: count, mask and measure whole samples."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, say, say_json
from tui_cytpix.domain.jobs.events import Finished, Log
from tui_cytpix.domain.jobs.events import Progress as ProgressEvent
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import PREFIX, ProcessSpec, SampleAtWork
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.errors import CytpixError, JobError


def parser(prog: str) -> argparse.ArgumentParser:
    """The verb's command line."""
    parser = options.Parser(prog=prog, description="Processes all images of the samples and writes the results to DIR.")
    options.add_samples(parser)
    parser.add_argument("--model", required=True, metavar="M", help="a library name or a model file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the output folder")
    parser.add_argument(
        "--format",
        type=_formats,
        metavar="F,F",
        help="of fcs, csv, masks, instrument-masks; default: csv, and fcs where there is one",
    )
    parser.add_argument(
        "--size-cutoff", type=options.micrometres, metavar="UM", help="default: the model's own; 0 turns it off"
    )
    options.add_zoom(parser)
    parser.add_argument("--prefix", default=PREFIX, help="of the parameters added to the FCS; default: %(default)s")
    options.add_gate(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(handler=process)
    return parser


def process(arguments: argparse.Namespace) -> int:
    """Follows the engine to its end; what failed is listed last."""
    from tui_cytpix.workflow.base_model.library import find
    from tui_cytpix.workflow.run.run_samples import unique_name

    model, gate = find(arguments.model), options.gate_of(arguments)
    samples: list[SampleAtWork] = []
    failures: list[dict[str, Any]] = []
    for path in arguments.samples:
        try:
            events = None if gate is None else tuple(gate.events_of(path))
        except CytpixError as error:
            failures.append({"sample": str(path), "reason": str(error)})
            continue
        name = unique_name(path, {sample.name for sample in samples})
        scale = arguments.um_per_px
        samples.append(SampleAtWork(name=name, path=str(path.resolve()), um_per_px=scale, events=events))
    outputs: list[Any] = []
    if samples or not failures:
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
        )
        ended = _followed(spec)
        outputs += ended.outputs or ()
        failures += to_plain(ended.failures or ())
    return _report(arguments, outputs, failures)


def _followed(spec: ProcessSpec) -> Finished:
    from tui_cytpix.workflow.evaluate.process import process as process_samples

    with Progress("processing") as progress:

        def on_event(event: LogLine) -> None:
            if isinstance(event, ProgressEvent):
                progress(event.done, event.total)
            elif isinstance(event, Log):
                progress.note(event.text)

        ended = process_samples(spec, on_event)
    if ended is None:
        raise JobError("Processing was stopped before its end", f"{spec.out}.", "Start it again.")
    return ended


def _report(arguments: argparse.Namespace, outputs: list[Any], failures: list[dict[str, Any]]) -> int:
    if arguments.json:
        say_json({"out": str(arguments.out), "outputs": outputs, "failures": failures})
    else:
        say(*outputs)
    for failure in failures:
        where = ":".join(part for part in (failure.get("sample"), failure.get("event")) if part)
        note(f"failed: {where}: {failure.get('reason', '')}")
    return 1 if failures else 0


def _formats(text: str) -> tuple[str, ...]:
    return tuple(f.strip() for f in text.split(",") if f.strip())
