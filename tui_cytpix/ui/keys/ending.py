"""How the app ends when nobody asked it to: a signal, a lost terminal, a bug."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import threading

from textual.worker import WorkerFailed

from tui_cytpix.ui.textual_private import HookedApp

LEAVE_SECONDS = 4.0


class EndingApp(HookedApp):
    """`failure` is the unexpected exception that ended the app; whoever ran the app tells about it."""

    failure: BaseException | None = None

    def close_at_once(self) -> None:
        """Saves and closes what is open; called where the event loop may hang."""

    def take_signals(self) -> None:
        """SIGHUP and SIGTERM end the app in order."""
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._leave)

    def _leave(self) -> None:
        """Ends in order; where the terminal is gone there is none to give back, and Textual would wait for it. It may
        go later, so there is a limit.
        """
        if _terminal_is_gone():
            self._leave_now()
        limit = threading.Timer(LEAVE_SECONDS, self._leave_now)
        limit.daemon = True
        limit.start()
        self.exit()

    def _leave_now(self) -> None:
        self.close_at_once()
        os._exit(0)

    def fail(self, error: Exception) -> None:
        """Keeps the first one; Textual ends the app."""
        if self.failure is None:
            self.failure = error.error if isinstance(error, WorkerFailed) else error
        super().fail(error)


def _terminal_is_gone() -> bool:
    try:
        termios.tcgetattr(sys.__stdin__)  # type: ignore[arg-type]
    except (OSError, ValueError, termios.error):
        return True
    return False
