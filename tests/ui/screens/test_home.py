"""Home: lists, opening, new runs, questions in a docked panel."""

from __future__ import annotations

from pathlib import Path

import pytest
from at_home import Bare, home_of
from driving import app_on, notices, press_each, until
from fakes import build_run, image_folder
from textual.widgets import Input

from tui_cytpix.domain.jobs.training import JobState, TrainingStatus
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens import home
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.workflow.run import recent_runs
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.user_settings import Settings


def listed(screen: HomeScreen) -> str:
    return "\n".join(str(screen.runs.get_option_at_index(n).prompt) for n in range(screen.runs.option_count))


async def test_an_empty_home_says_how_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_runs, "sample_runs", list)
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await home_of(pilot)
        assert "none yet: n starts one" in listed(screen)
        await press_each(pilot, "j k enter")
        await press_each(pilot, "q")
        assert app.return_code == 0 or not app.is_running


async def test_a_recent_run_opens_with_enter_and_q_leads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = build_run(tmp_path / "run", 3)
    recent_runs.remember(path)
    app = app_on(monkeypatch, path, Bare)
    app._paths = []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await home_of(pilot)
        assert "…/run" in listed(screen)
        await press_each(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, Bare))
        assert app.session is not None
        assert app.session.run.path == path
        await press_each(pilot, "q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert app.session is None
        assert not (path / "run.lease").exists()


async def test_a_run_that_trains_is_marked_on_its_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{'2026-11 ' * 6}run-{letter}" for letter in "ab"]
    for name in names:
        folder = tmp_path / "a folder of some length" / name
        folder.parent.mkdir(exist_ok=True)
        recent_runs.remember(build_run(folder, 3)[0])
    at_work = TrainingStatus(JobState.RUNNING, (), target=100)
    idle = TrainingStatus(None)
    monkeypatch.setattr(home, "watch_at", lambda path: Watch(at_work if path.name == names[1] else idle))
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await home_of(pilot)
        await until(pilot, lambda: "● 0/100" in listed(screen))
        shown = [screen.runs.render_line(y).text for y in range(4)]
        assert "run-b" in shown[1], "the last one opened comes first"
        assert "● 0/100" in shown[1]
        assert "run-a" in shown[2]
        assert "●" not in shown[2]
        assert shown[3].strip() == "", "a line each"
        await press_each(pilot, "j")
        await pilot.resize_terminal(120, 30)
        await until(pilot, lambda: "sample" in screen.runs.render_line(1).text)
        assert screen.runs.highlighted == 2


class Watch:
    """Of a run's training."""

    def __init__(self, status: TrainingStatus) -> None:
        self.status = status

    def poll(self) -> TrainingStatus:
        return self.status


async def test_a_sample_run_is_copied_to_where_the_answer_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "sample_runs"
    build_run(shipped / "story", 3)
    monkeypatch.setattr(recent_runs, "shipped", lambda folder: tmp_path / folder)
    app = app_on(monkeypatch, tmp_path, Bare)
    app._paths = []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await home_of(pilot)
        await press_each(pilot, "enter")
        assert screen.ask_panel.open
        line = screen.query_one("AskPanel Input", Input)
        assert line.value.endswith("story")
        line.value = str(tmp_path / "mine")
        await press_each(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, Bare))
        assert app.session is not None
        assert app.session.run.path == tmp_path / "mine"


async def test_a_new_run_asks_for_sample_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = image_folder(tmp_path / "images")
    app = app_on(monkeypatch, tmp_path, Bare)
    app._paths = []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await home_of(pilot)
        await press_each(pilot, "n")
        line = screen.query_one("AskPanel Input", Input)
        line.value = str(folder)
        await press_each(pilot, "enter")
        assert line.value.endswith("images-run")
        line.value = str(tmp_path / "new")
        await press_each(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, Bare))
        assert app.session is not None
        assert [s.name for s in app.session.run.settings.samples] == ["images"]


async def test_a_sample_that_is_none_is_one_notice_and_leaves_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "[red]bad.acs"
    bad.write_text("not an archive")
    app = CytpixApp([bad], settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.ask_panel.open)
        line = app.screen.query_one("AskPanel Input", Input)
        line.value = str(tmp_path / "new")
        await press_each(pilot, "enter")
        await until(pilot, lambda: any(n.severity == "error" for n in app._notifications))
        assert "bad.acs" in notices(app)
        assert not (tmp_path / "new").exists()
        assert isinstance(app.screen, HomeScreen)


async def test_a_path_that_is_no_run_is_told_and_a_run_in_use_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = build_run(tmp_path / "run", 3)
    app = app_on(monkeypatch, path, Bare)
    app._paths = []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await home_of(pilot)
        await press_each(pilot, "p")
        line = screen.query_one("AskPanel Input", Input)
        line.value = str(tmp_path)
        await press_each(pilot, "enter")
        await until(pilot, lambda: "This is not a run" in notices(app))
        with Run.open(path):
            line.value = str(path)
            await press_each(pilot, "enter")
            await until(pilot, lambda: isinstance(app.screen, Bare))
            assert app.session is not None
            assert "held by process" in app.session.held
            assert "READ ONLY" in app.screen.rail.render().plain
            await press_each(pilot, "q")
            await until(pilot, lambda: app.session is None)


async def test_questions_are_left_without_escape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await home_of(pilot)
        await press_each(pilot, "p q")
        assert not screen.ask_panel.open
        assert app.is_running
        assert screen.focused is screen.runs
        await press_each(pilot, "p x q")
        assert screen.ask_panel.open
        assert screen.query_one("AskPanel Input", Input).value == "xq"
        await press_each(pilot, "escape")
        assert not screen.ask_panel.open
        yes: list[str] = []
        screen.ask_panel.confirm("Really?", lambda: yes.append("y"))
        await press_each(pilot, "n")
        screen.ask_panel.confirm("Really?", lambda: yes.append("y"))
        await press_each(pilot, "y")
        assert yes == ["y"]
