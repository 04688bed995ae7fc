"""The editor's look back: the strip of earlier annotations that is offered after a pause, and going through it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import duration
from tui_cytpix.ui.editor.image_list import ImageList
from tui_cytpix.ui.editor.review_strip import ReviewStrip, strip_item
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.widgets.gallery.gallery_items import GalleryItem
from tui_cytpix.workflow.annotate.consistency import Stringency, pause_seconds

SHOWN = "-strip"


class LookingBack:
    """Thumbnails of the images of a review, or of those that one would show, until the first of the open images is
    left.
    """

    def __init__(self, screen: StepScreen, images: ImageList) -> None:
        self._screen, self._images = screen, images
        self.strip = ReviewStrip()

    async def begin(self, say: Callable[[str], object]) -> None:
        """Shows the review's images, or after a pause those that a review would show."""
        session = self._screen.session
        away = pause_seconds(session.run, time.time())
        if self._images.review:
            await self._show(list(self._images.listed), "")
        elif away:
            say(f"Back after {duration(away)}: {{editor.review}} looks through what you annotated before.")
            keys = await asyncio.to_thread(session.consistency.to_review)
            words = "looks through these from before your pause; ! marks masks apart from the rest"
            await self._show(keys, f"{self._screen.key('editor.review')} {words}")

    async def _show(self, keys: list[ImageKey], words: str) -> None:
        states = [self._screen.session.run.annotations.state(key) for key in keys]
        items = await asyncio.to_thread(lambda: [self._item(state) for state in states])
        self.strip.set_items(items)
        self.strip.say(words)
        self._screen.add_class(SHOWN)
        if self._images.review:
            self.strip.go_to(self._images.key)

    def _item(self, state: Annotation) -> GalleryItem:
        return strip_item(state, drifts=self._screen.session.consistency.of(state).drifts)

    def hide(self) -> None:
        self._screen.remove_class(SHOWN)

    def opened(self, before: ImageKey) -> None:
        """In a review the strip follows; one that is only offered goes with the image it was offered at."""
        if self._images.review:
            self.strip.go_to(self._images.key)
        elif self._images.key != before:
            self.hide()

    def taken(self, state: Annotation, stringency: Stringency | None) -> None:
        if self._images.review and stringency is not None:
            self.strip.update_item(strip_item(state, drifts=stringency.drifts))

    async def to_review(self, say: Callable[[str], object]) -> list[ImageKey]:
        keys = await asyncio.to_thread(self._screen.session.consistency.to_review)
        if self._images.review or not keys:
            say("{app.back} goes back to the open images." if self._images.review else "Nothing is annotated yet.")
            return []
        return keys
