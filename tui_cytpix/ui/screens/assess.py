"""Step 1: is a new model needed? The goal first, then random images, looked at and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable

from tui_cytpix.domain.entered_numbers import whole
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import GOALS, Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.zoom import Zoom
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.frame import hints
from tui_cytpix.ui.frame.handed import Handed
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.blurred import Blurred
from tui_cytpix.ui.panes.judging import LEGEND, Judging
from tui_cytpix.ui.panes.model_choice import ModelChoice
from tui_cytpix.ui.panes.questions import ask_draw, ask_rates, ask_zoom
from tui_cytpix.ui.panes.review_pane import ReviewPane
from tui_cytpix.ui.widgets.boxes import ContentSwitcher, Vertical
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.lines.hint import Words, labelled
from tui_cytpix.ui.widgets.plots.verdict_plot import VerdictPlot
from tui_cytpix.ui.widgets.tables.table import Table
from tui_cytpix.workflow.assess import goal, over_sampling, review
from tui_cytpix.workflow.assess.verdict import has_fallen
from tui_cytpix.workflow.assess.verdict_words import verdict_lines
from tui_cytpix.workflow.base_model import differences, library
from tui_cytpix.workflow.explore import random_images
from tui_cytpix.workflow.run import zoom

GOAL_WORDS = (
    "What do you study, and which error can you live with? A model is plainly good below the first rate and "
    "intolerable above the second: shares of images with a wrong count, or a bad mask. Both can be changed."
)


class AssessScreen(WorkScreen):
    """Panes: the goal, the gallery with its tally (main), the models, the review."""

    step = "assess"
    LEGEND = LEGEND
    SCOPES = ("assess", "step", "gallery", "review", "image", "table")
    CSS_PATH = ["tallied.tcss", "assess.tcss"]  # noqa: RUF012 - as in Textual

    def __init__(self) -> None:
        super().__init__()
        self.judging = Judging(self)
        self.blurred = Blurred(self, self.judging, self.refresh_all)
        self.review_pane = ReviewPane(self, self.judging)
        self.models = ModelChoice(self, self.judging, "Which model shall be judged?", self._model_taken)

    def work(self) -> Iterable[Widget]:
        with ContentSwitcher(initial="goal" if self.must_stay() else "main"):
            with Vertical(id="main"):
                yield Gallery(id="images")
                with VerticalScroll(id="tally", can_focus=False):
                    yield VerdictPlot(id="verdict")
                    yield Words(id="tally-words")
            with Vertical(id="goal"):
                yield Words(GOAL_WORDS, id="goal-words")
                yield Table(("Goal", "Good up to", "Intolerable from"), id="goals")
            yield self.models
            yield self.review_pane

    async def enter(self) -> None:
        self.query_one("#goals", Table).fill([(g.name, (g.label, f"{g.p0:.0%}", f"{g.p1:.0%}")) for g in GOALS])
        if self.must_stay():
            self.action_goal()
            self.say_next()  # else the model comes first: what to do depends on it
        else:
            self.set_focus(self.gallery)
        try:
            name = self.session.run.settings.assess.model
            self.judging.model = await asyncio.to_thread(library.find, name)
        except CytpixError as error:
            self.report(error)
        else:
            await self.session.load_predictions(self.judging.model)
        self.refresh_all()
        self.blurred.score_where_asked()

    def refresh_all(self) -> None:
        self.gallery.set_items(self.judging.gallery_item(key) for key in self.judging.sequence)
        self.say_next()

    def say_next(self) -> None:
        self.gallery.invite(f"{self.key('assess.process')} draws random images of your sample")
        run, model = self.session.run, self.judging.model
        name = "" if model is None else model.card.name
        predicted = len(self.judging.processed())
        next_step = hints.assess(run.settings, name, predicted, self.judging.assessment(), self.session.progress.busy)
        self.say(self.review_pane.hint() if self.hides_names else hints.PANES.get(self.pane, next_step))
        if model is not None:
            self.tick(has_fallen(self.judging.assessment()))
        if self.pane != "review":  # the tally does not show there, and every key would write it
            told = self.judging.model is not None and predicted
            self.query_one(VerdictPlot).show(self.judging.assessment() if told else None, tall=self.has_class("-wide"))
            self.query_one("#tally-words", Words).say(*self.tally_lines(predicted))

    def tally_lines(self, predicted: int) -> list[str | Text]:
        """Everything known so far, in words; no verdict that the numbers don't carry."""
        model, settings = self.judging.model, self.session.run.settings.assess
        store = None if model is None else self.session.predict.store(model)
        lines: list[str | Text] = []
        if model is not None and predicted:
            lines += [
                *self.magnified_lines(model),
                *[line for line in verdict_lines(self.judging.assessment())[1:] if line],
                *self.judging.repeatability_lines(),
                *self.blurred.lines(),
            ]
        if settings.counting_convention:
            lines += [labelled("Goal", goal.goal_in_words(settings)), *goal.history_in_words(settings)]
        if model is not None and store is not None:
            lines.append(
                labelled("Model", f"{model.card.name}, {predicted} of {len(self.judging.sequence)} images processed")
            )
            lines += zoom.in_words(self.zooms(model, known=True))
            lines.append(differences.counted(self.judging.sequence, store))
            lines.append(differences.crowded_in_words([one.particle_count for one in self.judging.answers()]))
            if settings.counting_convention and not any(self.judging.assessment().counts.values()):
                lines += self.judging.budget_lines()
        lines += self.judging.fresh_lines()
        lines.append(over_sampling.rules_in_words(settings.over_sampling))
        lines.append(random_images.drawn_in_words(self.session.run, settings))
        if settings.counting_convention:
            lines += [
                review.rule_in_words(settings, settings.sequence, settings.over_sampling),
                labelled("Counting convention", settings.counting_convention),
            ]
        return lines

    def magnified_lines(self, model: ModelEntry) -> list[str]:
        """How large the model sees samples of unknown scale: where that is wrong, much else is."""
        changes = f"{self.key('assess.magnify')} changes that."
        return [f"{line}. {changes}" for line in zoom.in_words(self.zooms(model, known=False))]

    def zooms(self, model: ModelEntry, known: bool) -> dict[str, Zoom]:
        """How large the model sees the samples of known, or of unknown, scale."""
        found = zoom.zooms_of(self.session.run, self.session.predict.store(model))
        return {name: one for name, one in found.items() if (one.um_per_px is not None) == known}

    # The goal

    def must_stay(self) -> bool:
        """The goal comes before the first image."""
        return not self.session.run.settings.assess.counting_convention

    def action_goal(self) -> None:
        """Shows the goals; the one that is chosen is stated, again or for the first time."""
        self.show_pane("goal")
        self.set_focus(self.query_one("#goals"))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        ask_rates(self, str(event.row_key.value), self._state)

    def _state(self, name: str, convention: str, p0: float, p1: float, required: tuple[Kind, ...]) -> None:
        review.state_goal(self.session.run, name, convention, p0, p1, required)
        self.show_pane("main")
        self.set_focus(self.gallery)
        self.refresh_rail()
        self.say_next()

    action_model = Handed("models", "open")

    def _model_taken(self, model: ModelEntry) -> None:
        review.choose_model(self.session.run, model)
        self._ask_again()

    def action_magnify(self) -> None:
        """The same images, seen larger or smaller."""
        ask_zoom(self, self._ask_again)

    def _ask_again(self) -> None:
        self.blurred.scores = {}
        self._ask_model(self.judging.sequence)
        self.blurred.score_where_asked()

    def _ask_model(self, images: tuple[ImageKey, ...]) -> None:
        self.refresh_all()
        if self.judging.model is not None and images:
            self.session.ask_model(self.judging.model, images)

    action_blurred = Handed("blurred", "ask")

    # Images

    def action_process(self) -> None:
        if self.judging.model is None:
            self.report("Choose a model first.")
        elif self.must_stay():
            self.action_goal()
        else:
            before = self.session.run.settings.assess
            ask_draw(self, "Process how many random images?", before, review.draw, self.judging.model, self._ask_model)

    def predictions_came(self) -> None:
        model = self.judging.model
        if model is None:
            return
        for item in self.gallery.items:
            if item.segmentation is None and self.judging.shown_prediction(item.key) is not None:
                self.gallery.update_item(self.judging.gallery_item(item.key))
        if self.pane == "review":
            self.review_pane.show_current()
        if not self.session.progress.busy:
            self.blurred.score_where_asked()
        self.say_next()

    def action_over_sample(self) -> None:
        """Asks how seldom plain images shall be shown."""
        model, run = self.judging.model, self.session.run
        if model is None:
            self.report("Choose a model first.")
            return
        settings, words = run.settings.assess, self.judging.budget_lines()
        now = round(1 / settings.over_sampling[-1].shown) if settings.over_sampling else 1

        def take(times: int) -> None:
            over_sampling.over_sample(run, self.step, model, times)
            self.refresh_all()

        question = "Of images that the model finds plain, show one in how many (1: all)?"
        self.ask_number(" ".join([*words, question]), now, take, whole(1, over_sampling.MOST_TIMES))

    # Review

    @property
    def hides_names(self) -> bool:
        return self.pane == "review" and self.judging.blind_first

    action_blind_first = Handed("judging", "switch_blind_first")
    action_undo = Handed("review_pane", "action_take_back", False)
    action_redo = Handed("review_pane", "action_take_back", True)
    action_review = Handed("review_pane", "open")  # from the first image without a judgement on

    def on_gallery_opened(self, event: Gallery.Opened) -> None:
        self.review_pane.open(event.item.key)

    def on_review_pane_changed(self, event: ReviewPane.Changed) -> None:
        self.gallery.update_item(self.judging.gallery_item(event.key))
        self.say_next()
