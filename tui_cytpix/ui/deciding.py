"""Keys that decide about an image: one press decides one image, which had been drawn when the key was pressed.

Nothing is decided within GLANCE of an image's being drawn: a key that comes in that time waits for it. One that comes
before its image is drawn decides nothing, nor do those that follow it without a pause: each would decide the image that
the one before it was meant for. Which keys these are is said where commands are declared.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time

from textual import events
from textual.keys import format_key

from tui_cytpix.ui.commands.bindings import all_commands
from tui_cytpix.ui.commands.command import Command
from tui_cytpix.ui.frame.base import BaseScreen
from tui_cytpix.ui.keys.key_order import CHECK_EVERY, KeyOrderApp
from tui_cytpix.ui.keys.presses import Presses
from tui_cytpix.ui.keys.sight import SightApp
from tui_cytpix.ui.widgets.lines.key_footer import KeyFooter
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView

_log = logging.getLogger(__name__)
# Seconds.
GLANCE = 0.15  # nobody sees an image and judges it in less
PAUSE = 0.5  # without a key that decides: whoever typed ahead has stopped


class DecidingApp(SightApp, KeyOrderApp):
    """Holds deciding keys to that, and others that a hold is to press once."""

    def __init__(self) -> None:
        super().__init__()
        self._presses = Presses()
        self._pressed = -math.inf  # when a key that decides was, last
        self._early = ""  # what is said of a key that came before its image, until one comes after a pause
        self._once = {command.id: command for command in all_commands() if command.decides or command.once}

    # Keys

    async def lets_through(self, event: events.Key) -> bool:
        """Keys in their order: one that waits decides before the next, whichever that is, does anything."""
        if isinstance(self.screen, BaseScreen):
            self.screen.focus_panel()
        wait = self._presses.press(event.key, event.time)
        command = self._command(event)
        if command is not None and command.decides and self._covered:
            return False
        refusal = "" if command is None else await self._refusal(command, event, wait)
        if refusal:
            _log.debug("refuses a key: %s", refusal)
        for footer in self.screen.query(KeyFooter):
            footer.say(refusal)
        return not refusal

    def _command(self, event: events.Key) -> Command | None:
        """What the key is to do, where that is a command to be held to this."""
        found = self.screen.active_bindings.get(event.key)
        typed = self.focused is not None and self.focused.check_consume_key(event.key, event.character)
        return None if found is None or typed else self._once.get(found.binding.id or "")

    @property
    def _covered(self) -> bool:
        """Help, a question or a list lies over the images."""
        return isinstance(self.screen, BaseScreen) and self.screen.panel_open

    async def _refusal(self, command: Command, event: events.Key, wait: float | None) -> str:
        """Why the key does nothing; "" if it does."""
        pause, self._pressed = event.time - self._pressed, event.time
        key = format_key(event.key)
        if wait is None or (wait and await self._is_held(event, wait)):
            return f"{key} is held: it {'decides' if command.decides else 'works'} once."
        if not command.decides:
            return ""
        if self._early and not self._has_paused(event.time, pause):
            return self._early
        words = f"{key} came before the image was drawn and decided nothing: pause, then go on."
        self._early = "" if await self._is_taken_in(event.time) else words
        return self._early

    async def _is_held(self, event: events.Key, wait: float) -> bool:
        """Whether what comes next is a repeat of it."""
        while not self._typed and time.monotonic() < event.time + wait:
            await asyncio.sleep(CHECK_EVERY)
        await self.at_most(self.handled([self]))  # keys that came in time may still lie in the app's queue
        following = self._typed[0] if self._typed else None
        return (
            following is not None
            and following.time < event.time + wait
            and self._presses.repeats(following.key, following.time)
        )

    def _has_paused(self, pressed: float, pause: float) -> bool:
        """Whether a key pressed then was pressed by someone who stopped, and could know why."""
        return pause >= PAUSE and all(footer.told(pressed - GLANCE) for footer in self.screen.query(KeyFooter))

    # What is on the screen

    def drawn(self) -> float | None:
        """When the last of the images that are shown was; None: not yet, or there is none."""
        times = [view.appearance.drawn for view in self.screen.query(EventImageView) if view.region]
        known = [at for at in times if at is not None]
        return max(known) if known and len(known) == len(times) else None

    def taken_in(self, pressed: float) -> bool:
        """Whether a key pressed then, and deciding now, can mean all that is shown."""
        drawn = self.drawn()
        return drawn is not None and pressed >= drawn and time.monotonic() >= drawn + GLANCE

    async def _is_taken_in(self, pressed: float) -> bool:
        """The same, once there was time to."""
        while (drawn := self.drawn()) is not None and pressed >= drawn:
            if self.taken_in(pressed):
                return True
            await asyncio.sleep(CHECK_EVERY)
        return False
