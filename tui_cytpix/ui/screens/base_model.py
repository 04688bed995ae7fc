"""Step 2: which model to start training from? The library, and up to four models side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.zoom import Zoom
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.frame import hints
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.model_choice import known_here
from tui_cytpix.ui.panes.questions import ask_export, ask_zoom
from tui_cytpix.ui.widgets.boxes import ContentSwitcher, Horizontal, Vertical
from tui_cytpix.ui.widgets.gallery.example_images import ExampleImages
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.ui.widgets.pictures.pair_view import PairView, shown_pairs
from tui_cytpix.ui.widgets.tables.model_table import ModelTable, card_lines
from tui_cytpix.workflow.assess import review, triage
from tui_cytpix.workflow.base_model import differences, instrument, library, resolution
from tui_cytpix.workflow.run import zoom

COMPARED_IMAGES, MOST_COMPARED = 24, 4
COLUMNS_MEAN = (
    "Right here: images expected to be counted right; {key} estimates it (asks all models: minutes). "
    "Per 1000: time for 1000 images. Sees: resolution, µm/px."
)
ADVICE = "Half resolution is the faster: look at half first, and move to full where you see errors or loose masks."


class BaseModelScreen(WorkScreen):
    """Panes: the library with the card of the model under the cursor (main), models side by side."""

    step = "base_model"
    SCOPES = ("base_model", "step", "table", "pair")
    IN_EVERY_PANE: ClassVar[frozenset[str]] = frozenset({"base_model.magnify"})
    MAIN = "ModelTable"
    CSS_PATH = "base_model.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._library: list[ModelEntry] = []
        self._compared: tuple[ModelEntry, ...] = ()
        self._answers_read: set[str] = set()

    def work(self) -> Iterable[Widget]:
        with ContentSwitcher(initial="main"):
            with Horizontal(id="main"):
                with Vertical(id="models"):
                    yield ModelTable(id="library")
                    yield Words(id="columns-mean")
                with VerticalScroll(id="card", can_focus=False):
                    yield Words(id="card-words")
                yield ExampleImages(id="examples")
            yield PairView(id="pair")

    @property
    def table(self) -> ModelTable:
        return self.query_one(ModelTable)

    @property
    def images(self) -> tuple[ImageKey, ...]:
        """What models are compared on: the first of step 1's random images."""
        return self.session.run.settings.assess.sequence[:COMPARED_IMAGES]

    async def enter(self) -> None:
        self.set_focus(self.table)
        self.query_one("#columns-mean", Words).say(COLUMNS_MEAN.format(key=self.key("base_model.triage")))
        self.say_next()
        await self._load()

    async def _load(self) -> None:
        self._library = await asyncio.to_thread(instrument.candidates, self.session.run)
        if not self._library:
            self.query_one("#card-words", Words).say(
                "The library is empty.", f"Import a model file with {self.key('base_model.import')}."
            )
        self._show()
        self.start(self._read_answers(), "answers")

    async def _read_answers(self) -> None:
        """What the models have answered tells how large they saw the images."""
        for entry in self._library:
            await self.session.load_predictions(entry)
            self._answers_read.add(entry.hash)
        self._show()

    def _zooms_of(self, model: ModelEntry) -> dict[str, Zoom]:
        return zoom.zooms_of(self.session.run, self.session.predict.store(model))

    @property
    def _proposing(self) -> str:
        """The hash of the model whose answers annotating begins from, where that is not the base."""
        chosen = self.session.run.settings.base_model.proposals
        return next((entry.hash for entry in self._library if chosen and library.reference(entry) == chosen), "")

    def _show(self) -> None:
        chosen = self.session.run.settings.base_model.hash
        here = {entry.hash: known_here(self.session, entry) for entry in self._library}
        self.table.show(self._library, chosen, self.session.marked_models, self._proposing, here)
        self.query_one(ExampleImages).invite(f"{self.key('base_model.compare')} draws images of your sample")
        self._show_card()
        self.say_next()

    def say_next(self) -> None:
        run = self.session.run
        self.say(hints.base_model(run.settings, len(self.session.marked_models), zoom.setting_in_words(run)))

    def _show_card(self) -> None:
        entry = self.table.current
        if entry is not None:
            zoomed = zoom.in_words(self._zooms_of(entry)) if entry.hash in self._answers_read else []
            about = [*zoomed, self._proposals_words(entry), "" if entry.card.of_instrument else ADVICE]
            self.query_one("#card-words", Words).say(*card_lines(entry), " ", *about)
            if entry.hash in self._answers_read:
                self._show_examples(entry)

    def _show_examples(self, entry: ModelEntry) -> None:
        """Of this run's images, as the model annotates them."""
        self.query_one(ExampleImages).show(entry, self.images or self.session.run.settings.selection.images)

    async def action_triage(self) -> None:
        """Asks all models, and puts what is expected of each into the table."""
        if self.pane == "main":
            self.start(self._triage(), "triage")

    async def _triage(self) -> None:
        run = self.session.run
        found = await self.in_thread("Asking the models", lambda progress: triage.right_here(run, progress))
        if found:
            self.session.right_here = found
            self._show()
            self.report(triage.ESTIMATE)

    def _proposals_words(self, entry: ModelEntry) -> str:
        if entry.hash == self._proposing:
            return "Annotating begins from its answers (○)."
        return f"{self.key('base_model.propose')} lets annotating begin from it." if entry.card.of_instrument else ""

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._show_card()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        entry = self.table.entry(str(event.row_key.value))
        if entry is None:
            return
        compared = next((e.card.name for e in self._compared if e.hash != entry.hash), "")
        try:
            library.choose(self.session.run, entry, compared)
        except CytpixError as error:
            self.report(error)
            return
        self.report(f"{entry.card.name} is the base model of this run.")
        self.refresh_rail()
        self._show()

    def focus_main(self) -> None:
        super().focus_main()
        self._show()  # images may have been drawn, and answered

    def action_propose(self) -> None:
        """Lets annotating begin from the answers of the model under the cursor; of the base, from the base's again."""
        entry, run = self.table.current, self.session.run
        if entry is None or self.pane != "main":
            return
        instrument.refuse(run, entry)
        library.propose_by(run, entry)
        self.report(" ".join([f"Annotating begins from {entry.card.name}.", *instrument.noted_in_words(run, entry)]))
        self._show()

    def action_magnify(self) -> None:
        """Asks how large models see images of unknown scale; in a comparison, asks the models again."""
        ask_zoom(self, self._show if self.pane == "main" else lambda: self._start_comparing(self._compared))

    # Side by side

    def action_mark(self) -> None:
        """At most four; a fifth takes the place of the first."""
        entry = self.table.current
        if entry is None or self.pane != "main":
            return
        if entry.hash in self.session.marked_models:
            self.session.marked_models.remove(entry.hash)
        else:
            self.session.marked_models = [*self.session.marked_models, entry.hash][-MOST_COMPARED:]
        self._show()

    def action_compare(self) -> None:
        """Those marked; with one or none marked, the one under the cursor beside it or beside the chosen base."""
        wanted = list(self.session.marked_models)
        for extra in (self.table.cursor_key, self.session.run.settings.base_model.hash):
            if len(wanted) < 2 and extra and extra not in wanted:
                wanted.append(extra)
        found = [e for h in wanted for e in self._library if e.hash == h]
        if len(found) < 2:
            self.report(f"Mark two models first ({self.key('base_model.mark')}).")
            return
        self._start_comparing(tuple(found))

    def _start_comparing(self, models: tuple[ModelEntry, ...]) -> None:
        self.start(self._compare(models), "compare")

    async def _compare(self, models: tuple[ModelEntry, ...]) -> None:
        if not self.images:
            drawn = await self.in_thread(
                "Drawing random images", lambda _progress: review.draw(self.session.run, COMPARED_IMAGES)
            )
            if not drawn:
                return
        self._compared = models
        pair = self.query_one(PairView)
        pair.name_models(*(model.card.name for model in models))
        self.show_pane("pair")
        self.set_focus(pair)
        for model in models:
            await self.session.load_predictions(model)
            self.session.ask_model(model, self.images)
        self.predictions_came()

    def predictions_came(self) -> None:
        """Sorts what all have answered, the most different first, and says what is measured."""
        if self.pane == "main":
            self._show_card()
        if not self._compared or self.pane != "pair":
            return
        predict = self.session.predict
        stores = [predict.store(model) for model in self._compared]
        names = [model.card.name for model in self._compared]
        found = differences.between(self.images, *stores)
        two = len(stores) == 2
        words = differences.in_words(found, *names) if two else differences.several_in_words(found, names)
        self.query_one(PairView).show_pairs(shown_pairs(found, *stores))
        self.say(" ".join(part for part in (words, self._resolution_words(), self._zoom_words()) if part))

    def _resolution_words(self) -> str:
        found = resolution.siblings(self._compared)
        if found is None or self.session.progress.busy:
            return ""
        predict = self.session.predict
        half, full = (predict.store(model) for model in found)
        speeds = (predict.images_per_second(found[0]), predict.images_per_second(found[1]))
        return resolution.in_words(resolution.half_against_full(self.images, half, full, speeds))

    def _zoom_words(self) -> str:
        """How large the compared models see samples of unknown scale."""
        told = {
            model.card.name: {name: one for name, one in self._zooms_of(model).items() if one.um_per_px is None}
            for model in self._compared
        }
        return " ".join(f"{line}." for line in zoom.by_model_in_words(told))

    # Files

    def action_import_model(self) -> None:
        self.ask_path("Model file to take into the library:", self._import)

    async def _import(self, path: Path) -> None:
        entry = await asyncio.to_thread(library.import_model, path)
        self.report(f"{entry.card.name} is in the library.")
        await self._load()

    def action_export_model(self) -> None:
        entry = self.table.current
        if entry is not None:
            ask_export(self, entry, "Copy the model's file to:")
