"""A run that is in use elsewhere: it opens to be looked at, says who holds it, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from driving import notices, press_each, until
from steps import Stage, finished, on_screen, state_goal

from tui_cytpix.ui.widgets.panels.ask_panel import AskPanel
from tui_cytpix.workflow.run.run import Run

HELD = f"held by process {os.getpid()} on "
SCREENS = ("AssessScreen", "BaseModelScreen", "SamplesScreen", "TrainScreen", "EvaluateScreen")
WRITING = {  # keys that would write
    "AssessScreen": "p enter W enter T i j enter enter enter enter enter q v a c space u q",
    "BaseModelScreen": "j enter space p M enter",
    "SamplesScreen": "r s y c x enter p enter",
    "TrainScreen": "a a 2 x u q t p e enter s y w enter enter q asterisk p k",
    "EvaluateScreen": "c enter T p 1 enter q",
}


def contents(run: Path) -> dict[str, bytes]:
    """All files but what anyone may cache."""
    files = (path for path in run.rglob("*") if path.is_file() and path.parent.name != "preview")
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


async def test_a_run_in_use_is_shown_and_not_written_to(stage: Stage) -> None:
    state_goal(stage)
    finished(stage)
    with Run.open(stage.run) as holder:
        holder.go_to("assess")
        holder.flush()
        before = contents(stage.run)
        app = stage.app()
        async with app.run_test(size=(100, 30)) as pilot:
            for name in SCREENS:
                screen = await on_screen(pilot, name)
                await until(pilot, lambda: screen.loaded)  # noqa: B023
                assert "READ ONLY" in screen.rail.render().plain
                assert HELD in screen.hint.words
                assert screen.hint.words.endswith(", and . lead to other steps, q leads back."), "no key that writes"
                app.clear_notifications()
                await press_each(pilot, WRITING[name])
                await until(pilot, lambda: "open for reading only" in notices(app), name)
                if name == "EvaluateScreen":
                    await press_each(pilot, "p")
                    assert screen.hint.words.endswith(f"{app.session.held} q leads back.")
                await leave(pilot, screen)
                await press_each(pilot, "full_stop")
            await press_each(pilot, "q")
            await until(pilot, lambda: app.session is None)
        assert contents(stage.run) == before
    async with stage.app().run_test(size=(80, 24)) as pilot:  # now it is free
        screen = await on_screen(pilot, "AssessScreen")
        assert "READ ONLY" not in screen.rail.render().plain


async def leave(pilot, screen) -> None:
    """Back to the main pane of that screen."""
    for _ in range(6):
        if pilot.app.screen.query_one(AskPanel).open:
            await press_each(pilot, "escape")
        elif pilot.app.screen is not screen or screen.pane not in ("main", ""):
            await press_each(pilot, "q")
        else:
            return
    pytest.fail(f"{pilot.app.screen} {getattr(pilot.app.screen, 'pane', '')}: {notices(pilot.app)}")
