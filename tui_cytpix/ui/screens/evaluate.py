"""Step 5: is the new model better than the base? Then use it, and share it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widget import Widget

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.frame import hints
from tui_cytpix.ui.frame.handed import Handed
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.comparison import Comparison
from tui_cytpix.ui.panes.judging import LEGEND, Judging
from tui_cytpix.ui.panes.model_choice import ModelChoice
from tui_cytpix.ui.panes.pair_review_pane import PairReview
from tui_cytpix.ui.panes.process_pane import ProcessPane, in_a_line
from tui_cytpix.ui.panes.questions import ask_draw, ask_export
from tui_cytpix.ui.panes.review_pane import ReviewPane
from tui_cytpix.ui.widgets.boxes import ContentSwitcher, Vertical
from tui_cytpix.ui.widgets.gallery.gallery import Gallery, GalleryItem
from tui_cytpix.ui.widgets.lines.hint import Words, heading, labelled
from tui_cytpix.ui.widgets.pictures.pair_view import PairView, shown_pairs
from tui_cytpix.ui.widgets.plots.verdict_plot import VerdictPlot
from tui_cytpix.workflow.assess import goal
from tui_cytpix.workflow.assess.verdict import has_fallen
from tui_cytpix.workflow.assess.verdict_words import verdict_lines
from tui_cytpix.workflow.base_model import differences, library
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import held_out_masks, trial
from tui_cytpix.workflow.explore import random_images
from tui_cytpix.workflow.report import sections
from tui_cytpix.workflow.run import zoom


class EvaluateScreen(WorkScreen):
    """Panes: the differences (main), two models side by side, the review of pairs and that of the new model alone, the
    models, processing.
    """

    step = "evaluate"
    LEGEND = (("≠", "the models count differently: 2→1, base and new"), *LEGEND)
    SCOPES = ("evaluate", "step", "gallery", "pair", "pair_review", "pair_count", "review", "process", "image")
    CSS_PATH = "tallied.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._any_left = True  # images that no step has seen
        self.judging = Judging(self)
        self.comparison = Comparison(self, self.judging)
        self.pair_review = PairReview(self, self.comparison)
        self.review_pane = ReviewPane(self, self.judging)
        self.processing = ProcessPane(self, self.judging)
        question = "Which model shall be compared with the base?"
        self.models = ModelChoice(self, self.judging, question, lambda _model: self.refresh_all())

    def work(self) -> Iterable[Widget]:
        with ContentSwitcher(initial="main"):
            with Vertical(id="main"):
                yield Gallery(id="images")
                with VerticalScroll(id="tally", can_focus=False):
                    yield Words(id="pair-verdict")
                    yield VerdictPlot(id="verdict")
                    yield Words(id="tally-words")
            yield PairView(id="pair")
            yield self.pair_review
            yield self.review_pane
            yield self.models
            yield self.processing

    async def enter(self) -> None:
        self.set_focus(self.gallery)
        run = self.session.run
        try:
            if run.folder.model_path.is_file():
                self.judging.model = await asyncio.to_thread(trial.new_model, run)
            if run.settings.base_model.model:
                self.comparison.base = await asyncio.to_thread(library.base_of, run)
        except CytpixError as error:
            self.report(error)
        for model in (self.judging.model, self.comparison.base):
            if model is not None:
                await self.session.load_predictions(model)
        self.comparison.compare_answers()
        await self.comparison.warm_up()
        self.refresh_all()
        self.start(self._open_samples(), "open samples")

    async def _open_samples(self) -> None:
        """What is processed, and whether images are left: samples have to be opened for that."""
        await self.processing.watch_newest()
        self._any_left = await asyncio.to_thread(random_images.any_left, self.session.run)
        self.say_next()

    # What is shown

    def refresh_all(self) -> None:
        self.comparison.compare_answers()
        differing = self._differing()
        rest = [key for key in self.judging.sequence if key not in differing]
        self.gallery.set_items(self._item(key, differing) for key in (*differing, *rest))
        self.say_next()

    def _differing(self) -> dict[ImageKey, Difference]:
        """Images on which both have answered, the most different first; blind first that is not told."""
        return {} if self.judging.blind_first else {d.image: d for d in self.comparison.differences}

    def _item(self, key: ImageKey, differing: dict[ImageKey, Difference]) -> GalleryItem:
        item = self.judging.gallery_item(key)
        found = differing.get(key)
        if found is None or not found.counts_differ:
            return item
        caption = "→".join(map(str, found.counts))
        return replace(item, badges=f"≠{item.badges}", tone=item.tone or "warn", caption=caption)

    def say_next(self) -> None:
        new, compared, busy = self.judging.model, self.comparison, self.session.progress.busy
        name, differing = "" if new is None else new.card.name, len(compared.differences)
        drawn, done = len(self.judging.sequence), compared.all_judged
        next_step = hints.evaluate(name, drawn, differing, busy, compared.same, self._any_left, pairs_judged=done)
        if self.pane == "pairs":
            self.say(self.pair_review.hint())
        else:
            self.say(self.review_pane.hint() if self.hides_names else hints.PANES.get(self.pane, next_step))
        if new is not None:
            self.tick(has_fallen(self.judging.assessment()) or self.processing.is_done)
        if self.pane == "pairs" or self.hides_names:  # what the preferences say would tell which is which
            return
        settings = self.session.run.settings
        better = compared.lines() if compared.models is not None and not compared.same else []
        found = None if new is None else self.judging.assessment()
        if found is not None and not any(found.counts.values()):
            found = None  # a chart of no judgement
        self.query_one("#pair-verdict", Words).say(*map(heading, better[:1]), *better[1:])
        self.query_one("#pair-verdict").display = bool(better)
        self.query_one(VerdictPlot).show(found, tall=self.has_class("-wide"))
        lines = self._model_lines()
        if compared.models is not None and not compared.same:
            lines.append(heading(differences.in_words(compared.differences, "base", "new")))
            if not better and differing:
                key = self.key("evaluate.pairs")
                lines.append(f"Only images on which they differ can show which is better: {key} reviews them.")
            lines.append(compared.held_out_words())
        if found is not None:
            history = goal.history_in_words(settings.assess)
            said = [line for line in verdict_lines(found)[1:] if line]
            lines += ["The new model by itself:", *said, *self.judging.repeatability_lines(), *history]
        lines += self.judging.fresh_lines()
        lines.append(random_images.drawn_in_words(self.session.run, settings.evaluate))
        if self.processing.status is not None:
            lines.append(labelled("Processing", in_a_line(self.processing.status)))
        self.query_one("#tally-words", Words).say(*lines)
        if self.pane == "process":
            self.processing.show()

    def _model_lines(self) -> list[str | Text]:
        both = (("New", self.judging.model), ("Base", self.comparison.base))
        models = {label: one for label, one in both if one is not None}
        run, store = self.session.run, self.session.predict.store
        seen = {label: zoom.in_words(zoom.zooms_of(run, store(one))) for label, one in models.items()}
        lines: list[str | Text] = []
        for label, one in models.items():
            alike = all(words == seen[label] for words in seen.values())
            own = "" if alike else "".join(f"; images of {line}" for line in seen[label])
            lines.append(labelled(label, f"{one.card.name} ({one.card.resolution}){own}"))
            if alike and label == next(reversed(models)):
                lines += [f"Images of {line}" for line in seen[label]]
        return lines

    # Comparing

    action_pairs = Handed("pair_review", "open")
    action_blind = Handed("pair_review", "switch_blind")

    @property
    def hides_names(self) -> bool:
        review = self.pane == "review" and self.judging.blind_first
        return review or (self.pane == "pairs" and self.pair_review.blind_first)

    action_blind_first = Handed("judging", "switch_blind_first")

    def action_compare(self) -> None:
        if self.comparison.models is None:
            self.report("Two models are needed: the run's new one (step 4) and its base (step 2).")
            return
        before = self.session.run.settings.evaluate
        if not before.sequence and not self._any_left:
            self.report("No image is left that no other step has seen: add a sample in step 3.")
        else:
            ask_draw(
                self, "Compare on how many fresh random images?", before, trial.draw, self.judging.model, self._ask_both
            )

    def _ask_both(self, drawn: tuple[ImageKey, ...]) -> None:
        self.refresh_all()
        self.gallery.start_over()  # the most different image comes under the cursor
        for model in reversed(self.comparison.models or ()):
            self.session.ask_model(model, (*drawn, *held_out_masks.images(self.session.run)))

    def predictions_came(self) -> None:
        """The most different first; the order changes only while nobody looks at a pair."""
        if self.pane == "main":
            self.refresh_all()
        elif self.pane == "review":
            self.review_pane.show_current()

    def on_gallery_opened(self, event: Gallery.Opened) -> None:
        """Both answers side by side, from this image on in the gallery's order."""
        models = self.comparison.models
        if models is None or self.judging.blind_first:
            self.review_pane.open(event.item.key)
            return
        (new, base), store = models, self.session.predict.store
        found = {d.image: d for d in self.comparison.differences}
        order = [found[item.key] for item in self.gallery.items if item.key in found]
        if event.item.key not in found:
            self.report("Not both models have answered on this image yet.")
            return
        view = self.query_one(PairView)
        view.name_models(f"base {base.card.name}", f"new {new.card.name}")
        self.show_pane("pair")
        view.show_pairs(shown_pairs(order, store(base), store(new)), event.item.key)
        self.set_focus(view)
        self.say_next()

    def on_pair_view_moved(self, event: PairView.Moved) -> None:
        self.gallery.go_to(event.key)

    # Review

    action_review = Handed("review_pane", "open")  # the new model, image by image

    def on_review_pane_changed(self, event: ReviewPane.Changed) -> None:
        self.gallery.update_item(self._item(event.key, self._differing()))
        self.say_next()

    def focus_main(self) -> None:
        super().focus_main()
        self.refresh_all()

    # Processing, another model, and sharing

    action_process = Handed("processing", "open")

    def cancel_more(self) -> None:
        if not self.processing.cancel():
            super().cancel_more()

    action_model = Handed("models", "open")

    def action_report(self) -> None:
        question = "Write the report of this run (one HTML page) to:"
        default = self.session.run.path / "report.html"
        self.ask_file(question, default, self._write_report)

    async def _write_report(self, out: Path) -> None:
        run = self.session.run
        if await self.in_thread("Writing the report", lambda _progress: sections.write_report(run, out)):
            self.report(f"Written: {out}")

    def action_export_model(self) -> None:
        model = self.judging.model
        if model is None:
            self.report("There is no model to share yet: write one in step 4.")
            return
        ask_export(self, model, "Copy the model's file to (a collaborator can use it, or train on from it):")
