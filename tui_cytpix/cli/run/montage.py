"""`run gate DIR montage`: images of gates as a picture."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, tell
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.base_model.library import find
from tui_cytpix.workflow.report import montage as report_montage
from tui_cytpix.workflow.report.montage import Answers
from tui_cytpix.workflow.run import predict
from tui_cytpix.workflow.run.refuse_existing import refuse_existing
from tui_cytpix.workflow.run.run import Run


def montage(arguments: argparse.Namespace) -> int:
    """Status 1 where some of what was asked for can't be shown."""
    report_montage.check_path(arguments.out)
    refuse_existing(arguments.out)
    if arguments.overlay:
        with options.writing(Run.open(arguments.run)) as run:
            return _montage(run, arguments)
    with Run.open(arguments.run, writing=False) as run:
        return _montage(run, arguments)


def _montage(run: Run, arguments: argparse.Namespace) -> int:
    known = [sample.name for sample in run.settings.in_use]
    if unknown := [name for name in arguments.samples or () if name not in known]:
        raise UsageError("Which sample?", f"{', '.join(unknown)}.", f"Give --sample, some of {', '.join(known)}.")
    asked = list(dict.fromkeys(arguments.names)) or [""]
    drawn, problems = report_montage.draw(run, asked, arguments.samples or known, arguments.images, arguments.seed)
    overlay: tuple[str, Answers] | None = None
    if arguments.overlay:
        model, keys = find(arguments.overlay), [key for one in drawn for key in one.images]
        with Progress("processing") as progress:
            answers = predict.predict_now(run, model, keys, progress, arguments.device, arguments.threads)
        overlay = model.card.name, answers.get
    with Progress("drawing") as progress:
        panels, unread = report_montage.write_montage(arguments.out, run, drawn, arguments.seed, progress, overlay)
    problems += unread
    shown = {"out": str(arguments.out), "seed": arguments.seed, "panels": [asdict(one) for one in panels]}
    tell(
        arguments.json,
        {"run": str(run.path), **shown, "problems": problems},
        *map(report_montage.in_words, panels),
        str(arguments.out),
    )
    note(*problems)
    return 1 if problems else 0
