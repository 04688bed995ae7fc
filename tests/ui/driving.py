"""Driving the app in tests: opening a run on a screen, waiting for a state instead of for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from tui_cytpix.ui import app as app_module
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.workflow.run.user_settings import Settings

PATIENCE = 60.0  # the machine may be busy; reached only by a failing test


async def until(pilot: Pilot, reached: Callable[[], object], words: str = "") -> None:
    """Lets the app work until a state is reached; fails after a generous while."""
    give_up = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > give_up:
            pytest.fail(f"never reached: {words or reached}")
        await pilot.pause()
        await asyncio.sleep(0.01)
    await pilot.pause()


def app_on(
    monkeypatch: pytest.MonkeyPatch, path: Path, screen: Callable[[], StepScreen], **settings: object
) -> CytpixApp:
    """An app that opens the run on that screen, whatever its step."""
    monkeypatch.setattr(app_module, "step_screen", lambda _step: screen())
    return CytpixApp([path], settings=Settings(**settings))


def notices(app: CytpixApp) -> str:
    """All that was told in notices."""
    return "\n".join(f"{n.title}: {n.message}" for n in app._notifications)


async def press_each(pilot: Pilot, keys: str) -> None:
    """Presses keys given with spaces between."""
    await pilot.press(*keys.split())
    await pilot.pause()


async def burst(pilot: Pilot, keys: str) -> None:
    """Sends keys as a terminal does that delivers them at once: none waits for what the one before did."""
    for key in keys.split():
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
    await pilot.pause()
