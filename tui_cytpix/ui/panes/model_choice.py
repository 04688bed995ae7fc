"""Another model to judge: the library as a pane."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import DataTable

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.judging import Judging
from tui_cytpix.ui.session import Session
from tui_cytpix.ui.widgets.boxes import Vertical
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.ui.widgets.tables.model_table import ModelTable
from tui_cytpix.workflow.base_model import instrument


def known_here(session: Session, model: ModelEntry) -> tuple[str, str]:
    """How often its counts are expected to be right on this run's samples, and what 1000 images took in this session;
    empty where that is not known.
    """
    right, pace = session.right_here.get(model.hash), session.predict.images_per_second(model)
    return (
        "" if right is None else f"{right[0]:.0%} ({right[1]:.0%}–{right[2]:.0%})",
        "" if math.isnan(pace) else f"{1000 / pace:.0f} s",
    )


class ModelChoice(Vertical):
    """Gives `judging` the model that is chosen, then calls `taken` with it. A message would arrive after the keys that
    wait for this.
    """

    def __init__(
        self, screen: WorkScreen, judging: Judging, question: str, taken: Callable[[ModelEntry], object]
    ) -> None:
        super().__init__(id="models")
        self._frame, self._judging, self._question, self._taken = screen, judging, question, taken
        self._table = ModelTable(id="library")

    def compose(self) -> ComposeResult:
        yield Words(self._question, id="models-words")
        yield self._table

    def open(self) -> None:
        self._frame.start(self._list(), "models", first=True)

    async def _list(self) -> None:
        found = await asyncio.to_thread(instrument.candidates, self._frame.session.run)
        if not found:
            self._frame.report("The library is empty: import a model in step 2.")
            return
        here = {entry.hash: known_here(self._frame.session, entry) for entry in found}
        self._table.show(found, self._judging.model.hash if self._judging.model else "", here=here)
        self._frame.show_pane("models")
        self._frame.set_focus(self._table)
        self._frame.say_next()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        model = self._table.entry(str(event.row_key.value))
        if model is not None:
            self._frame.start(self._take(model), "model", first=True)

    async def _take(self, model: ModelEntry) -> None:
        run = self._frame.session.run
        await asyncio.to_thread(instrument.refuse, run, model, run.settings.assess.required)
        await self._frame.session.load_predictions(model)
        self._judging.model = model
        self._frame.show_pane("main")
        self._taken(model)
        self._frame.focus_main()
