"""Step 3: what to train on? The samples, and the selection of their images."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable

from tui_cytpix.domain.entered_numbers import whole
from tui_cytpix.domain.run_settings import MAX_PREVIEW, MIN_PREVIEW
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.frame import hints
from tui_cytpix.ui.frame.handed import Handed
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.sample_labels import SampleLabels
from tui_cytpix.ui.session import Task
from tui_cytpix.ui.widgets.boxes import ContentSwitcher, Horizontal, Vertical
from tui_cytpix.ui.widgets.gallery.enlarging_gallery import EnlargingGallery
from tui_cytpix.ui.widgets.gallery.gallery import GalleryItem
from tui_cytpix.ui.widgets.lines.hint import Words, heading, labelled
from tui_cytpix.ui.widgets.plots.coverage_plot import CoveragePlot
from tui_cytpix.workflow.evaluate.across_units import shared_in_words
from tui_cytpix.workflow.samples import coverage, selection
from tui_cytpix.workflow.samples.coverage import Coverage
from tui_cytpix.workflow.samples.selection import Selection

SELECTING = "Looking at morphologies"
UNKNOWN_SCALE = (
    "Pixel size unknown: the size cutoff is off and fields in micrometres stay empty; all else works. "
    "0.3 µm/px is common on the Attune CytPix; others differ: state it only where you know it."
)


class SamplesScreen(WorkScreen):
    """Panes: the samples with the coverage picture (main), the selected images."""

    step = "samples"
    LEGEND = (("▲", "chosen for variety"), ("+", "added as similar"), ("■", "marked"))
    SCOPES = ("samples", "step", "table", "gallery")
    MAIN = "SampleLabels"
    CSS_PATH = "samples.tcss"
    IN_EVERY_PANE: ClassVar[frozenset[str]] = frozenset({"samples.images"})

    def __init__(self) -> None:
        super().__init__()
        self.table = SampleLabels(self)
        self._selection: Selection | None = None
        self._coverage: list[Coverage] = []
        self._foreseen: tuple[object, str] = (None, "")

    def work(self) -> Iterable[Widget]:
        with ContentSwitcher(initial="main"):
            with Vertical(id="main"):
                yield self.table
                with Horizontal(id="below"):
                    with VerticalScroll(id="about", can_focus=False):
                        yield Words(id="about-words")
                    yield CoveragePlot(id="coverage")
            yield EnlargingGallery(id="selected")

    async def enter(self) -> None:
        self.table.show()
        self.set_focus(self.table)
        await self._load_selection()
        self.start(self._open_samples(), "open samples")

    async def _load_selection(self) -> None:
        self._selection = await asyncio.to_thread(coverage.load, self.session.run)
        self.show_selection()
        if self._selection is None and self.session.run.settings.selection.images:
            self.start(self._draw_map(), "map")

    async def _draw_map(self) -> None:
        """Of a run whose selection has none: another build made it, or it was left in the middle."""
        run = self.session.run
        if self.session.task is None:  # else it comes with what is at work
            self._selection = await self.in_thread("Drawing the map", lambda tell: coverage.draw(run, tell))
            self.show_selection()
            await self._find_coverage()

    async def _open_samples(self) -> None:
        await self._find_coverage()
        await self.table.count_images()

    async def _find_coverage(self) -> None:
        """Of the research samples and the gates in them; those need the samples' FCS."""
        if self._selection is not None:
            self._coverage = await asyncio.to_thread(coverage.figures, self.session.run, self._selection)
            self.say_next()

    def returned(self) -> None:
        """Back from the plots, where gates may be others, or from similar images, of which some may be selected."""
        self.start(self._come_back(), "coverage")

    def task_ended(self, task: Task) -> None:  # noqa: ARG002
        """Selecting went on while another screen was shown."""
        if self.pane == "main":
            self.start(self._come_back(), "coverage")

    async def _come_back(self) -> None:
        if self._selection is None or self._selection.settings.images != self.session.run.settings.selection.images:
            await self._load_selection()
        self.say_next()
        await self._find_coverage()

    def say_next(self) -> None:
        settings = self.session.run.settings
        self.say(hints.samples(settings))
        chosen = settings.selection
        lines: list[str | Text] = []
        sample = self.table.current
        if sample is not None:
            path = self.session.run.folder.sample_path(sample)
            lines += [heading(sample.name), self.table.changed.get(sample.name, ""), labelled("Path", str(path))]
            if sample.channel:
                lines.append(labelled("Channel", f"{sample.channel} ({self.key('samples.channel')} for another)"))
            if sample.um_per_px is None:
                lines.append(UNKNOWN_SCALE)
        lines.append(shared_in_words(settings.samples))
        lines.append(labelled("Preview", f"{chosen.preview} images"))
        if chosen.gate:
            lines.append(labelled("Gate", f"{chosen.gate}: only its events' images are selected"))
        elif sample is not None:
            lines.append(f"{self.key('samples.explore')} plots the events; images can be drawn from a gate only.")
        if chosen.images:
            lines.append(Text.assemble(labelled("Selected", f"{len(chosen.images)}: "), chosen.groups_in_words))
        elif self.session.task is not None and self.session.task.name == SELECTING:
            lines.append("Images are being selected.")
        else:
            lines.append("Nothing is selected yet.")
        notes = self._selection.notes if self._selection else ()
        if not any(s.role == "training" for s in settings.samples) and selection.NOTHING_LEFT not in notes:
            lines.append(
                "No sample is marked for training: the research samples serve for both. "
                "Step 5 then evaluates on images of the same samples that training never saw."
            )
        lines.extend(one.in_words() for one in self._coverage)
        if self._coverage and self._selection and coverage.uncovered(self._selection):
            lines.append(f"{self.key('samples.uncovered')} shows the images that have none nearby.")
        if not chosen.images and self.session.task is None:
            self._look_ahead()
            lines.append(self._foreseen[1])
        lines.extend(notes)
        self.query_one("#about-words", Words).say(*lines)

    def show_selection(self) -> None:
        chosen, found = self.session.run.settings.selection, self._selection
        if found is not None:
            self.query_one(CoveragePlot).show(found.candidates, found.positions, found.axes, chosen)
        self.gallery.set_items(
            [GalleryItem(key, caption="random", verdict="random") for key in chosen.random]
            + [GalleryItem(key, badges="▲", caption="variety", verdict="variety") for key in chosen.variable]
            + [GalleryItem(key, badges="+", caption="similar", verdict="similar") for key in chosen.similar]
        )
        self.say_next()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self.say_next()

    # Labels

    action_label = Handed("table", "ask_label")
    action_role = Handed("table", "next_role")
    action_scale = Handed("table", "ask_scale")
    action_channel = Handed("table", "ask_channel")
    action_add = Handed("table", "ask_path")

    # The selection

    def action_preview(self) -> None:
        self.ask_number(
            f"How many images to preview ({MIN_PREVIEW} to {MAX_PREVIEW}; more for heterogeneous samples)?",
            self.session.run.settings.selection.preview,
            self._select_unless_lost,
            whole(MIN_PREVIEW, MAX_PREVIEW),
        )

    def action_select(self) -> None:
        self._select_unless_lost(self.session.run.settings.selection.preview)

    def _select_unless_lost(self, preview: int) -> None:
        """Asks first where annotations could fall out of the preview."""
        run = self.session.run
        if run.settings.selection.images and run.annotations.decided():
            self.ask_panel.confirm(
                "Select anew? Your annotations stay and still train, but the preview shows other images.",
                lambda: self.start(self._select(preview), "select"),
            )
        else:
            self.start(self._select(preview), "select")

    def _look_ahead(self) -> None:
        """Whether a selection would leave too few images for step 5, told before it is made; samples are opened for
        it.
        """
        settings, touched = self.session.run.settings, len(self.session.run.annotations.touched)
        state = (settings.samples, settings.selection.preview, settings.selection.gate, settings.assess, touched)
        if self.entered and state != self._foreseen[0]:
            self._foreseen = state, ""
            self.start(self._foresee(state), "look ahead")

    async def _foresee(self, state: object) -> None:
        run = self.session.run
        with contextlib.suppress(CytpixError):  # what can't be read is told where samples are counted
            words = await asyncio.to_thread(selection.leaves_too_few, run, run.settings.selection.preview)
            if self._foreseen[0] == state:
                self._foreseen = state, words
                self.say_next()

    async def _select(self, preview: int) -> None:
        run = self.session.run
        run.update(replace(run.settings, selection=replace(run.settings.selection, preview=preview)))
        self.say_next()
        with contextlib.suppress(CytpixError):  # selecting tells
            if words := await asyncio.to_thread(selection.leaves_too_few, run, preview):
                self.report(words)
        found = await self.in_thread(SELECTING, lambda tell: coverage.select(run, preview, tell))
        if found is None:
            return
        self._selection = found
        self.refresh_rail()
        self.show_selection()
        await self._find_coverage()

    def action_images(self) -> None:
        if self.pane == "selected":
            self.close_panels()
        elif not self.session.run.settings.selection.images:
            self.report(f"Nothing is selected yet: {self.key('samples.select')} selects.")
        else:
            self.show_selection()
            self._show_gallery()

    def _show_gallery(self) -> None:
        self.show_pane("selected")
        self.set_focus(self.gallery)

    def action_uncovered(self) -> None:
        found = coverage.uncovered(self._selection) if self._selection else []
        if not found:
            known = self._selection is not None and bool(self._selection.probed)
            self.report("Every image looked at has a selected one nearby." if known else "Select images first.")
            return
        self.gallery.set_items(GalleryItem(key, None, "○", "warn", key.sample) for key in found)
        self._show_gallery()
        self.say("Images of the research samples that look like nothing selected: {samples.images} leads back.")
