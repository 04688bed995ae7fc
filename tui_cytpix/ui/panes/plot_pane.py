"""The explore screen's plot: its axes, the crosshair, the populations beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable, shortened
from tui_cytpix.errors import UsageError
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.widgets.boxes import Horizontal, Vertical
from tui_cytpix.ui.widgets.lines.hint import Words, heading, labelled
from tui_cytpix.ui.widgets.panels.choice_panel import Choice
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView
from tui_cytpix.ui.widgets.plots.event_plot import EventPlot
from tui_cytpix.ui.widgets.plots.event_plot_cells import Mark, Picture
from tui_cytpix.workflow.explore.axes import X, Y
from tui_cytpix.workflow.explore.exploration import Exploration, PlotData
from tui_cytpix.workflow.explore.plot import short
from tui_cytpix.workflow.explore.populations import Population, axis_name

T = TypeVar("T")
NAMES = "xy"
NEXT_GATE = "explore.next-gate"
NAME_COLUMNS = 15


class PlotPane(Horizontal):
    """Owns what is looked at; `answer_on` is what a model said about an image, None where it wasn't asked."""

    def __init__(self, screen: WorkScreen, answer_on: Callable[[ImageKey], Segmentation | None]) -> None:
        super().__init__(id="main")
        self._frame, self._answer_on = screen, answer_on
        self._pointed = EventImageView(id="pointed")
        self._exploration: Exploration | None = None
        self._one_at_a_time = asyncio.Lock()

    def compose(self) -> ComposeResult:
        """The plot; beside it the populations above the image of the event that is pointed out."""
        yield EventPlot(self._read_out, shades=self._frame.cytpix.surface.shades, id="plot")
        with Vertical(id="side"):
            with VerticalScroll(id="list", can_focus=False):
                yield Words(id="populations")
            yield self._pointed

    def on_mount(self) -> None:
        """The plot keeps the focus."""
        self._pointed.can_focus = False

    @property
    def exploration(self) -> Exploration:
        """What is looked at; decisions are made there."""
        if self._exploration is None:
            self._exploration = Exploration(self._frame.session.run)
        return self._exploration

    @property
    def plot(self) -> EventPlot:
        return self.query_one(EventPlot)

    # Changes go one after the other, off the event loop

    def change(self, change: Callable[[Exploration], T], then: Callable[[T], Any] = lambda _result: None) -> None:
        """Changes what is looked at, draws it, and hands on the result; a CytpixError becomes a notice."""

        async def work() -> None:
            async with self._one_at_a_time:
                result = await asyncio.to_thread(change, self.exploration)
                await self._draw()
            self._read_out()
            then(result)

        self._frame.start(work(), "plot")

    def redraw(self, then: Callable[[None], Any] = lambda _none: None) -> None:
        self.change(lambda _explored: None, then)

    async def _draw(self) -> None:
        explored = self.exploration
        columns, rows = self.plot.area
        if not explored.axes or not columns or not rows:
            return
        view, found, event, drawn = await asyncio.to_thread(
            lambda: (
                explored.plot_data(columns, rows),
                explored.populations(),
                explored.event_place(),
                explored.drawn(),
            )
        )
        self._show_view(view, found, event, drawn)

    def _show_view(
        self,
        view: PlotData,
        found: list[Population],
        event: tuple[float, float] | None,
        drawn: list[tuple[float, float]],
    ) -> None:
        marks = [Mark(o.points, o.form, "other" if o.shown else "gate") for o in view.outlines]
        form = "open" if len(view.names) == 2 else "x"
        if drawn:
            marks.append(Mark(tuple(drawn), form, "drawn"))
        ticks = [[(tick.share, tick.label) for tick in axis] for axis in view.ticks]
        y_name = view.names[Y] if len(view.names) == 2 else "events"
        self.plot.show(Picture(view.counts, view.names[X], y_name, ticks[X], ticks[Y], marks, event))
        self._say_populations(view, found)
        self._frame.say_next()

    def _say_populations(self, view: PlotData, found: list[Population]) -> None:
        explored = self.exploration
        shown = explored.gate
        settings = self._frame.session.run.settings
        lines: list[str | Text] = [heading(f"{explored.table.sample}: {explored.table.rows} events")]
        for place, one in enumerate(found):
            here = one.gate == shown if place else not shown
            marks = [" ⇒" * (one.gate == settings.selection.gate), " ▣" * (one.gate == settings.image_gate)]
            name = "  " * max(0, one.depth - 1) + one.gate + ("".join(marks) if place else "")
            share = "" if not place else "not here" if one.problem else f"{one.of_parent:5.1f}%"
            text = f"{'▸' if here else ' '}{shortened(name, NAME_COLUMNS):<{NAME_COLUMNS}}{one.events:>6} {share}"
            lines.append(Text(printable(text), Style(bold=True, reverse=True) if here else Style()))
        now = next((one for place, one in enumerate(found) if (one.gate == shown if place else not shown)), None)
        for axis, sums in zip(explored.axes, (now.x, now.y) if now else (), strict=False):
            if sums is not None:
                lines.append(labelled(axis_name(axis), f"median {short(sums.median)}"))
                lines.append(f"  CV {short(round(sums.cv, 1))} %  robust SD {short(sums.robust_sd)}")
        # Always there: a line more or less lays the whole screen out anew.
        lines.append(labelled("off the plot", f"{view.off} of {view.events}"))
        if view.empty:
            lines.append(labelled("without a value", f"{view.empty} of {view.events}"))
        self.query_one("#populations", Words).say(*lines)

    def on_event_plot_resized(self) -> None:
        if self._exploration is not None:
            self.redraw()

    # The crosshair

    def _read_out(self) -> None:
        """Values at the crosshair, and how many events are in its cell."""
        explored = self.exploration
        if not explored.axes or self._one_at_a_time.locked():
            return
        values = explored.values_at(self.plot.at)
        words = "  ".join(f"{name} {short(value)}" for name, value in zip(NAMES, values, strict=False))
        self.plot.say(f"{words}  {self.plot.count_here} here")

    def point_out(self, event: str) -> None:
        """The picture of the event that is pointed out, and its values; the crosshair goes there."""
        explored = self.exploration
        key = ImageKey(explored.table.sample, event) if event else None
        place = explored.event_place()
        if place is not None:
            self.plot.go_to(place)
        values = (
            " ".join(f"{n} {short(v)}" for n, v in zip(NAMES, explored.event_values(), strict=False)) if event else ""
        )
        title = f"{event}: {values}" if event else ""
        self._pointed.show(key, self._answer_on(key) if key else None, title)

    def nearest(self) -> None:
        """Points out the event nearest to the crosshair that has an image."""
        at = self.plot.at
        self.change(lambda explored: explored.nearest(at), self._found)

    def _found(self, event: str) -> None:
        self.point_out(event)
        if not event:
            self._frame.report("None of the events shown has an image and a value on these axes.")

    # Axes

    def offer(self, which: int) -> None:
        """The parameters of an axis; for y, none too."""
        explored = self.exploration

        def choice(parameter: str, row: Text, words: str) -> Choice:
            return Choice(lambda: self.change(lambda explored: explored.set_parameter(which, parameter)), row, words)

        names = [""] if which == Y else []
        choices = [choice("", Text("no parameter: a histogram of x"), "none no histogram")] if which == Y else []
        for known in explored.table.parameters:
            row = Text.assemble((f"{printable(known.name):<34} ", Style(bold=True)), f"{printable(known.label):<14} ")
            row.append(printable(known.source), Style(dim=True))
            choices.append(choice(known.name, row, f"{known.name} {known.label} {known.source}"))
        names += [known.name for known in explored.table.parameters]
        current = explored.axes[which].parameter if which < len(explored.axes) else ""
        self._frame.offer("parameter", "Take it", choices, names.index(current) if current in names else None)

    def ask_range(self, which: int) -> None:
        explored = self.exploration
        if which >= len(explored.axes):
            self._frame.report(f"There is no y axis: {self._frame.key('explore.y')} chooses its parameter.")
            return

        def answered(text: str) -> None:
            try:
                low, high = (float(part) for part in text.replace(",", " ").split())
            except ValueError:
                raise UsageError("This is not two numbers", f"{text!r}") from None
            self.change(lambda explored: explored.set_range(which, low, high))

        self._frame.ask(f"Range of {axis_name(explored.axes[which])}: low and high", "", answered)

    def zoom(self, factor: float) -> None:
        at = self.plot.at
        self.change(lambda explored: explored.zoom(factor, at))

    def compensate(self) -> None:
        self.change(lambda explored: explored.compensate(), self._frame.report)

    def name_image_gate(self) -> None:
        """The gate shown becomes the image gate, or is it no longer; where several have counted particles, asks whose
        counts give cells.
        """
        name, before = self.exploration.gate, self._frame.session.run.settings.image_gate
        if not name and not before:
            self._frame.report(f"Show the gate that the instrument imaged from first: {self._frame.key(NEXT_GATE)}.")
        elif name in ("", before):
            self.change(lambda explored: explored.name_image_gate("", ""), lambda _none: self._say_image_gate("", []))
        else:
            self.change(lambda explored: explored.counters, lambda counters: self._offer_counters(name, counters))

    def _offer_counters(self, gate: str, counters: list[str]) -> None:
        def choice(counter: str) -> Choice:
            return Choice(lambda: self._take_image_gate(gate, counter), Text(printable(counter)), counter)

        if len(counters) > 1:
            self._frame.offer("whose particle counts give cells", "Take them", [choice(one) for one in counters])
        else:
            self._take_image_gate(gate, "")

    def _take_image_gate(self, gate: str, counter: str) -> None:
        self.change(
            lambda explored: explored.name_image_gate(gate, counter),
            lambda problems: self._say_image_gate(gate, problems),
        )

    def _say_image_gate(self, gate: str, problems: list[str]) -> None:
        table = self._frame.key("explore.statistics")
        said = f"{gate} ▣ is the image gate: {table} shows numbers per µl." if gate else "No image gate is named now."
        self._frame.report("\n".join([said, *problems]))

    def step_sample(self, by: int) -> None:
        self.change(lambda explored: explored.step_sample(by), self._sample_shown)

    def _sample_shown(self, _none: None) -> None:
        self.point_out("")
        self.read_ahead()

    def read_ahead(self) -> None:
        self._frame.start(asyncio.to_thread(self.exploration.read_ahead), "read ahead")
