"""The editor's look back: the strip of earlier annotations that is offered after a pause, and going through it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from textual.widget import Widget

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.editor.penning import PenScreen
from tui_cytpix.ui.editor.review_strip import ReviewStrip, strip_item
from tui_cytpix.ui.widgets.gallery.gallery_items import GalleryItem
from tui_cytpix.workflow.annotate.consistency import pause_seconds
from tui_cytpix.workflow.train import progress

SHOWN = "-strip"


class LookBackScreen(PenScreen):
    """A pen screen with a strip of thumbnails below: of the images of a review, or of those that one would show, until
    the first of the open images is left.
    """

    def body(self) -> Iterable[Widget]:
        """The strip takes the whole width."""
        yield from super().body()
        yield ReviewStrip()

    @property
    def strip(self) -> ReviewStrip:
        """The thumbnails."""
        return self.query_one(ReviewStrip)

    async def enter(self) -> None:
        """Shows the review's images, or after a pause those that a review would show."""
        await super().enter()
        away = pause_seconds(self.session.run, time.time())
        if self.review:
            await self._show_strip(list(self.listed), "")
        elif away:
            self.message = f"Back after {progress.duration(away)}: r looks through what you annotated before."
            self.refresh_readout()
            keys = await asyncio.to_thread(self.session.consistency.to_review)
            await self._show_strip(
                keys, "r looks through these from before your pause; ! marks masks apart from the rest"
            )

    async def _show_strip(self, keys: list[ImageKey], words: str) -> None:
        states = [self.session.run.annotations.state(key) for key in keys]
        items = await asyncio.to_thread(lambda: [self._strip_item(state) for state in states])
        self.strip.set_items(items)
        self.strip.say(words)
        self.add_class(SHOWN)
        if self.review:
            self.strip.go_to(self.key)

    def _strip_item(self, state: Annotation) -> GalleryItem:
        return strip_item(state, drifts=self.session.consistency.of(state).drifts)

    async def open_image(self, place: int) -> None:
        """In a review the strip follows; one that is only offered goes with the image it was offered at."""
        before = self.key
        await super().open_image(place)
        if self.review:
            self.strip.go_to(self.key)
        elif self.key != before:
            self.remove_class(SHOWN)

    async def take(self, state: Annotation) -> None:
        """The strip shows a change at once."""
        await super().take(state)
        if self.review and self.stringency is not None:
            self.strip.update_item(strip_item(state, drifts=self.stringency.drifts))

    def returned(self) -> None:
        """The look back was taken."""
        super().returned()
        self.remove_class(SHOWN)

    async def look_back(self) -> None:
        """Opens the review on top."""
        keys = await asyncio.to_thread(self.session.consistency.to_review)
        if self.review or not keys:
            self.message = "q goes back to the open images." if self.review else "Nothing is annotated yet."
            self.refresh_readout()
            return
        self.app.push_screen(type(self)(keys, review=True))
