"""A row of thumbnails below another picture: what is looked through, and where one is in it."""

from __future__ import annotations

from dataclasses import replace

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.ui.widgets.gallery.arranged_grid import ArrangedGrid
from tui_cytpix.ui.widgets.gallery.gallery_items import GalleryItem
from tui_cytpix.ui.widgets.gallery.preview_items import preview_item

DRIFTS = "!"


def strip_item(state: Annotation, *, drifts: bool) -> GalleryItem:
    """An annotated image; flagged where its masks lie apart from the others'."""
    item = preview_item(state, None, None, flips=False)
    return replace(item, badges=DRIFTS, tone="warn") if drifts else item


class ReviewStrip(ArrangedGrid, inherit_bindings=False):
    """Takes no keys; thumbnails are as high as it is."""

    can_focus = False

    @property
    def columns(self) -> int:
        """As many as its height leaves room for side by side."""
        across = 2 * max(1, self.page_height - 1)
        return max(1, self.size.width // (across + 1))
