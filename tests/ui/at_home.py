"""The home screen in tests, and a step's screen that opens from it."""

from __future__ import annotations

from driving import until
from textual.pilot import Pilot

from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.screens.home import HomeScreen


class Bare(StepScreen):
    """Any step."""

    step = "train"


async def home_of(pilot: Pilot) -> HomeScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen) and pilot.app.screen.runs.option_count)
    screen = pilot.app.screen
    assert isinstance(screen, HomeScreen)
    return screen
