"""The app at work in a child: images are accepted by keys, and what the screen shows as saved is printed."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from tests.faults.holding import SAVED
from tests.faults.write_points import Story
from tui_cytpix.errors import CytpixError
from tui_cytpix.workflow.run.recent_runs import remember
from tui_cytpix.workflow.run.run import Run

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))  # the app's tests have runs without an engine
from fakes import build_run, keys

IMAGES = 8
PATIENCE = 40.0  # the machine may be busy


def app_story() -> Story:
    return Story("the app", lambda work: build_run(work / "run", IMAGES), _accept, _opened)


def _opened(folder: Path) -> int:
    """As whoever opens the run next."""
    try:
        remember(folder / "run")
        with Run.open(folder / "run") as run:
            return int(run.damaged_lines)
    except CytpixError as error:
        print(error)
        return 1


def _accept(folder: Path) -> int:
    return asyncio.run(_by_keys(folder / "run"))


async def _by_keys(run: Path) -> int:
    from tui_cytpix.ui import app as app_module
    from tui_cytpix.ui import deciding
    from tui_cytpix.ui.keys import presses
    from tui_cytpix.ui.screens.annotate import AnnotateScreen
    from tui_cytpix.workflow.run.user_settings import Settings

    app_module.step_screen = lambda _step: AnnotateScreen(keys(IMAGES), keys(IMAGES)[0])  # type: ignore[assignment]
    presses.Presses.press = lambda _presses, _key, _at: 0.0  # type: ignore[method-assign,assignment]
    deciding.DecidingApp.drawn = lambda _app: 0.0  # type: ignore[method-assign,assignment]
    app = app_module.CytpixApp([run], settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:

        async def reached(what) -> bool:
            give_up = time.monotonic() + PATIENCE
            while not what():
                if time.monotonic() > give_up:
                    return False
                await pilot.pause()
                await asyncio.sleep(0.01)
            return True

        def refused() -> str:
            """A notice of an error; it goes after a while."""
            return " ".join(f"{n.title}: {n.message}" for n in app._notifications if n.severity == "error")

        def ready() -> bool:
            return isinstance(app.screen, AnnotateScreen) and app.screen.editor.state is not None

        await reached(lambda: ready() or refused())
        if not ready():
            print(refused(), flush=True)
            return 1
        screen = app.screen
        for number in range(IMAGES - 2):
            await pilot.press("a")
            await reached(lambda number=number: refused() or screen.images.key == keys(IMAGES)[number + 1])
            if refused():
                print(refused(), flush=True)
                return 1
            decided = screen.session.run.annotations.last_seq
            await reached(lambda: " saved " in screen.rail.render().plain or screen.session.run.problem)
            if screen.session.run.problem:
                print(screen.session.run.problem, flush=True)
                return 1
            if " saved " in screen.rail.render().plain:
                print(f"{SAVED}{decided}", flush=True)
    return 0
