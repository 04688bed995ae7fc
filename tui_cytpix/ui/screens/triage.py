"""Which model for a sample, without a review: all models ranked, and the images most likely wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.frame.base import BaseScreen
from tui_cytpix.ui.widgets.lines.hint import Words, heading
from tui_cytpix.ui.widgets.lines.task_bar import TaskBar
from tui_cytpix.ui.widgets.tables.table import Table
from tui_cytpix.workflow.assess import triage
from tui_cytpix.workflow.assess.triage import SampleTriage, TriageRequest

COLUMNS = ("Model", "Counts wrong", "Unsure", "Wavers", "Unlike general", "Half/full", "Unfamiliar")
SIGNS = ("unsure", "wavering", "apart", "resolution", "unlike")


class Left(Exception):  # noqa: N818 - not an error: the user left
    """Ends the work in the thread."""


class TriageScreen(BaseScreen):
    """Asks the models in a thread; Enter on one starts a run with it."""

    SCOPES = ("table",)
    BINDINGS: ClassVar[list[BindingType]] = []
    DEFAULT_CSS = """
    TriageScreen #ranks { height: auto; max-height: 50%; margin: 1 0; }
    TriageScreen VerticalScroll { height: 1fr; }
    """

    @dataclass
    class Chosen(Message):
        """A run on the sample shall start with this model to judge."""

        path: Path
        model: ModelEntry

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._left = False
        self.found: SampleTriage | None = None

    def body(self) -> Iterable[Widget]:
        yield Words(f"Asking all models about {self._path.name} …", id="advice")
        yield Table(COLUMNS, id="ranks")
        with VerticalScroll(can_focus=False):
            yield Words(id="doubtful")
        yield TaskBar()

    def on_mount(self) -> None:
        self.rail.name_of_run = "triage"
        self.set_focus(self.query_one(Table))
        self.start(self._ask(), "triage")

    def on_unmount(self) -> None:
        """The engine need not go on."""
        self._left = True

    async def _ask(self) -> None:
        try:
            (self.found,) = await asyncio.to_thread(triage.triage, TriageRequest((self._path,)), self._progress)
        except Left:
            return
        except CytpixError as error:
            self.query_one("#advice", Words).say(str(error))
            self.query_one(TaskBar).clear()
            return
        self.query_one(TaskBar).clear()
        self._show(self.found)

    def _progress(self, done: int, total: int) -> None:
        if self._left:
            raise Left
        self.app.call_from_thread(self._show_progress, done, total)

    def _show_progress(self, done: int, total: int) -> None:
        if self.is_attached:
            self.query_one(TaskBar).show_progress("Asking the models:", done, total, "q leaves")

    def _show(self, found: SampleTriage) -> None:
        self.query_one("#advice", Words).say(
            heading(triage.in_words(found)),
            *found.notes,
            triage.ESTIMATE,
            triage.seen_in_words(found),
            *found.problems,
            "⏎ starts a run in which the model under the cursor is judged.",
        )
        rows = []
        for one in found.models:
            signs = [getattr(one.signs, name) for name in SIGNS]
            cells = ["–" if value != value else f"{value:.0%}" for value in signs]  # noqa: PLR0124 - NaN
            expected = f"{one.expected:.0%} ({one.low:.0%}–{one.high:.0%})"
            rows.append((one.model.hash, (one.model.card.name, expected, *cells)))
        self.query_one(Table).fill(rows)
        best = found.models[0].model.card.name
        lines = [
            f"{one.image.event}: {best} counts {one.counts[best]}; {one.why} ("
            + ", ".join(f"{name} {count}" for name, count in one.counts.items() if name != best)
            + ")"
            for one in found.doubtful
        ]
        title = "The images most likely counted wrong:" if lines else "No image stands out as doubtful."
        self.query_one("#doubtful", Words).say(heading(title), *lines)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        models = [] if self.found is None else [one.model for one in self.found.models]
        model = next((m for m in models if m.hash == event.row_key.value), None)
        if model is not None:
            self.app.post_message(self.Chosen(self._path, model))
