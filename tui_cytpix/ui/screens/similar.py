"""More like this, on top of any step: the images of all samples that resemble one, to be selected and annotated."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from textual.widget import Widget

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import DEFAULT_LOOK
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import shortened
from tui_cytpix.ui.frame import hints
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.widgets.boxes import ContentSwitcher
from tui_cytpix.ui.widgets.gallery.enlarging_gallery import EnlargingGallery
from tui_cytpix.ui.widgets.gallery.gallery_items import GalleryItem, Tone
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.samples import similar
from tui_cytpix.workflow.samples.similar import Search

SHOWN = 60
NAME = 12  # cells of a sample's name, which leaves room for the event's
TASK = "Looking for similar images"
MARKS: dict[str, tuple[str, Tone]] = {
    "": ("", ""),
    "selected": ("+", "muted"),
    "annotated": ("✓", "good"),
    Status.REJECTED: ("✗", "muted"),
    Status.AMBIGUOUS: ("?", "warn"),
}


class SimilarScreen(WorkScreen):
    """The image itself comes first, then those that resemble it, the most alike first."""

    on_top = True
    SCOPES = ("similar", "step", "gallery")
    CSS = "SimilarScreen #about { height: auto; padding: 0 1; }"

    def __init__(self, key: ImageKey, step: str) -> None:
        super().__init__()
        self.step, self.image = step, key
        self.search: Search | None = None
        self._looking = False
        self._one_at_a_time = asyncio.Lock()  # of choices
        self._base: ModelEntry | None = None

    def work(self) -> Iterable[Widget]:
        with ContentSwitcher(initial="main"):
            yield EnlargingGallery(id="main")
        yield Words(id="about")

    async def enter(self) -> None:
        self.set_focus(self.gallery)
        self.say_next()
        self.show_similar(self.image)
        if self.session.run.settings.base_model.model:
            self._base = await asyncio.to_thread(library.proposing, self.session.run)
            await self.session.load_predictions(self._base)
            self._ask_base()

    def _ask_base(self) -> None:
        """What it sees in the images that are shown."""
        if self._base is not None:
            self.session.ask_model(self._base, self._keys)
        self._refresh()

    def returned(self) -> None:
        """Back from the editor."""
        self._refresh()

    def on_unmount(self) -> None:
        """What is described so far is kept; the rest need not be."""
        session = self.cytpix.session
        if session is not None and session.task is not None and session.task.name == TASK:
            session.task.cancel_wished = True

    def show_similar(self, key: ImageKey) -> None:
        """Of what is known at once, and again once more was looked at."""
        self.image = key
        self.gallery.start_over()
        self.start(self._find(), "similar")

    @property
    def _complete(self) -> bool:
        return self.search is not None and self.search.compared == self.search.images

    def action_further(self) -> None:
        if self._complete:
            self.report("All images are compared.")
        else:
            self.start(self._find(), "similar")

    async def _find(self) -> None:
        await self._compare()
        if not self._complete and not self._looking:
            self._looking = True
            run, key = self.session.run, self.image
            try:
                await self.in_thread(TASK, lambda tell: similar.similar(run, key, SHOWN, DEFAULT_LOOK, tell))
            finally:
                self._looking = False
            await self._compare()

    async def _compare(self) -> None:
        """With what is described by now, also where that was cancelled."""
        key = self.image
        found = await asyncio.to_thread(similar.similar, self.session.run, key, SHOWN)
        if key == self.image:
            self.search = found
            self._ask_base()

    # Showing

    @property
    def _keys(self) -> list[ImageKey]:
        return [self.image, *(one.image for one in self.search.found)] if self.search else []

    def _refresh(self) -> None:
        self.gallery.set_items(self._item(key) for key in self._keys)
        self.say_next()

    def _item(self, key: ImageKey) -> GalleryItem:
        run = self.session.run
        said = self.session.prediction(self._base, key) if self._base else None
        state = run.annotations.state(key)
        mark = similar.mark_of(run, key)
        badge, tone = MARKS[mark]
        shown = said if state.segmentation is None else state.segmentation
        count = "" if shown is None else f"{shown.particle_count} "
        where = "like this" if key == self.image else shortened(key.sample, NAME)
        return GalleryItem(key, shown, badge, tone, f"{count}{where}", mark)

    def say_next(self) -> None:
        found = self.search
        self.say(hints.similar(found is not None, self._complete))
        if found is not None:
            self.query_one("#about", Words).say(" ".join([found.in_words(), *found.notes]))

    def predictions_came(self) -> None:
        for old in self.gallery.items:
            new = self._item(old.key)
            if new.segmentation is not old.segmentation:
                self.gallery.update_item(new)

    # Choosing

    @property
    def _meant(self) -> Sequence[ImageKey]:
        """The marked images in their order, else the one under the cursor."""
        marked = [key for key in self._keys if key in self.gallery.order.marked]
        here = self.gallery.current_key
        return marked or ([] if here is None else [here])

    def action_choose(self) -> None:
        self.start(self._choose(self._meant), "choose")

    async def _choose(self, keys: Sequence[ImageKey]) -> None:
        async with self._one_at_a_time:
            self.report(await asyncio.to_thread(similar.choose, self.session.run, keys))
        self.refresh_rail()
        self._refresh()

    def action_annotate(self) -> None:
        if self._base is None:
            self.report("Choose a base model in step 2 first: it annotates every image beforehand.")
        else:
            self.start(self._annotate(self._meant), "annotate", first=True)

    async def _annotate(self, keys: Sequence[ImageKey]) -> None:
        if not set(keys) <= set(self.session.run.settings.selection.images):
            await self._choose(keys)
        self.cytpix.open_annotator(keys)
