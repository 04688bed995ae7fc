"""`run add|label DIR SAMPLE`: the samples of a run, and what it says of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from tui_cytpix.cli import options
from tui_cytpix.cli.output import note, table, tell
from tui_cytpix.domain.sample import LABELS, PLATE_LABELS, SampleRef, labels_of
from tui_cytpix.errors import CytpixError
from tui_cytpix.workflow.evaluate.across_units import shared_in_words
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples.channel import set_channel


def add(arguments: argparse.Namespace) -> int:
    """Takes further samples into the run; one that can't be taken doesn't stop the others."""
    labels = {name: value for name in (*LABELS, *PLATE_LABELS) if (value := getattr(arguments, name)) is not None}
    added: list[SampleRef] = []
    failures: list[dict[str, str]] = []
    with options.writing(Run.open(arguments.run)) as run:
        given = options.given_samples(arguments)
        together = [one.path for one in given]
        for one in given:
            try:
                said = {**one.labels, **labels}
                added.append(run_samples.add_sample(run, one.path, one.um_per_px, arguments.channel, together, **said))
            except CytpixError as error:
                failures.append({"sample": str(one.path), "reason": str(error)})
                continue
            name = added[-1].name
            note(*run_samples.problems_in_words(run, name), *run_samples.copies_in_words(run, name))
        unknown = [ref.name for ref in added if ref.um_per_px is None]
    if unknown:
        note(f"The pixel size of {', '.join(unknown)} is unknown: give it with `run label --um-per-px`.")
    note(*(f"failed: {failure['sample']}: {failure['reason']}" for failure in failures))
    tell(
        arguments.json,
        {"run": str(arguments.run), "samples": [asdict(ref) for ref in added], "failures": failures},
        *(f"{ref.name} is added." for ref in added),
    )
    return 1 if failures else 0


def label(arguments: argparse.Namespace) -> int:
    """Reads only where nothing is to change, so that it works beside an open app."""
    labels = {name: value for name in (*LABELS, *PLATE_LABELS) if (value := getattr(arguments, name)) is not None}
    if labels or arguments.um_per_px is not None or arguments.channel is not None:
        with options.writing(Run.open(arguments.run)) as run:
            for name in arguments.samples:
                run_samples.sample(run, name)  # all are there, or none is changed
            for name in arguments.samples:
                run_samples.label(run, name, **labels)
                if arguments.um_per_px is not None:
                    run_samples.set_pixel_size(run, name, arguments.um_per_px or None)
            names = arguments.samples
            if arguments.channel is not None:
                names = [set_channel(run, name, arguments.channel).name for name in names]
            note(*filter(None, [shared_in_words(run.settings.samples)]))
            return _tell(run, names, arguments.json)
    with Run.open(arguments.run, writing=False) as run:
        return _tell(run, arguments.samples, arguments.json)


def _tell(run: Run, names: Sequence[str], as_json: bool) -> int:
    found = [run_samples.sample(run, name) for name in dict.fromkeys(names)]
    several = any(one.channel for one in found)
    told = tuple(labels_of(found))
    rows = [
        (
            one.name,
            *(label or "-" for label in one.labels(told)),
            f"{one.um_per_px:.4g}" if one.um_per_px else "unknown",
            *([one.channel or "-"] if several else []),
        )
        for one in found
    ]
    tell(
        as_json,
        {"run": str(run.path), "samples": [asdict(one) for one in found]},
        *table(("sample", *told, "um/px", *(["channel"] if several else [])), rows),
    )
    return 0
