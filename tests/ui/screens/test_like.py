"""A new run that starts like the one under the cursor at home."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from driving import notices, until
from steps import SAMPLE, choose_base, files, on_screen, reply

from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.widgets.lines.key_footer import KeyFooter
from tui_cytpix.workflow.run.recent_runs import remember
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.user_settings import Settings


async def test_last_weeks_goal_and_base_are_there_on_this_weeks_sample(stage, tmp_path: Path) -> None:
    choose_base(stage, "train")
    with Run.open(stage.run) as run:
        run.update(replace(run.settings, assess=replace(run.settings.assess, goal="quantitative", p0=0.01, p1=0.05)))
    remember(stage.run)
    fresh = tmp_path / "this week" / SAMPLE
    fresh.mkdir(parents=True)
    for name, content in files().items():
        (fresh / f"{name}.png").write_bytes(content)
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.runs.highlighted is not None)
        assert "Like this" in str(app.screen.query_one(KeyFooter).render())
        await pilot.press("l")
        await reply(pilot, str(fresh))
        await reply(pilot, str(tmp_path / "week-2"))
        screen = await on_screen(pilot, "AssessScreen")
        assert screen.session.run.path == tmp_path / "week-2"
        await until(pilot, lambda: "As in" in notices(app))
        assert "goal quantitative" in notices(app)
    now = Run.open(tmp_path / "week-2", writing=False).settings
    assert (now.assess.goal, now.assess.p1) == ("quantitative", 0.05)
    assert now.base_model.model.endswith("cell-full.safetensors")


async def test_without_a_run_there_is_nothing_to_be_like(tmp_path: Path) -> None:
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.focused)
        app.screen.runs.clear_options()
        await pilot.press("l")
        await until(pilot, lambda: "n starts one" in notices(app))
