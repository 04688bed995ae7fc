"""Keys typed faster than the app works: each goes to what the one before it led to, none is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Iterable, Iterator

from textual import events
from textual.dom import DOMNode

from tui_cytpix.ui.keys.tidying import Tidying
from tui_cytpix.ui.textual_private import HookedApp

FIRST = "keys wait"  # the group of workers that a key waits for: what they show is what it is meant for
LONGEST_WAIT = 2.0  # seconds; a slow disk may take longer, and keys must go on
CLIMBS = 3  # the key's way up to its command, that of the message this posts, that of one posted in answer
CHECK_EVERY = 0.005


class KeyOrderApp(HookedApp):
    """Hands a key on once what the one before it set going has settled: messages are handled, a screen that opened
    has the focus and shows what its keys act on.

    Textual looks up where a key goes when it comes, and runs commands, messages and new screens in queues of their
    own: without this, the second key of `Enter 2` would go to the gallery that the first one leaves.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tidying = Tidying()
        self._typed: deque[events.Key] = deque()
        self._handing_on: asyncio.Task[None] | None = None

    async def on_event(self, event: events.Event) -> None:
        """Keys queue up, all else is Textual's."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        self.tidying.put_off()
        self._typed.append(event)
        if not self.keys_at_work:
            self._handing_on = asyncio.create_task(self._hand_on())

    async def _hand_on(self) -> None:
        try:
            await self.at_most(self._opened())
            while self._typed:
                event = self._typed.popleft()
                if await self.lets_through(event):
                    before = self.focused or self.screen
                    await super().on_event(event)
                    await self.at_most(self._settled(before))
        except Exception as error:  # as in Textual's queues: the app ends and tells
            self.fail(error)

    @property
    def keys_at_work(self) -> bool:
        """Whether a key that was typed has not done all that it does."""
        return self._handing_on is not None and not self._handing_on.done()

    async def lets_through(self, event: events.Key) -> bool:  # noqa: ARG002
        """Whether a key, whose turn it is, is to do anything."""
        return True

    @staticmethod
    async def at_most(wait: Awaitable[None]) -> None:
        """Waits, but not for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT):
                await wait

    async def _opened(self) -> None:
        """Until what opens, also by itself, is ready for keys."""
        while self.opening or any(worker.group == FIRST and not worker.is_finished for worker in self.workers):
            await asyncio.sleep(CHECK_EVERY)

    async def _settled(self, sender: DOMNode) -> None:
        """Until messages from `sender` have come up to the app, and what opened is ready for keys."""
        for _ in range(CLIMBS):
            await self.handled(_upwards(sender))
        await self._opened()

    @staticmethod
    async def handled(nodes: Iterable[DOMNode]) -> None:
        """Until each in turn has handled the messages that it has."""
        for node in nodes:
            handled = asyncio.Event()
            if node.call_later(handled.set):
                await handled.wait()

    @property
    def opening(self) -> bool:
        """True while a screen is about to start the work that keys wait for."""
        return False


def _upwards(node: DOMNode) -> Iterator[DOMNode]:
    found: DOMNode | None = node
    while found is not None:
        yield found
        found = found.parent
