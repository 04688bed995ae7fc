"""Step 4: annotate, train, look, add, go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from rich.text import Text
from textual.timer import Timer
from textual.widget import Widget

from tui_cytpix.domain.annotation import MIN_ANNOTATED, Side
from tui_cytpix.domain.jobs.training import JobState, TrainingStatus
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.frame import hints
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.training_pane import TrainingPane, spark_line
from tui_cytpix.ui.panes.training_wishes import Seen, TrainingWishes
from tui_cytpix.ui.screens.samples import SELECTING
from tui_cytpix.ui.widgets.boxes import ContentSwitcher, Horizontal
from tui_cytpix.ui.widgets.gallery.gallery import Gallery, GalleryItem
from tui_cytpix.ui.widgets.gallery.preview_items import LEGEND, badge, preview_item
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.workflow.annotate import suggest
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import zoom
from tui_cytpix.workflow.train import control, crosscheck, finish, progress
from tui_cytpix.workflow.train.advice import Advice, Lacking, advise, lacking, queue

REDRAW_SECONDS, LOOK_SECONDS = 2.0, 8.0
RESTING = (JobState.PAUSED, JobState.FINISHED, JobState.STOPPED)


class TrainScreen(WorkScreen):
    """The preview's gallery and the training pane, side by side where there is room, else one at a time."""

    step = "train"
    LEGEND = LEGEND
    SCOPES = ("train", "training", "step", "gallery")
    CSS_PATH = "train.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.base: ModelEntry | None = None
        self.proposing: ModelEntry | None = None  # whose answers annotating begins from
        self.now: ModelEntry | None = None  # the best checkpoint, asked about the preview while training rests
        self.lacks = Lacking()
        self._asked_at = -1
        self._looked = ("", 0)
        self._looked_since = 0.0
        self._redraw: Timer | None = None
        self._shown_at = 0.0
        self._shown_state: JobState | None = None
        self.wishes = TrainingWishes(self, self.show_words, self.seen)
        self.training_pane = TrainingPane(self, self.wishes)

    def work(self) -> Iterable[Widget]:
        with ContentSwitcher(initial="main"), Horizontal(id="main"):
            yield Gallery(id="preview")
            yield self.training_pane
        yield Words(id="summary")

    @property
    def preview(self) -> tuple[ImageKey, ...]:
        chosen = self.session.run.settings.preview
        unwanted, aside = set(chosen), self.session.run.settings.aside
        decided = [state.image for state in self.session.run.annotations.decided()]
        others = [image for image in decided if image not in unwanted and image.sample not in aside]
        return (*chosen, *others)

    async def enter(self) -> None:
        self.set_focus(self.gallery)
        self.on_training(self.session.training)
        self.refresh_all()
        if not self.session.run.settings.base_model.model:
            return
        self.base = await asyncio.to_thread(library.base_of, self.session.run)
        self.proposing = await asyncio.to_thread(library.proposing, self.session.run)
        await self.session.load_predictions(self.base)
        await self.session.load_predictions(self.proposing)
        self.refresh_all()
        self._ask_models()
        self.start(self._catch_up(), "catch up")

    async def _catch_up(self) -> None:
        """What was annotated before an app was killed, a job at work was not told."""
        await asyncio.to_thread(control.reload, self.session.run)
        await self._look_for_lacks()

    def _ask_models(self) -> None:
        """Whoever proposes, and the base, on which advice rests."""
        for model in (self.proposing, self.base):
            if model is not None:
                self.session.ask_model(model, self.preview)

    async def _look_for_lacks(self) -> None:
        if self.base is not None:
            run, store = self.session.run, self.session.predict.store(self.base)
            self.lacks = await asyncio.to_thread(lacking, run, store, self._answer_now)
            self.show_words()

    def returned(self) -> None:
        """Back from the editor: a training job at work gets the new annotations; or from similar images, of which some
        may be selected.
        """
        self._ask_models()
        self._show_training()
        self.refresh_all()
        last, self.session.annotated_last = self.session.annotated_last, None
        if last is not None:
            self.gallery.go_to(last)
        self.start(self._look_for_lacks(), "lacks")
        if self.session.training.live:
            self.start(asyncio.to_thread(control.reload, self.session.run), "reload")

    # What is shown

    def refresh_all(self) -> None:
        self._take_marks()
        self.gallery.set_items(self.item(key) for key in self.preview)
        self.show_words()

    def _take_marks(self) -> None:
        status = self.session.training
        self.lately, self.changes = progress.flipping_lately(status), progress.changed_now(status)

    def item(self, key: ImageKey) -> GalleryItem:
        """The image as annotated, or as the models see it: in training as at its last look."""
        session = self.session
        base = session.prediction(self.proposing, key) if self.proposing else None
        state = session.run.annotations.state(key)
        return preview_item(state, base, self._answer_now(key), key in self.lately, self.changes.get(key, 0))

    def _answer_now(self, key: ImageKey) -> Segmentation | None:
        """What the model sees as it is: in training at its last look."""
        session = self.session
        now = session.prediction(self.now, key) if self.now else None
        if now is None or session.training.state is JobState.RUNNING:
            now = session.live_look(key) or now
        return now

    def seen(self) -> Seen:
        """Of each preview image the annotation, else what is proposed, where that is known."""
        images = []
        for key in self.preview:
            annotated = self.session.run.annotations.state(key).segmentation
            found = annotated or (self.session.prediction(self.proposing, key) if self.proposing else None)
            if found is not None:
                images.append((key, found))
        return Seen(images, self.base.card.size_cutoff_um if self.base else 0.0)

    @property
    def advice(self) -> tuple[Advice, ...]:
        """What to do next, the most urgent first."""
        return advise(self.session.training, self.session.run.annotations, self.lacks)

    def say_next(self) -> None:
        """Hint, by where the focus is."""
        run, status = self.session.run, self.session.training
        missing = run.annotations.ready_to_train()
        if self.has_class("-in-training"):
            self.say(hints.training(status, missing, run.settings.evaluate.name))
            return
        chosen = bool(run.settings.preview)
        if not chosen and self.session.task is not None and self.session.task.name == SELECTING:
            self.say("Step 3 is selecting images: they come here once it has ended.")
            return
        self.say(hints.train(status, missing, chosen, bool(run.settings.base_model.model), run.settings.evaluate.name))

    def show_words(self) -> None:
        run, status = self.session.run, self.session.training
        self.say_next()
        state = progress.in_words(status)
        curves = spark_line(status.epochs, self.query_one("#summary").content_size.width - len(state) - 2)
        self.query_one("#summary", Words).say(self.annotated_words(), Text.assemble(state, "  ", curves))
        lines: list[str | Text] = [self.annotated_words(), self.plan_words(), *self.zoom_lines()]
        convention = run.settings.assess.counting_convention
        if convention and not status.epochs:
            lines.append(f"Counting convention: {convention}")
        lines += [*crosscheck.in_words(status, run.annotations), *progress.kept_in_words(status)]
        self.training_pane.show(status, lines, self.advice, run.annotations)

    def annotated_words(self) -> str:
        """How many images are annotated, and how many that needs."""
        book = self.session.run.annotations
        accepted, held = len(book.accepted()), len(book.side(Side.VALIDATION))
        others = len(book.decided()) - accepted
        more = f" · {others} rejected or ambiguous" if others else ""
        missing = MIN_ANNOTATED - accepted
        if not accepted:
            return f"annotate {MIN_ANNOTATED} images to train{more}"
        if missing > 0:
            return f"{accepted} annotated, {missing} more to train{more}"
        return f"{accepted} annotated: {accepted - held} train, {held} validate{more}"

    def plan_words(self) -> str:
        settings = self.session.run.settings
        unknown = [sample.name for sample in settings.samples if sample.um_per_px is None]
        where = "" if len(unknown) == len(settings.samples) else f" in {', '.join(unknown)}"
        off = f" (off{where}: unknown scale)" if unknown else ""
        written = f"the model is written from checkpoint: {self.wishes.checkpoint}"
        return f"Size cutoff {settings.train.size_cutoff_um:g} µm{off} · {written}"

    def zoom_lines(self) -> list[str]:
        """How large the base sees the samples; and training, where it sees those of unknown scale otherwise."""
        if self.base is None:
            return []
        seen = zoom.zooms_of(self.session.run, self.session.predict.store(self.base))
        trained = self.session.training.zoom
        differs = trained and any(one.um_per_px is None and one.times != trained.times for one in seen.values())
        return [*zoom.in_words(seen), *([f"training: {trained.in_words()}"] if trained and differs else [])]

    def on_training(self, status: TrainingStatus) -> None:
        """New epochs, shown every two seconds at most: a curve needs no more, and redrawing takes the processor from
        training. What else changed shows at once.
        """
        since = time.monotonic() - self._shown_at
        if status.state is JobState.RUNNING and status.state is self._shown_state and since < REDRAW_SECONDS:
            if self._redraw is None:
                self._redraw = self.set_timer(REDRAW_SECONDS - since, self._show_training)
            return
        self._show_training()

    def _show_training(self) -> None:
        """At rest the preview is looked at with the best checkpoint."""
        if self._redraw is not None:
            self._redraw.stop()
            self._redraw = None
        if self.app.screen is not self:
            return
        status = self.session.training
        self._shown_at, self._shown_state = time.monotonic(), status.state
        self.show_words()
        self._take_marks()
        new_look = (status.job, status.looked) != self._looked and self._shown_at - self._looked_since >= LOOK_SECONDS
        if new_look:
            self._looked, self._looked_since = (status.job, status.looked), self._shown_at
        for item in self.gallery.items:
            if new_look or item.badges != badge(item.key in self.lately, self.changes.get(item.key, 0)):
                self.gallery.update_item(self.item(item.key))
        last = status.epoch
        if status.state in RESTING and last and last != self._asked_at:
            self._asked_at = last
            self.start(self._ask_checkpoint(), "ask checkpoint")

    async def _ask_checkpoint(self) -> None:
        found = await asyncio.to_thread(finish.checkpoints, self.session.run)
        path = found.get(self.wishes.checkpoint) or found.get("last")
        if path is None:
            return
        try:
            self.now = await asyncio.to_thread(library.entry, path)
        except CytpixError as error:
            self.report(error)
            return
        await self.session.load_predictions(self.now)
        self.session.ask_model(self.now, self.preview)
        await self._look_for_lacks()
        self.refresh_all()

    def predictions_came(self) -> None:
        self.start(self._look_for_lacks(), "lacks")
        for old in self.gallery.items:
            new = self.item(old.key)
            if new.segmentation is not old.segmentation or new.caption != old.caption:
                self.gallery.update_item(new)

    # Annotating

    def on_gallery_opened(self, event: Gallery.Opened) -> None:
        self.annotate(event.item.key)

    def action_annotate(self) -> None:
        self.annotate(self.gallery.current_key)

    action_edit = action_annotate

    def annotate(self, start: ImageKey | None) -> None:
        if self.base is None:
            self.report("Choose a base model in step 2 first: it annotates every image beforehand.")
        elif not self.preview:
            self.report("No images are selected: select some in step 3.")
        else:
            keys = [item.key for item in self.gallery.items]
            self.cytpix.open_annotator(keys, start)

    def on_training_pane_flip_chosen(self, event: TrainingPane.FlipChosen) -> None:
        self.annotate(event.image)

    def on_training_pane_suggested_wished(self) -> None:
        """What the advice names, then flipping images, then the rest."""
        if self.base is None:
            self.annotate(None)
            return
        store = self.session.predict.store
        now = store(self.now) if self.now else None
        suggested = suggest.suggested(self.session.run, self.session.training, store(self.base), now)
        keys = tuple(dict.fromkeys((*queue(self.advice), *suggested)))
        if keys:
            self.cytpix.open_annotator(keys, keys[0])
        else:
            self.report("Every preview image is decided about.")

    # The two panes

    def action_training(self) -> None:
        self.add_class("-in-training")
        self.set_focus(self.training_pane)
        self.say_next()

    def to_main_pane(self) -> bool:
        """From flips to curves, from there to the gallery."""
        if self.training_pane.flips_shown:
            self.training_pane.show_flips(False)
            return True
        if self.has_class("-in-training"):
            self.focus_main()
            return True
        return False

    def focus_main(self) -> None:
        self.remove_class("-in-training")
        super().focus_main()
        self.say_next()
