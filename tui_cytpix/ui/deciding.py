"""Keys that decide about an image: one press decides one image, which had been drawn when the key was pressed.

Terminals send a held key as presses: the first, another after 0.2 to 1 s, then 10 to 50 a second, and nothing when it
is let go. So the first press decides at once. One of the same key soon after may be the first repeat: it is held back
for longer than repeats are apart, and decides only if none follows. If one does, nothing decides until it is let go.
"""

from __future__ import annotations

import asyncio
import enum
import math
import time
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual import events
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen

from tui_cytpix.ui.commands import all_commands
from tui_cytpix.ui.graphics.written import Mark, MarkingDriver
from tui_cytpix.ui.key_order import LOOK_EVERY, KeyOrderApp

if TYPE_CHECKING:
    from tui_cytpix.ui.widgets.event_image import EventImageView

# Seconds.
LOOK = 0.15  # nobody sees an image and judges it in less
FIRST_REPEAT = 1.1  # the longest that a terminal waits before it repeats a held key
REPEATS = 0.12  # the longest from one repeat to the next
LET_GO = 0.3  # without a repeat
STUTTER = 0.6  # the longest from one repeat to the next on a link that stops for a moment


class Press(enum.Enum):
    """What a press is, as far as is known when it comes."""

    NEW = enum.auto()
    DOUBTFUL = enum.auto()  # new, unless the key comes again within REPEATS
    REPEAT = enum.auto()


class Presses:
    """Tells presses from repeats by the times (s) at which they come."""

    def __init__(self) -> None:
        self._key, self._at, self._held = "", 0.0, False

    def press(self, key: str, at: float) -> Press:
        """Another press, of whatever key."""
        gap = at - self._at if key == self._key else math.inf
        repeats, doubtful = (LET_GO, STUTTER) if self._held else (REPEATS, FIRST_REPEAT)
        self._key, self._at, self._held = key, at, gap < repeats
        if self._held:
            return Press.REPEAT
        return Press.DOUBTFUL if gap < doubtful else Press.NEW


def seen(drawn: float | None, pressed: float, now: float) -> bool:
    """Whether a key pressed then, and deciding now, can mean an image that was `drawn` then; None: not yet."""
    return drawn is not None and pressed >= drawn and now >= drawn + LOOK


class DecidingApp(KeyOrderApp):
    """Holds deciding keys to that; which these are is said where commands are declared."""

    def __init__(self) -> None:
        super().__init__()
        self.undrawn: weakref.WeakSet[EventImageView] = weakref.WeakSet()  # what they show is not on its way yet
        self._too_early = ""  # the key that is said to be
        self._presses = Presses()
        self._deciding = frozenset(command.id for command in all_commands() if command.decides)

    # Keys

    async def lets_through(self, event: events.Key) -> bool:
        """Keys in their order: one that is held back decides before the next, whichever that is, does anything."""
        press = self._presses.press(event.key, event.time)
        decides = self._decides(event.key)
        if decides and (press is Press.REPEAT or (press is Press.DOUBTFUL and await self._repeats(event))):
            return False
        too_early = event.key if decides and not self.looked_at(event.time) else ""
        if too_early != self._too_early:
            self._too_early = too_early
            self.say_too_early(too_early)
        return not too_early

    def _decides(self, key: str) -> bool:
        found = self.screen.active_bindings.get(key)
        return found is not None and found.binding.id in self._deciding

    async def _repeats(self, event: events.Key) -> bool:
        """Waits for what comes next."""
        while not self._typed and time.monotonic() < event.time + REPEATS:
            await asyncio.sleep(LOOK_EVERY)
        await self.at_most(self.handled([self]))  # keys that came in time may still lie in the app's queue
        return bool(self._typed) and self._typed[0].key == event.key and self._typed[0].time < event.time + REPEATS

    def say_too_early(self, key: str) -> None:
        """Tells that the key came before its image; "" takes that back."""

    # What is on the screen

    def shown_images(self) -> Iterable[EventImageView]:
        """The images that deciding keys are about."""
        return ()

    def looked_at(self, pressed: float) -> bool:
        """Whether a key pressed then, and deciding now, can mean all that is shown."""
        images = list(self.shown_images())
        return bool(images) and all(seen(view.appearance.drawn, pressed, time.monotonic()) for view in images)

    def get_driver_class(self) -> type[Driver]:
        """One that says when it has written."""
        found = super().get_driver_class()
        return MarkingDriver if found is LinuxDriver else found

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Images that went out with this are drawn once that is written."""
        super()._display(screen, renderable)
        for view in [view for view in self.undrawn if view.painted(screen)]:
            self.undrawn.discard(view)
            if isinstance(self._driver, MarkingDriver):
                self._driver.write(Mark(view.appearance.written))
            else:
                view.appearance.written(time.monotonic())
