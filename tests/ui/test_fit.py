"""What must be seen on small screens is seen: notices beside questions, the footer's way out, the steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import press_each, until
from steps import Stage, build, choose_base, on_screen, opened, state_goal, words_of
from textual.widgets._toast import Toast

from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.frame import hints
from tui_cytpix.ui.screens.assess import AssessScreen
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.widgets.lines.key_footer import KeyFooter
from tui_cytpix.workflow.explore import random_images
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.user_settings import Settings
from tui_cytpix.workflow.samples import selection


def footer(app: CytpixApp) -> str:
    return app.screen.query_one(KeyFooter).render().plain


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_notices_cover_neither_questions_nor_the_tally(stage: Stage, size: tuple[int, int]) -> None:
    state_goal(stage)
    app = stage.app()
    async with app.run_test(size=size, notifications=True) as pilot:
        screen = await on_screen(pilot, "AssessScreen")
        assert isinstance(screen, AssessScreen)
        await until(pilot, lambda: screen.judging.model)
        await press_each(pilot, "p")
        for number in range(6):
            app.report(f"Notice {number}. " + "Some words on what happened and what can be done about it. " * 2)
        await until(pilot, lambda: len(screen.query(Toast)) == 6)
        await pilot.pause()
        kept = [screen.rail, screen.ask_panel, screen.query_one("#tally"), screen.query_one(KeyFooter)]
        rack = next(iter(screen.query("ToastRack"))).region
        for widget in kept:
            assert widget.region.area
            assert not rack.overlaps(widget.region), widget
        assert screen.query(Toast).last().size.width <= size[0] // 2


@pytest.mark.parametrize(("name", "step"), [("BaseModelScreen", "base_model"), ("SamplesScreen", "samples")])
async def test_notices_cover_neither_questions_nor_the_table_where_it_is_narrow(
    stage: Stage, name: str, step: str
) -> None:
    choose_base(stage, step)
    app = stage.app()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await on_screen(pilot, name)
        await until(pilot, lambda: screen.table.row_count)
        screen.ask("Which?", "", lambda _text: None)
        app.report("A notice. " + "Some words on what happened and what can be done about it. " * 3)
        await until(pilot, lambda: screen.query(Toast))
        await pilot.pause()
        toast = screen.query(Toast).last().region
        assert toast.area
        assert not toast.overlaps(screen.ask_panel.region)
        rows = screen.table.region
        assert toast.y >= rows.y + screen.table.header_height + screen.table.row_count


async def test_the_footer_always_shows_help_and_the_way_back(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen") as (app, pilot, screen):
        assert isinstance(screen, AssessScreen)
        await until(pilot, lambda: screen.judging.model)
        assert footer(app).startswith(" p Process  v Review  m Model  ⏎ Enlarge")
        assert footer(app).rstrip().endswith("? Help  q Back")
        await press_each(pilot, "p")
        assert footer(app).startswith(" ⏎ Take it  Esc Leave it")
        await press_each(pilot, "escape")
        await pilot.resize_terminal(40, 24)
        await until(pilot, lambda: footer(app).rstrip().endswith("? Help  q Back"))
        assert len(footer(app)) <= 40
        assert "5" in screen.rail.render().plain[:34]
        assert "▸1 Assess" in screen.rail.render().plain
        assert "saved" in screen.rail.render().plain[:40]


async def test_home_quits(tmp_path: Path) -> None:
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.focused)
        await until(pilot, lambda: footer(app).rstrip().endswith("? Help  q Quit"))


async def test_the_goal_is_asked_from_the_first_moment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    panes: list[str] = []
    say = AssessScreen.say

    def note(screen: AssessScreen, words: str) -> None:
        said.append(words)
        panes.append(screen.pane)
        say(screen, words)

    monkeypatch.setattr(AssessScreen, "say", note)
    async with opened(stage, "AssessScreen") as (app, pilot, screen):
        assert isinstance(screen, AssessScreen)
        await until(pilot, lambda: screen.judging.model and words_of(app, "#tally-words"))
        assert set(panes) == {"goal"}
        first, *others = said
        assert first == "", "it says that it loads, and nothing else"
        assert all("what you study" in words for words in others)
        assert "Process" not in footer(app)


def test_step_5_does_not_offer_what_cannot_be_done() -> None:
    assert "{evaluate.compare}" not in hints.evaluate("new", 0, 0, False, False, any_left=False)
    assert "No unseen image is left" in hints.evaluate("new", 0, 0, False, False, any_left=False)
    assert "{evaluate.compare}" in hints.evaluate("new", 0, 0, False, False)


def test_a_selection_that_takes_every_image_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Run.open(build(tmp_path, monkeypatch).run) as run:
        assert random_images.any_left(run)
        assert selection.NOTHING_LEFT in selection.select(run, 50).notes
        assert not random_images.any_left(run)
