"""Runs in a list: one line each, with name, step, training, and the end of the path, for whatever width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.style import Style
from rich.text import Text

from tui_cytpix.domain.jobs.training import TrainingStatus
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.widgets.lines.step_rail import LABELS, training_text
from tui_cytpix.workflow.run.recent_runs import RunSummary

MARGIN = 2
STEP = 10  # columns
LEAST_PATH = 16
WIDE = 100  # columns, from which on there is room for the number of samples and the date


def run_rows(runs: Sequence[RunSummary], training: Mapping[Path, TrainingStatus], width: int) -> list[Text]:
    """A line of at most `width` cells for each."""
    told = {path: training_text(status) for path, status in training.items()}
    works = max((len(words) + 1 for words in told.values()), default=0)
    rest = [f"{run.samples} sample{'' if run.samples == 1 else 's'}" for run in runs] if width >= WIDE else []
    more = max((len(words) for words in rest), default=0) + 14 if rest else 0
    room = width - MARGIN - STEP - works - more
    name = max(8, min(max((len(printable(run.name)) for run in runs), default=0) + 1, room - LEAST_PATH))
    rows = []
    for number, run in enumerate(runs):
        text = Text(" " * MARGIN, no_wrap=True, overflow="ellipsis")
        named = Text(printable(run.name))
        named.truncate(name - 1, overflow="ellipsis", pad=True)
        text.append(f"{named.plain} ", Style(bold=True))
        text.append(LABELS.get(run.step, "").ljust(STEP))
        if works:
            text.append(told.get(run.path, "").ljust(works), Style(bold=True))
        if rest:
            text.append(f"{rest[number].ljust(more - 12)}{printable(run.created)[:10]}  ")
        text.append(path_end(run.path, room - name), Style(dim=True))
        rows.append(text)
    return rows


def path_end(path: Path, room: int) -> str:
    """The path; where that does not fit its last folders, behind an ellipsis."""
    words = printable(path)
    if len(words) <= room:
        return words
    parts = words.split("/")
    for first in range(1, len(parts)):
        end = "/".join(["…", *parts[first:]])
        if len(end) <= room:
            return end
    return f"…{parts[-1][-max(1, room - 1) :]}"
