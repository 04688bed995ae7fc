"""A few images of this run as one model annotates them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.widgets.gallery.arranged_grid import ArrangedGrid
from tui_cytpix.ui.widgets.gallery.gallery_items import GalleryItem

EXAMPLES = 6


class ExampleImages(ArrangedGrid, inherit_bindings=False):
    """Shows what `show` was given last; no key acts on it. A model that has not answered yet is asked."""

    shows_cursor = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._shown: tuple[object, ...] = ()

    def show(self, model: ModelEntry | None, images: Sequence[ImageKey]) -> None:
        if model is None:
            return
        keys = images[:EXAMPLES]
        answers = [self.session.prediction(model, key) for key in keys]
        state = (model.hash, *keys, *map(id, answers))
        if state == self._shown:
            return
        if None in answers and self._shown[:1] != (model.hash,):
            self.session.ask_model(model, keys)
        self._shown = state
        self.set_items(GalleryItem(key, answer) for key, answer in zip(keys, answers, strict=True))
        self.say(f"as {model.card.name} annotates them" if keys else "")
