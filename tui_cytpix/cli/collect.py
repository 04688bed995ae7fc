"""`collect DIR`: the tubes that `process` wrote into a folder, side by side in a table and on one page."""

from __future__ import annotations

import argparse

from tui_cytpix.cli.output import note, say, say_json
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.domain.sample_names import sample_name
from tui_cytpix.workflow.report.batch_page import as_plain, summary_lines
from tui_cytpix.workflow.report.batch_page import collect as collect_batch
from tui_cytpix.workflow.run.sample_sheet import read_sheet


def collect(arguments: argparse.Namespace) -> int:
    listed = [
        SampleAtWork(name=sample_name(one.path), path=str(one.path.resolve()), labels=dict(one.labels))
        for one in (read_sheet(arguments.sheet) if arguments.sheet is not None else ())
    ]
    found = collect_batch(arguments.out, listed, arguments.page)
    if arguments.json:
        say_json(as_plain(found))
        return 0
    say(*summary_lines(found.batch))
    for tube in found.batch.tubes:
        if tube.apart:
            say(f"{tube.name}: {'; '.join(tube.apart.values())}")
    note(*(f"{tube.state_in_words}: {tube.name}: {tube.why}" for tube in found.batch.tubes if tube.why))
    say(found.page, found.table)
    return 0
