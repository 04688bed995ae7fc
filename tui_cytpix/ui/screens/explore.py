"""Explore, on top of steps 3 and 5: populations in plots, gates drawn by key, from a gate to its images and back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.widget import Widget

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.frame import hints
from tui_cytpix.ui.frame.handed import Handed
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.event_tables import EventTables
from tui_cytpix.ui.panes.plot_pane import PlotPane
from tui_cytpix.ui.widgets.boxes import ContentSwitcher
from tui_cytpix.ui.widgets.gallery.gallery import Gallery, GalleryItem
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import trial
from tui_cytpix.workflow.explore import flowjo, gates
from tui_cytpix.workflow.explore.axes import X, Y
from tui_cytpix.workflow.explore.exploration import Exploration
from tui_cytpix.workflow.explore.plot import short
from tui_cytpix.workflow.explore.populations import axis_name

CLOSER, FARTHER = 0.5, 2.0
MOST_DETAILS = 5  # of an import, in a notice


class ExploreScreen(WorkScreen):
    """Panes: the plot with its populations (main), the images of a population, its events, statistics of all."""

    step = "evaluate"
    on_top = True
    SCOPES = ("explore", "plot", "step", "gallery", "table")
    CSS_PATH = "explore.tcss"
    MAIN = "EventPlot"
    IN_EVERY_PANE: ClassVar[frozenset[str]] = frozenset(
        {"explore.enter", "explore.images", "explore.events", "explore.statistics", "explore.export"}
    )

    def __init__(self, step: str = "evaluate") -> None:
        super().__init__()
        self.step = step
        self._model: ModelEntry | None = None
        self.plotting = PlotPane(self, self._answer_on)
        self.tables = EventTables(self, self.plotting)

    def work(self) -> Iterable[Widget]:
        with ContentSwitcher(initial="main"):
            yield self.plotting
            yield Gallery(id="images", without=("gallery.open", "gallery.gate"))
            yield self.tables.events
            yield self.tables.statistics

    async def enter(self) -> None:
        self.set_focus(self.plotting.plot)
        explored = self.plotting.exploration
        if not explored.samples:
            self.report("This run has no sample yet: add one in step 3.")
            return
        self.say("Reading the sample.")
        try:
            await asyncio.to_thread(explored.open_first)
        except CytpixError as error:
            self.say("There is nothing to plot yet; {app.back} leads back.")
            self.report(error)
        else:
            self.plotting.redraw(lambda _none: self.plotting.read_ahead())
        self._model = await asyncio.to_thread(self._newest_model)
        if self._model is not None:
            await self.session.load_predictions(self._model)

    def _newest_model(self) -> ModelEntry | None:
        run = self.session.run
        if run.folder.model_path.is_file():
            return trial.new_model(run)
        return library.base_of(run) if run.settings.base_model.model else None

    def _answer_on(self, key: ImageKey) -> Segmentation | None:
        return None if self._model is None else self.session.prediction(self._model, key)

    def say_next(self) -> None:
        explored = self.plotting.exploration
        names = [axis_name(axis) for axis in explored.axes]
        self.say(hints.explore(self.pane, names, explored.gate, len(explored.corners), explored.missing))

    # The plot, and tables of it

    action_x = Handed("plotting", "offer", X)
    action_y = Handed("plotting", "offer", Y)
    action_x_scale = Handed("plotting", "change", lambda explored: explored.next_scale(X))
    action_y_scale = Handed("plotting", "change", lambda explored: explored.next_scale(Y))
    action_x_range = Handed("plotting", "ask_range", X)
    action_y_range = Handed("plotting", "ask_range", Y)
    action_zoom_in = Handed("plotting", "zoom", CLOSER)
    action_zoom_out = Handed("plotting", "zoom", FARTHER)
    action_whole = Handed("plotting", "change", Exploration.whole)
    action_compensate = Handed("plotting", "compensate")
    action_nearest = Handed("plotting", "nearest")
    action_next_sample = Handed("plotting", "step_sample", 1)
    action_previous_sample = Handed("plotting", "step_sample", -1)
    action_next_gate = Handed("plotting", "change", lambda explored: explored.step_gate(1))
    action_previous_gate = Handed("plotting", "change", lambda explored: explored.step_gate(-1))
    action_image_gate = Handed("plotting", "name_image_gate")
    action_events = Handed("tables", "open_events")
    action_statistics = Handed("tables", "open_statistics")
    action_export = Handed("tables", "export")

    # Gates

    def action_corner(self) -> None:
        """At the crosshair, at once: the next key may close the gate."""
        self.plotting.exploration.add_corner(self.plotting.plot.at)
        self.plotting.redraw()

    def action_undo(self) -> None:
        if self.plotting.exploration.corners:
            self.plotting.exploration.corners.pop()
            self.plotting.redraw()
        else:
            self.report("No corner is put yet.")

    def action_enter(self) -> None:
        """Closes the gate, or goes from an image or a row of a table to the plot."""
        if self.pane == "images":
            key = self.gallery.current_key
            self.tables.to_point("" if key is None else key.event)
        elif self.pane in ("events", "statistics"):
            self.tables.take_row()
        elif self.plotting.exploration.missing:
            self.report(f"{self.plotting.exploration.missing} {self.key('explore.corner')} puts one at the crosshair.")
        else:
            taken = {gate.name for gate in self.plotting.exploration.gates}
            free = next(f"Gate {n}" for n in range(1, len(taken) + 2) if f"Gate {n}" not in taken)
            self.ask("Name of the gate:", free, self._close_gate)

    def _close_gate(self, name: str) -> None:
        self.plotting.exploration.close_gate(name)
        self.plotting.redraw()

    def action_delete(self) -> None:
        name = self.plotting.exploration.gate
        if not name:
            self.report(f"All events are shown: {self.key('explore.next-gate')} goes to a gate.")
            return
        self.ask_panel.confirm(
            f"Delete the gate {name}, and the gates that lie in it?",
            lambda: self.plotting.change(Exploration.delete_gate),
        )

    def action_import(self) -> None:
        self.ask_path("FlowJo workspace (.wsp) whose gates the run takes:", self._import)

    async def _import(self, path: Path) -> None:
        run = self.session.run
        found = await self.in_thread("Reading the workspace", lambda _progress: flowjo.find_gates(run, path))
        if found is None:
            return
        gates.add(run, *found.gates)
        rest = len(found.details) - MOST_DETAILS
        more = [f"{rest} sentences more: `tui-cytpix run gate {run.path.name} import` tells them."] if rest > 0 else []
        said = "\n".join([found.summary, *found.details[:MOST_DETAILS], *more])
        self.plotting.redraw(lambda _none: self.report(said))

    def action_selection(self) -> None:
        """Images are drawn from the gate shown, or from all events again."""
        run, name = self.session.run, self.plotting.exploration.gate
        before = run.settings.selection.gate
        if not name and not before:
            self.report(f"Show a gate first: {self.key('explore.next-gate')}. Images can be drawn from it only.")
            return
        wanted = "" if name == before else name
        gates.use_for_drawing(run, wanted)
        said = f"only images in {wanted}" if wanted else "images of all events"
        self.plotting.redraw(lambda _none: self.report(f"Steps 1, 3 and 5 draw {said} from the next draw on."))

    # Images

    def action_images(self) -> None:
        if self.pane == "images":
            self.close_panels()
            return
        self.plotting.change(lambda explored: explored.images(), self._show_images)

    def _show_images(self, found: list[tuple[ImageKey, float]]) -> None:
        if not found:
            self.report("None of the events shown has an image.")
            return
        self.gallery.set_items(GalleryItem(key, self._answer_on(key), caption=f"x {short(x)}") for key, x in found)
        pointed = self.plotting.exploration.event
        if pointed:
            self.gallery.go_to(ImageKey(self.plotting.exploration.table.sample, pointed))
        self.show_pane("images")
        self.set_focus(self.gallery)
        self.say_next()
