"""The tour of a sample run, by keys: six stops, left at any time, and a run of one's own at its end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from driving import until
from steps import SAMPLE, Stage, on_screen

from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.frame.tour import STOPS, TourBox
from tui_cytpix.workflow.run.recent_runs import FRESH
from tui_cytpix.workflow.run.user_settings import Settings

SIZE = (80, 24)


@pytest.fixture
def story(stage: Stage) -> Path:
    """A run that comes with samples to try."""
    shutil.copytree(stage.run.parent / SAMPLE, stage.run / FRESH / "minimal")
    return stage.run


def told(app: CytpixApp) -> str:
    """What the tour says on the screen on top."""
    return "".join(box.words for box in app.screen.query(TourBox) if box.display)


async def test_six_stops_and_a_run_of_ones_own(story):
    app = CytpixApp([story], settings=Settings(), tour=True)
    async with app.run_test(size=SIZE) as pilot:
        for number, stop in enumerate(STOPS, 1):
            await until(
                pilot,
                lambda number=number, stop=stop: told(app).startswith(f"Tour {number} of 6 · {stop.title}"),
                f"stop {number}: {told(app)}",
            )
            assert app.screen.step == stop.step
            assert app.screen.query_one(TourBox).size.height <= 4, "room is left for what it tells of"
            await pilot.press("full_stop")
        await until(pilot, lambda: app.screen.ask_panel.open, "it offers images of one's own")
        assert not told(app)
        await pilot.press("y")
        own = story.with_name(f"{story.name}-yours")
        await until(pilot, lambda: app.session is not None and app.session.run.path == own, "the new run is open")
        assert [s.name for s in app.session.run.settings.samples] == ["minimal"]
        assert not told(app)


async def test_it_is_left_at_any_time_and_begun_again(story):
    app = CytpixApp([story], settings=Settings(), tour=True)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "Tour 1" in told(app), "it begins")
        await pilot.press("full_stop")
        await until(pilot, lambda: "Tour 2" in told(app), "stop 2")
        await pilot.press("comma")
        await until(pilot, lambda: "Tour 1" in told(app), "and back")
        await pilot.press("q")
        assert not told(app)
        await pilot.press("full_stop")
        await on_screen(pilot, "BaseModelScreen")
        assert not told(app)
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "Tour 1" in told(app), "begun again")
        await pilot.press("4")
        await until(pilot, lambda: "Tour 4" in told(app), "who goes elsewhere takes the tour along")
        await pilot.press("q")
        assert not told(app)
        assert app.screen.step == "train"


async def test_other_runs_have_none(stage):
    app = CytpixApp([stage.run], settings=Settings(), tour=True)
    async with app.run_test(size=SIZE) as pilot:
        await on_screen(pilot, "AssessScreen")
        assert not told(app)
        await pilot.press("exclamation_mark")
        assert not told(app)
