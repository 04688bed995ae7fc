"""One image, enlarged: zoom, pan, contrast, overlay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from tui_cytpix.core.images.render import View
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.graphics.text_cells import Drawing
from tui_cytpix.ui.keys.sight import Appearance, draw_afresh
from tui_cytpix.ui.session import Session
from tui_cytpix.ui.widgets.pictures.picture import OVERLAYS, Palette, around, box_of, drawing, kept, pixels, whole
from tui_cytpix.ui.widgets.pictures.picture_tiles import TiledPicture

ZOOMS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
CONTRASTS = (1.0, 2.0, 4.0)
GAMMAS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
LEAST_PX = 56.0
AHEAD = 3  # pictures read ahead


class EventImageView(TiledPicture, can_focus=True):
    """Shows one image of the session with what a model or a person said about it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("image", "pan")
    TILES = 2  # what changes is mostly the image

    @dataclass
    class Ready(Message):
        """The image was decoded (or can't be)."""

        key: ImageKey

    def __init__(
        self,
        session: Session | None = None,
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._session = session
        self.key: ImageKey | None = None
        self.segmentation: Segmentation | None = None
        self.zoom = 0  # place in ZOOMS
        self.centre: tuple[float, float] | None = None
        self.particles: NDArray[np.uint16] | None = None
        self._framed: ImageKey | None = None
        self._also: tuple[Segmentation, ...] = ()
        self._last_overlay = "outline"
        self.appearance = Appearance(None, None)  # key, answer

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = self.app.session  # type: ignore[attr-defined]
        assert self._session is not None
        return self._session

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
        self.key, self.segmentation, self._also = key, segmentation, tuple(also)
        self.appears_as(key, segmentation)
        label = self.query_one(".image-title", Static)
        if printable(title) != str(label.content):
            label.update(printable(title), layout=False)  # one row, whatever it says: the screen stays laid out
            label.set_class(bool(title), "-shown")
        if key is not None and self.picture is None:
            self.session.cache.request([key], lambda ready: self.post_message(self.Ready(ready)))
        self.redraw()

    def appears_as(self, key: ImageKey | None, answer: object = None) -> None:
        """Another image, or another answer about it, is to be seen before a key decides about it."""
        key_before, answer_before = self.appearance.what
        if key != key_before or answer is not answer_before:
            draw_afresh(self, key, answer)

    def out_of_sight(self) -> None:
        """Whoever comes back to it must see it again."""
        draw_afresh(self, *self.appearance.what)

    def on_hide(self) -> None:
        """Its pane gave way to another."""
        self.out_of_sight()

    def painted(self, screen: Screen[Any]) -> bool:
        """What is to be seen, or why it can't be, has gone out as a whole with what was painted of `screen`."""
        key = self.key
        if self.stale or key is None or self.appearance.what[0] != key:
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

    def on_event_image_view_ready(self, event: Ready) -> None:
        event.stop()
        if event.key == self.key:
            self.redraw()

    def on_mount(self) -> None:
        super().on_mount()
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.take_theme())
        self.take_theme()

    def take_theme(self) -> None:
        """Draws with the colours, and on the surface, that the app has now."""
        self._palette = Palette.of(self.app)
        self.redraw()

    # Geometry

    @property
    def view(self) -> View | None:
        picture = self.picture
        rows, columns = pixels(self.cell_size, self.surface.cell)
        if picture is None or not rows or not columns:
            return None
        if self._framed != self.key:
            self._frame_content(picture)
        full = whole(picture.shape, rows, columns)
        height, width = full.height / ZOOMS[self.zoom], full.width / ZOOMS[self.zoom]
        if self.zoom == 0 or self.centre is None:
            return full
        return View(
            kept(self.centre[0] + 0.5 - height / 2, height, picture.shape[0]),
            kept(self.centre[1] + 0.5 - width / 2, width, picture.shape[1]),
            height,
            width,
        )

    @property
    def zoom_factor(self) -> float:
        """1 shows the whole image."""
        return ZOOMS[self.zoom]

    def _frame_content(self, picture: NDArray[np.uint8]) -> None:
        """Zooms so that all that is in the image fits, with some room."""
        self._framed = self.key
        self.zoom, self.centre = 0, None
        content = self.session.cache.content(self.key) if self.key is not None else None
        found = [] if content is None else [content]
        for segmentation in (self.segmentation, *self._also):
            found.extend(box_of(segmentation))
        rows, columns = pixels(self.cell_size, self.surface.cell)
        wanted = around(picture.shape, found, rows, columns, LEAST_PX)
        factor = whole(picture.shape, rows, columns).height / wanted.height
        self.zoom = max(place for place, zoom in enumerate(ZOOMS) if zoom <= factor + 1e-6)
        self.centre = wanted.top + wanted.height / 2 - 0.5, wanted.left + wanted.width / 2 - 0.5

    # Drawing

    def draw(self) -> Drawing | None:
        picture, view = self.picture, self.view
        if picture is None or view is None:
            return None
        sizes = (self.cell_size, self.surface.cell)
        return drawing(picture, self.segmentation, view, sizes, self.look, self._palette, particles=self.particles)

    def words(self) -> str:
        """Waiting, or why the image can't be shown."""
        if self.key is None:
            return ""
        error = self.session.cache.error(self.key)
        return "…" if error is None else printable(error)

    # Commands

    def action_overlay(self) -> None:
        following = OVERLAYS[(OVERLAYS.index(self.look.overlay) + 1) % len(OVERLAYS)]
        self.look = replace(self.look, overlay=following)
        self.redraw()

    def action_overlay_off(self) -> None:
        if self.look.overlay == "off":
            self.look = replace(self.look, overlay=self._last_overlay)
        else:
            self._last_overlay = self.look.overlay
            self.look = replace(self.look, overlay="off")
        self.redraw()

    def action_zoom(self, by: int) -> None:
        """So many steps closer, up to the whole frame."""
        self.zoom = max(0, min(self.zoom + by, len(ZOOMS) - 1))
        self.redraw()

    def action_gamma(self, by: int) -> None:
        """So many steps darker."""
        place = GAMMAS.index(self.look.gamma) + by
        self.look = replace(self.look, gamma=GAMMAS[max(0, min(place, len(GAMMAS) - 1))])
        self.redraw()

    def action_contrast(self) -> None:
        """Twice, four times the contrast, and back."""
        following = CONTRASTS[(CONTRASTS.index(self.look.contrast) + 1) % len(CONTRASTS)]
        self.look = replace(self.look, contrast=following)
        self.redraw()

    def action_invert(self) -> None:
        self.look = replace(self.look, invert=not self.look.invert)
        self.redraw()

    def action_pan(self, down: float, right: float) -> None:
        """By such shares of what is shown."""
        view, picture = self.view, self.picture
        if view is None or picture is None:
            return
        y, x = view.top + view.height * (0.5 + down), view.left + view.width * (0.5 + right)
        self.centre = (
            min(max(y, view.height / 2), picture.shape[0] - view.height / 2) - 0.5,
            min(max(x, view.width / 2), picture.shape[1] - view.width / 2) - 0.5,
        )
        self.redraw()
