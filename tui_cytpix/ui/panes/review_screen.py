"""Judging a model's answers one by one: what steps 1 and 5 share."""

from __future__ import annotations

import asyncio

from rich.text import Text
from textual.widgets import DataTable

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Verdict
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.review_pane import BADGES, ReviewItem, ReviewPane, in_words
from tui_cytpix.ui.panes.undo import TakingBack
from tui_cytpix.ui.widgets.boxes import ContentSwitcher
from tui_cytpix.ui.widgets.gallery.gallery import GalleryItem
from tui_cytpix.ui.widgets.tables.model_table import ModelTable
from tui_cytpix.workflow.assess import decision, review, undo
from tui_cytpix.workflow.assess.decision import Assessment, assess_verdicts
from tui_cytpix.workflow.base_model import library


class ReviewScreen(WorkScreen):
    """Has a ReviewPane `#review` in its ContentSwitcher; `judged_model` and `sequence` say what is judged."""

    def __init__(self) -> None:
        super().__init__()
        self.judged_model: ModelEntry | None = None
        self._standing: tuple[object, dict[ImageKey, Verdict]] = (None, {})
        self._assessed: tuple[object, Assessment | None] = (None, None)

    @property
    def sequence(self) -> tuple[ImageKey, ...]:
        """The images to judge, in the order of the random draw."""
        return ()

    def returned(self) -> None:
        """Back from the plots: images may be drawn from another gate."""
        self.say_next()

    def only_so_many(self, drawn: int) -> str:
        """That fewer images were drawn than wished."""
        where = "The gate holds" if self.session.run.settings.selection.gate else "The samples hold"
        return f"{where} only {drawn} images that no other step has used: all are taken."

    def judgement_changed(self, key: ImageKey) -> None:
        """An image has another judgement, or none any more."""

    @property
    def review_pane(self) -> ReviewPane:
        """The pane."""
        return self.query_one(ReviewPane)

    def verdicts(self) -> dict[ImageKey, Verdict]:
        """The judgements in force."""
        if self.judged_model is None:
            return {}
        run = self.session.run
        state = (len(run.verdicts), self.judged_model.hash, run.settings.base_model.zoom)
        if self._standing[0] != state:
            self._standing = (state, review.verdict_of(run, self.judged_model, self.step))
        return self._standing[1]

    def to_judge(self) -> list[ImageKey]:
        """The images of the random sequence that the model has answered, in its order."""
        if self.judged_model is None:
            return []
        answered = set(self.session.predict.store(self.judged_model).keys())
        return [key for key in self.sequence if key in answered]

    def assessment(self) -> Assessment:
        """What the judgements so far decide; computed anew where one of these changed: a key asks several times."""
        images, verdicts, settings = self.to_judge(), self.verdicts(), self.session.run.settings.assess
        state, found = (images, self._standing[0], settings), self._assessed[1]
        if found is None or self._assessed[0] != state:
            found = assess_verdicts(images, verdicts, settings)
            self._assessed = (state, found)
        return found

    def open_review(self, start: ImageKey | None = None) -> None:
        """Shows the pane, at `start` or at the first image that is not judged."""
        keys = self.to_judge()
        if start is not None and start not in keys:
            keys.insert(0, start)
        if not keys:
            self.report("There is nothing to judge yet: process images first.")
            return
        self.review_pane.open(keys, start, self.review_item, self.key)
        self.show_pane("review")
        self.set_focus(self.review_pane.view)
        self.say_next()

    def review_item(self, key: ImageKey) -> ReviewItem:
        """What the pane shows of an image."""
        model = self.judged_model
        verdict = self.verdicts().get(key)
        return ReviewItem(
            None if model is None else self.session.prediction(model, key),
            verdict.judgement if verdict else None,
            self.review_lines,
        )

    def review_lines(self) -> list[str | Text]:
        """How large the model sees the image, the verdict so far and the counting convention."""
        settings = self.session.run.settings.assess
        found = self.assessment()
        return [
            self._seen_words(),
            *(line for line in decision.lines(found) if line),
            f"Convention: {settings.counting_convention.rstrip('.')}." if settings.counting_convention else "",
        ]

    def _seen_words(self) -> str:
        """Of the image that the pane shows, where it isn't seen as large as it is by its scale."""
        model, key = self.judged_model, self.review_pane.current
        seen = None if model is None or key is None else self.session.predict.store(model).zoom(key.sample)
        if seen is None or (seen.times == 1 and seen.um_per_px is not None):
            return ""
        return f"{seen.in_words().capitalize()}."

    def gallery_item(self, key: ImageKey, verdicts: dict[ImageKey, Verdict]) -> GalleryItem:
        """The image with the model's answer and the judgement about it."""
        model = self.judged_model
        segmentation = None if model is None else self.session.prediction(model, key)
        verdict = verdicts.get(key)
        if verdict is None or verdict.judgement is None:
            return GalleryItem(key, segmentation)
        badge, tone, words = BADGES[verdict.judgement]
        count = "" if segmentation is None else str(segmentation.particle_count)
        return GalleryItem(key, segmentation, badge, tone, f"{count} ✓" if not badge else count, words)

    def on_review_pane_judged(self, event: ReviewPane.Judged) -> None:
        """Records it and goes on."""
        if self.judged_model is None:
            return
        counted = self._counted(event.key)
        review.judge(self.session.run, event.key, self.judged_model, event.judgement, self.step, counted=counted)
        self._go_on(event.key)

    def on_review_pane_counted(self, event: ReviewPane.Counted) -> None:
        """Right where the model counts the same, else a count error whose true count is known; the mask comes next."""
        counted = self._counted(event.key)
        if self.judged_model is None or counted is None:
            return
        review.judge_count(self.session.run, event.key, self.judged_model, event.count, counted, self.step)
        self.refresh_saved()
        self.judgement_changed(event.key)
        self.review_pane.count_stated(event.count)

    def on_review_pane_passed(self, event: ReviewPane.Passed) -> None:
        """Goes on."""
        self._go_on(event.key)

    def _counted(self, key: ImageKey) -> int | None:
        """What the model counts."""
        said = None if self.judged_model is None else self.session.prediction(self.judged_model, key)
        return None if said is None else said.particle_count

    def _go_on(self, key: ImageKey) -> None:
        self.refresh_saved()
        self.judgement_changed(key)
        if not self.review_pane.advance():
            masks = self.assessment().only_counted
            but = f", but for {masks} mask{'s' if masks > 1 else ''}" if masks else ""
            self.report(f"All images are judged{but}.")

    def on_taking_back_wished(self, event: TakingBack.Wished) -> None:
        """Undo or redo; shows its image."""
        if event.pane is not self.review_pane or self.judged_model is None:
            return
        lines = review.lines(self.session.run, self.judged_model, self.step)
        image, done = undo.take_back(self.session.run, lines, in_words, again=event.again)
        if image is None:
            self.review_pane.tell(done)
            return
        self.refresh_saved()
        self.review_pane.go_to(image, done)
        self.judgement_changed(image)

    def pane_left(self, pane: str) -> None:
        """The gallery's cursor follows to where the review was."""
        if pane == "review" and self.review_pane.current is not None:
            self.gallery_to(self.review_pane.current)

    def gallery_to(self, key: ImageKey) -> None:
        """Puts the gallery's cursor there."""

    # Another model

    def action_model(self) -> None:
        """Lists the library."""
        self.start(self._list_models(), "models", first=True)

    async def _list_models(self) -> None:
        found = await asyncio.to_thread(library.library)
        if not found:
            self.report("The library is empty: import a model in step 2.")
            return
        table = self.query_one(ModelTable)
        table.show(found, self.judged_model.hash if self.judged_model else "")
        self.show_pane("models")
        self.set_focus(table)
        self.say_next()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """A model of the library."""
        event.stop()
        if event.data_table.id == "library":
            model = self.query_one(ModelTable).entry(str(event.row_key.value))
            if model is not None:
                self.start(self._take(model), "model", first=True)
        else:
            self.row_chosen(str(event.row_key.value))

    async def _take(self, model: ModelEntry) -> None:
        await self.session.load_predictions(model)
        self.judged_model = model
        self.show_pane("main")
        self.model_taken(model)
        self.focus_main()

    def model_taken(self, model: ModelEntry) -> None:
        """Another model is judged."""

    def row_chosen(self, key: str) -> None:
        """Enter in another table."""

    @property
    def reviewing(self) -> bool:
        """True while the pane shows."""
        return self.query_one(ContentSwitcher).current == "review"
