"""What has been drawn: an image, or a sentence, whose bytes have all been written to the terminal."""

from __future__ import annotations

import time
import weakref
from typing import Any, Protocol

from textual.app import App
from textual.driver import Driver
from textual.screen import Screen

from tui_cytpix.ui.graphics.written import Mark, MarkingDriver
from tui_cytpix.ui.textual_private import HookedApp, LinuxDriver


class Appearance:
    """What a widget shows, and when (s) all of it had been written to the terminal."""

    def __init__(self, *what: object) -> None:
        self.what = what
        self.drawn: float | None = None  # not yet

    def written(self, at: float) -> None:
        """Comes from the thread that writes: what is shown next has another object."""
        self.drawn = at


class Watched(Protocol):
    """A widget of which it matters when it was drawn."""

    appearance: Appearance

    @property
    def app(self) -> App[Any]:
        """Its app."""

    def painted(self, screen: Screen[Any]) -> bool:
        """Its appearance has gone out as a whole with what was painted of `screen`."""


class SightApp(HookedApp):
    def __init__(self) -> None:
        super().__init__()
        self.undrawn: weakref.WeakSet[Watched] = weakref.WeakSet()  # what they show is not on its way yet

    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        return MarkingDriver if found is LinuxDriver else found

    def paint(self, screen: Screen[Any], update: Any) -> None:
        """What went out with this is drawn once that is written."""
        super().paint(screen, update)
        for widget in [widget for widget in self.undrawn if widget.painted(screen)]:
            self.undrawn.discard(widget)
            if isinstance(self.driver, MarkingDriver):
                self.driver.write(Mark(widget.appearance.written))
            else:
                widget.appearance.written(time.monotonic())


def draw_afresh(widget: Watched, *what: object) -> None:
    """From now on the widget shows `what`, which is not drawn yet."""
    assert isinstance(widget.app, SightApp)
    widget.appearance = Appearance(*what)
    widget.app.undrawn.add(widget)
