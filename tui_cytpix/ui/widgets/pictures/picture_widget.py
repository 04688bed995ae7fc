"""What all widgets with pictures of the run have: where these come from, what they are drawn on and with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual.message import Message
from textual.widget import Widget

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.graphics.surface import Surface
from tui_cytpix.ui.session import Session
from tui_cytpix.ui.widgets.pictures.picture import OVERLAYS, DisplaySettings, Palette


class PictureWidget(Widget):
    """To be the last base: the style sheets follow the first."""

    @dataclass
    class SimilarWished(Message):
        """Someone wants to see images that resemble this one."""

        key: ImageKey

    display_settings = DisplaySettings()
    _overlay_before = display_settings.overlay
    _palette = Palette()
    _session: Session | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = self.app.session  # type: ignore[attr-defined]
        assert self._session is not None
        return self._session

    @property
    def surface(self) -> Surface:
        return self.app.surface  # type: ignore[attr-defined]

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.take_theme())
        self.take_theme()

    def take_theme(self) -> None:
        """Draws with the colours, and on the surface, that the app has now."""
        self._palette = Palette.of(self.app)
        self.redraw()

    def redraw(self) -> None:
        """Draws anew what is on the screen."""
        raise NotImplementedError

    def picture_came(self, key: ImageKey) -> None:
        """An image was decoded, or can't be."""
        raise NotImplementedError

    @property
    def key_in_question(self) -> ImageKey | None:
        """The image that a key means."""
        raise NotImplementedError

    def action_similar(self) -> None:
        key = self.key_in_question
        if key is not None:
            self.post_message(self.SimilarWished(key))

    def _ready(self, key: ImageKey) -> None:
        """Comes from the thread that decodes."""
        self.call_later(self.picture_came, key)

    def change_display(self, **settings: object) -> None:
        self.display_settings = replace(self.display_settings, **settings)  # type: ignore[arg-type]
        self.redraw()

    def action_overlay(self) -> None:
        place = OVERLAYS.index(self.display_settings.overlay)
        self.change_display(overlay=OVERLAYS[(place + 1) % len(OVERLAYS)])

    def action_overlay_off(self) -> None:
        """Off; again: as it was before."""
        overlay = self.display_settings.overlay
        if overlay != "off":
            self._overlay_before = overlay
        self.change_display(overlay=self._overlay_before if overlay == "off" else "off")
