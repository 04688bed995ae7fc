"""One image, enlarged: zoom, pan, contrast, overlay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from tui_cytpix.core.images.render import Window
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.graphics.text_cells import Drawing
from tui_cytpix.ui.keys.sight import Appearance, draw_afresh
from tui_cytpix.ui.widgets.pictures.picture import around, box_of, drawing, kept, pixels, whole
from tui_cytpix.ui.widgets.pictures.picture_tiles import Cell, TiledPicture
from tui_cytpix.ui.widgets.pictures.scale_bar import scale_bar

ZOOMS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
CONTRASTS = (1.0, 2.0, 4.0)
GAMMAS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
LEAST_PX = 56.0
AHEAD = 3  # pictures read ahead


class EventImageView(TiledPicture, can_focus=True):
    """Shows one image of the session with what a model or a person said about it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("image", "pan")
    TILES = 2  # what changes is mostly the image

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.key: ImageKey | None = None
        self.segmentation: Segmentation | None = None
        self.zoom = 0  # place in ZOOMS
        self.centre: tuple[float, float] | None = None
        self.particles: NDArray[np.uint16] | None = None
        self._framed: ImageKey | None = None
        self._also: tuple[Segmentation, ...] = ()
        self.appearance = Appearance(None, None)  # key, answer

    @property
    def key_in_question(self) -> ImageKey | None:
        return self.key

    # State

    def show(
        self,
        key: ImageKey | None,
        segmentation: Segmentation | None = None,
        title: str = "",
        *,
        also: Iterable[Segmentation] = (),
    ) -> None:
        """Shows an image; None clears. Another image is framed anew around what is in it; `also` holds segmentations
        that the frame must take in as well, so that two views side by side show the same part.
        """
        self.key, self.segmentation, before, self._also = key, segmentation, len(self._also), tuple(also)
        if len(self._also) != before:
            self._framed = None
        self.appears_as(key, segmentation)
        label = self.query_one(".image-title", Static)
        if printable(title) != str(label.content):
            label.update(printable(title), layout=False)  # one row, whatever it says: the screen stays laid out
            label.set_class(bool(title), "-shown")
        if key is not None and self.picture is None:
            self.session.cache.request([key], self._ready)
        self.redraw()

    def appears_as(self, key: ImageKey | None, answer: object = None) -> None:
        """Another image, or another answer about it, is to be seen before a key decides about it."""
        key_before, answer_before = self.appearance.what
        if key != key_before or answer is not answer_before:
            draw_afresh(self, key, answer)

    def out_of_sight(self) -> None:
        """Whoever comes back to it must see it again."""
        draw_afresh(self, *self.appearance.what)

    on_hide = out_of_sight  # its pane gave way to another

    def painted(self, screen: Screen[Any]) -> bool:
        """What is to be seen, or why it can't be, has gone out as a whole with what was painted of `screen`."""
        key = self.key
        if self.unpainted or key is None or self.appearance.what[0] != key:
            return False
        in_sight = self.is_attached and self.screen is screen and bool(self.region)
        return in_sight and (self._drawing is not None or self.session.cache.error(key) is not None)

    def read_ahead(self, keys: Iterable[ImageKey]) -> None:
        """Decodes pictures that come next while this one is looked at; to be called before `show`, which is urgent."""
        self.session.cache.request(keys, lambda _key: None)

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """The image's gray, once it is decoded."""
        return None if self.key is None else self.session.cache.get(self.key)

    def picture_came(self, key: ImageKey) -> None:
        if key == self.key:
            self.redraw()

    # Geometry

    @property
    def window(self) -> Window | None:
        picture = self.picture
        rows, columns = pixels(self.cell_size, self.surface.cell)
        if picture is None or not rows or not columns:
            return None
        if self._framed != self.key:
            self._frame_content(picture)
        full = whole(picture.shape, rows, columns)
        if self.zoom == 0 or self.centre is None:
            return full
        return kept(self.centre, (full.height / self.zoom_factor, full.width / self.zoom_factor), picture.shape)

    @property
    def zoom_factor(self) -> float:
        """1 shows the whole image."""
        return ZOOMS[self.zoom]

    def _frame_content(self, picture: NDArray[np.uint8]) -> None:
        """Zooms so that all that is in the image fits, with some room."""
        self._framed = self.key
        content = self.session.cache.content(self.key) if self.key is not None else None
        found = [] if content is None else [content]
        for segmentation in (self.segmentation, *self._also):
            found.extend(box_of(segmentation))
        rows, columns = pixels(self.cell_size, self.surface.cell)
        wanted = around(picture.shape, found, rows, columns, LEAST_PX)
        factor = whole(picture.shape, rows, columns).height / wanted.height
        self.zoom = max(place for place, zoom in enumerate(ZOOMS) if zoom <= factor + 1e-6)
        self.centre = wanted.centre

    # Drawing

    def draw(self) -> Drawing | None:
        picture, window = self.picture, self.window
        if picture is None or window is None:
            return None
        sizes = (self.cell_size, self.surface.cell)
        return drawing(
            picture, self.segmentation, window, sizes, self.display_settings, self._palette, particles=self.particles
        )

    def labels(self, drawing: Drawing) -> dict[Cell, tuple[str, Style]]:
        window, key = self.window, self.key
        if window is None or key is None:
            return {}
        px_per_cell = window.width / drawing.size[1]
        return scale_bar(drawing.size, px_per_cell, self.session.run.images.um_per_px(key.sample), self._palette)

    def words(self) -> str:
        """Waiting, or why the image can't be shown."""
        if self.key is None:
            return ""
        error = self.session.cache.error(self.key)
        return "…" if error is None else printable(error)

    # Commands

    def action_zoom(self, by: int) -> None:
        """So many steps closer, up to the whole frame."""
        self.zoom = max(0, min(self.zoom + by, len(ZOOMS) - 1))
        self.redraw()

    def action_gamma(self, by: int) -> None:
        place = GAMMAS.index(self.display_settings.gamma) + by
        self.change_display(gamma=GAMMAS[max(0, min(place, len(GAMMAS) - 1))])

    def action_contrast(self) -> None:
        place = CONTRASTS.index(self.display_settings.contrast)
        self.change_display(contrast=CONTRASTS[(place + 1) % len(CONTRASTS)])

    def action_invert(self) -> None:
        self.change_display(invert=not self.display_settings.invert)

    def action_pan(self, down: float, right: float) -> None:
        window, picture = self.window, self.picture
        if window is None or picture is None:
            return
        y, x = window.centre
        size = window.height, window.width
        self.centre = kept((y + size[0] * down, x + size[1] * right), size, picture.shape).centre
        self.redraw()
