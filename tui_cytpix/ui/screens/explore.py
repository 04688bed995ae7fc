"""Explore, on top of steps 3 and 5: populations in plots, gates drawn by key, from a gate to its images and back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui import hints
from tui_cytpix.ui.commands import bindings, of_scope
from tui_cytpix.ui.screens.plotting import PlotScreen
from tui_cytpix.ui.widgets.choice_panel import ChoicePanel
from tui_cytpix.ui.widgets.event_image import EventImageView
from tui_cytpix.ui.widgets.event_plot import EventPlot
from tui_cytpix.ui.widgets.gallery import Gallery, GalleryItem
from tui_cytpix.ui.widgets.hint import Words
from tui_cytpix.ui.widgets.table import Table
from tui_cytpix.workflow import base_model, evaluate, explore, gates
from tui_cytpix.workflow.event_plot import short
from tui_cytpix.workflow.exploration import Exploration
from tui_cytpix.workflow.explore import Population, axis_name

COLUMNS = ("Sample", "Gate", "Events", "% parent", "% all", "Images", "% images", "per µl", *(
    f"{axis} {what}" for axis in "xy" for what in ("median", "mean", "CV %", "rSD")
))  # fmt: skip


class ExploreScreen(PlotScreen):
    """Panes: the plot with its populations (main), the images of a population, the table of statistics."""

    step = "evaluate"
    on_top = True
    SCOPES = ("explore", "plot", "step", "gallery", "table")
    CSS_PATH = "explore.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("explore")
    IN_EVERY_PANE: ClassVar[frozenset[str]] = frozenset(
        {"explore.enter", "explore.images", "explore.statistics", "explore.export"}
    )

    def __init__(self, step: str = "evaluate") -> None:
        """`step` is the one that it is opened from."""
        super().__init__()
        self.step = step
        self._model: ModelEntry | None = None

    def work(self) -> Iterable[Widget]:
        """One pane at a time."""
        with ContentSwitcher(initial="main"):
            with Horizontal(id="main"):
                yield EventPlot(shades=self.cytpix.surface.shades, id="plot")
                with Vertical(id="side"):
                    with VerticalScroll(id="list", can_focus=False):
                        yield Words(id="populations")
                    yield EventImageView(id="pointed")
            yield Gallery(id="images", without=("gallery.open", "gallery.gate"))
            yield Table(COLUMNS, choose=False, id="statistics")
        yield ChoicePanel("parameter (q or Esc: leave)", "Take it", id="parameters")

    @property
    def gallery(self) -> Gallery:
        """The images of the events shown."""
        return self.query_one("#images", Gallery)

    @property
    def table(self) -> Table:
        """Gates and samples."""
        return self.query_one("#statistics", Table)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The plot's commands belong to the plot."""
        if self.pane in ("main", ""):
            return True
        return action not in {c.action_name for c in of_scope("explore") if c.id not in self.IN_EVERY_PANE}

    async def enter(self) -> None:
        """The first sample; then the newest model's answers, for the pictures."""
        self.query_one("#pointed", EventImageView).can_focus = False
        self.set_focus(self.plot)
        seen = self.exploration
        if not seen.samples:
            self.report("This run has no sample yet: add one in step 3.")
            return
        self.say("Reading the sample.")
        self.change(lambda seen: seen.open_first())
        self._model = await asyncio.to_thread(self._newest_model)
        if self._model is not None:
            await self.session.load_predictions(self._model)

    def _newest_model(self) -> ModelEntry | None:
        run = self.session.run
        if run.folder.model_path.is_file():
            return evaluate.new_model(run)
        return base_model.base_of(run) if run.settings.base_model.model else None

    def answer_on(self, key: ImageKey) -> Segmentation | None:
        """The newest model's."""
        return None if self._model is None else self.session.prediction(self._model, key)

    def say_next(self) -> None:
        """What the pane is for."""
        seen = self.exploration
        names = [axis_name(axis) for axis in seen.axes]
        self.say(hints.explore(self.pane, names, seen.gate, len(seen.corners), seen.missing))

    # Gates

    def action_corner(self) -> None:
        """At the crosshair, at once: the next key may close the gate."""
        self.exploration.add_corner(self.plot.at)
        self.redraw()

    def action_undo(self) -> None:
        """Takes the last corner back."""
        if self.exploration.corners:
            self.exploration.corners.pop()
            self.redraw()
        else:
            self.report("No corner is put yet.")

    def action_enter(self) -> None:
        """Closes the gate, or goes from an image or a row of the table to the plot."""
        if self.pane == "images":
            self._to_point()
        elif self.pane == "statistics":
            self._to_population()
        elif self.exploration.missing:
            self.report(f"{self.exploration.missing} {self.key('explore.corner')} puts one at the crosshair.")
        else:
            taken = {gate.name for gate in self.exploration.gates}
            free = next(f"Gate {n}" for n in range(1, len(taken) + 2) if f"Gate {n}" not in taken)
            self.ask("Name of the gate:", free, self._close_gate)

    def _close_gate(self, name: str) -> None:
        self.exploration.close_gate(name)
        self.redraw()

    def action_next_gate(self) -> None:
        """Its events."""
        self.change(lambda seen: seen.step_gate(1))

    def action_previous_gate(self) -> None:
        """Its events."""
        self.change(lambda seen: seen.step_gate(-1))

    def action_delete(self) -> None:
        """Asks first."""
        name = self.exploration.gate
        if not name:
            self.report(f"All events are shown: {self.key('explore.next-gate')} goes to a gate.")
            return
        self.ask_panel.confirm(
            f"Delete the gate {name}, and the gates that lie in it?",
            lambda: self.start(self._delete_gate(), "delete"),
        )

    async def _delete_gate(self) -> None:
        self.exploration.delete_gate()
        self.redraw()

    def action_selection(self) -> None:
        """Step 3 draws from the gate shown, or from all again."""
        run, name = self.session.run, self.exploration.gate
        before = run.settings.selection.gate
        if not name and not before:
            self.report(f"Show a gate first: {self.key('explore.next-gate')}. Step 3 can draw its images only.")
            return
        wanted = "" if name == before else name
        gates.use_for_selection(run, wanted)
        said = f"only images in {wanted}" if wanted else "images of all events"
        self.redraw(lambda _none: self.report(f"Step 3 draws {said} when it selects next."))

    # Images

    def action_images(self) -> None:
        """To the images of the events shown, and back."""
        if self.pane == "images":
            self.close_panels()
            return
        self.change(lambda seen: seen.images(), self._show_images)

    def _show_images(self, found: list[tuple[ImageKey, float]]) -> None:
        if not found:
            self.report("None of the events shown has an image.")
            return
        self.gallery.set_items(GalleryItem(key, self.answer_on(key), caption=f"x {short(x)}") for key, x in found)
        pointed = self.exploration.event
        if pointed:
            self.gallery.go_to(ImageKey(self.exploration.table.sample, pointed))
        self.show_pane("images")
        self.set_focus(self.gallery)
        self.say_next()

    def _to_point(self) -> None:
        key = self.gallery.current_key
        if key is not None:
            self.exploration.event = key.event
            self.close_panels()
            self.redraw(lambda _none: self.point_out(key.event))

    def focus_main(self) -> None:
        """The plot."""
        self.set_focus(self.plot)

    # Statistics and export

    def action_statistics(self) -> None:
        """To the table, and back."""
        if self.pane == "statistics":
            self.close_panels()
            return
        self.change(Exploration.all_populations, self._show_statistics)

    def _show_statistics(self, found: list[Population]) -> None:
        rows = []
        for one in found:
            numbers = explore.statistics_row(one)
            counts = ["–" if one.problem else str(number) for number in (one.events, one.images)]
            shares = [short(n) for n in (numbers[1], numbers[2], numbers[4], numbers[5])]
            sums = [short(n) for start in (6, 11) for n in numbers[start + 1 : start + 5]]
            cells = [counts[0], *shares[:2], counts[1], *shares[2:], *sums]
            cells += [""] * (len(COLUMNS) - 2 - len(cells))
            name = "  " * one.depth + one.gate
            rows.append((f"{one.sample}\n{one.gate}", [one.sample, name, *cells]))
        self.table.fill(rows)
        self.show_pane("statistics")
        self.set_focus(self.table)
        self.say_next()

    def _to_population(self) -> None:
        sample, _, gate = self.table.cursor_key.partition("\n")
        name = "" if gate == gates.ALL else gate
        self.close_panels()
        self.change(lambda seen: seen.go_to(sample, name))

    def action_export(self) -> None:
        """Asks where to."""
        seen = self.exploration
        if self.pane == "statistics":
            default = Path.cwd() / f"{self.session.run.settings.name}-statistics.csv"
            self.ask("Write the statistics of all gates and samples to:", str(default), self._export_statistics)
        else:
            shown = seen.gate or gates.ALL
            default = Path.cwd() / f"{seen.table.sample}-{shown}.csv".replace("/", "_")
            self.ask(f"Write the events of {shown} to (.csv: these axes, .fcs: all):", str(default), self._export)

    def _export(self, text: str) -> None:
        if text:
            path = Path(text).expanduser()
            self.change(lambda seen: seen.export(path), lambda count: self.report(f"{count} events: {path}"))

    def _export_statistics(self, text: str) -> None:
        if text:
            path = Path(text).expanduser()
            self.change(lambda seen: seen.export_statistics(path), lambda count: self.report(f"{count} rows: {path}"))
