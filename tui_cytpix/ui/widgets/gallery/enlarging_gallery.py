"""A gallery, and beside it the image under its cursor, enlarged."""

from __future__ import annotations

from textual.app import ComposeResult

from tui_cytpix.ui.widgets.boxes import Horizontal
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView


class EnlargingGallery(Horizontal):
    """Enter shows the image beside the gallery, which keeps the keys; again: hides it."""

    DEFAULT_CSS = """
    EnlargingGallery { height: 1fr; }
    EnlargingGallery Gallery { width: 1fr; height: 100%; }
    EnlargingGallery EventImageView { width: 50%; height: 100%; display: none; border-left: solid $panel; }
    EnlargingGallery.-enlarged EventImageView { display: block; }
    """

    def compose(self) -> ComposeResult:
        yield Gallery()
        yield EventImageView(id="enlarged")

    def on_gallery_opened(self, event: Gallery.Opened) -> None:
        event.stop()
        self.toggle_class("-enlarged")
        self.on_gallery_moved(event)

    def on_gallery_moved(self, event: Gallery.Moved) -> None:
        event.stop()
        if self.has_class("-enlarged"):
            key = event.item.key
            self.query_one(EventImageView).show(key, event.item.segmentation, f"{key.sample} {key.event}")
