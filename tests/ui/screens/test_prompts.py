"""Prompts by keys: paths, answers that are refused, several questions in a row."""

from __future__ import annotations

from pathlib import Path

import pytest
from at_home import Bare, home_of
from driving import app_on, burst, notices, press_each, until
from fakes import build_run, image_folder
from steps import Stage, on_screen, opened, reply
from textual.pilot import Pilot

from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.widgets.panels.ask_panel import AskPanel
from tui_cytpix.workflow.run import recent_runs
from tui_cytpix.workflow.run.user_settings import Settings


def asked(app: CytpixApp) -> str:
    """The open question, with what is said above it; "" where there is none."""
    panel = app.screen.query_one(AskPanel)
    return str(panel.query_one("Static").render()) if panel.open else ""


def typed(app: CytpixApp) -> str:
    return app.screen.query_one(AskPanel).line.value


async def type_text(pilot: Pilot, text: str) -> None:
    names = {"/": "slash", "-": "minus", ".": "full_stop", " ": "space", "~": "tilde", "'": "apostrophe"}
    await pilot.press(*(names.get(letter, letter) for letter in text))


def bare_app(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> CytpixApp:
    app = app_on(monkeypatch, Path(), Bare)
    app._paths = list(paths)
    return app


@pytest.mark.parametrize("path", [False, True])
async def test_of_a_long_default_one_reads_the_beginning_and_of_a_path_the_end(stage: Stage, *, path: bool) -> None:
    async with opened(stage, "AssessScreen") as (_app, pilot, screen):
        panel, default = screen.ask_panel, f"first {'word ' * 30}last"
        answers: list[str] = []
        panel.ask("What counts as one?", default, answers.append, path=path)
        await pilot.pause()
        shown = panel.line.render_line(0).text
        assert ("first" in shown, "last" in shown) == (not path, path)
        await press_each(pilot, "right ! enter")
        assert answers == [f"{default}!"], "an arrow key keeps it to be changed"
        panel.ask("What counts as one?", default, answers.append, path=path)
        await press_each(pilot, "a enter")
        assert answers[1:] == ["a"], "what is typed stands in its place"


async def test_tab_completes_a_path_and_enter_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("other", "tube-run", "tube-run-2"):
        recent_runs.remember(build_run(tmp_path / name, 3)[0])
    app = bare_app(monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await home_of(pilot)
        await press_each(pilot, "p t u tab")
        assert typed(app) == "tube-run"
        assert "tube-run-2/   tube-run/" in asked(app) or "tube-run/   tube-run-2/" in asked(app)
        await press_each(pilot, "tab")
        assert asked(app), "the prompt keeps the focus"
        await type_text(pilot, "-")
        await press_each(pilot, "tab enter")
        await until(pilot, lambda: isinstance(app.screen, Bare))
        assert app.session is not None
        assert app.session.run.path == tmp_path / "tube-run-2"


async def test_a_refused_path_stays_to_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    recent_runs.remember(build_run(tmp_path / "other", 3)[0])
    build_run(tmp_path / "my run", 3)
    app = bare_app(monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await home_of(pilot)
        await press_each(pilot, "p")
        await type_text(pilot, "~/my ru'")
        await press_each(pilot, "enter")
        await until(pilot, lambda: "This is not a run" in notices(app))
        assert typed(app) == "~/my ru'"
        await press_each(pilot, "enter shift+tab down")
        await until(pilot, lambda: sum(n.severity == "error" for n in app._notifications) == 2)
        assert app.session is None, "Enter did not open the run behind the prompt"
        await press_each(pilot, "backspace n")
        assert typed(app) == "~/my run"
        await press_each(pilot, "home apostrophe end apostrophe enter")
        await until(pilot, lambda: isinstance(app.screen, Bare))
        assert app.session is not None
        assert app.session.run.path == tmp_path / "my run"


async def test_enter_never_means_what_lies_behind_a_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recent_runs.remember(build_run(tmp_path / "other", 3)[0])
    app = bare_app(monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await home_of(pilot)
        await press_each(pilot, "p x")
        screen.set_focus(screen.runs)  # as a click there does
        await burst(pilot, "enter y")
        await until(pilot, lambda: "This is not a run" in notices(app))
        await press_each(pilot, "y")
        assert app.session is None
        assert typed(app).startswith("x")


async def test_a_free_folder_is_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = image_folder(tmp_path / "t")
    build_run(tmp_path / "t-run", 3)  # of other samples
    (tmp_path / "t-run-2").mkdir()
    app = bare_app(monkeypatch, folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.ask_panel.open)
        assert typed(app) == str(tmp_path / "t-run-2"), "an empty folder is free"
        (tmp_path / "t-run-2" / "full").touch()
        await press_each(pilot, "enter")
        await until(pilot, lambda: "not empty" in notices(app))
        assert typed(app) == str(tmp_path / "t-run-2")
        await press_each(pilot, "backspace 3 enter")
        await until(pilot, lambda: isinstance(app.screen, Bare))
        assert app.session is not None
        assert app.session.run.path == tmp_path / "t-run-3"


async def test_the_run_on_a_sample_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = image_folder(tmp_path / "t")
    for _ in range(2):  # the first time it is made, the second time it is there
        app = bare_app(monkeypatch, folder)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.ask_panel.open)  # noqa: B023
            await press_each(pilot, "enter")
            await until(pilot, lambda: isinstance(app.screen, Bare))  # noqa: B023
            assert app.session is not None
            assert app.session.run.path == tmp_path / "t-run"
    app = bare_app(monkeypatch, folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.ask_panel.open)
        assert "There is a run on t already" in asked(app)
        await press_each(pilot, "n")
        assert typed(app) == str(tmp_path / "t-run-2")


async def test_a_new_run_is_two_questions_and_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = image_folder(tmp_path / "images")
    app = bare_app(monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await home_of(pilot)
        await press_each(pilot, "n")
        assert asked(app).startswith("1 of 2 · Sample")
        await reply(pilot, str(folder))
        await until(pilot, lambda: asked(app).startswith("2 of 2 · New run on images"))
        await press_each(pilot, "up")
        assert asked(app).startswith("1 of 2 · Sample")
        assert typed(app) == str(folder)
        await press_each(pilot, "enter")
        await until(pilot, lambda: asked(app).startswith("2 of 2"))


async def test_a_goal_is_four_questions_and_each_can_be_gone_back_to(stage: Stage) -> None:
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await press_each(pilot, "j enter")
        assert asked(app).startswith("1 of 4 · Plainly good")
        await reply(pilot, "3")
        assert asked(app).startswith("2 of 4 · Intolerable")
        await reply(pilot, "2")
        await until(pilot, lambda: notices(app))
        assert asked(app).startswith("2 of 4"), "a rate that is refused is asked for again"
        assert typed(app) == "2"
        await press_each(pilot, "up")
        assert asked(app).startswith("1 of 4")
        assert typed(app) == "3"
        await reply(pilot, "1")
        assert typed(app) == "2", "what was typed is kept"
        await reply(pilot)
        await reply(pilot, "pictures")
        assert asked(app).startswith("3 of 4")
        assert typed(app) == "pictures"
        await reply(pilot, "count")
        await press_each(pilot, "up")
        assert typed(app) == "count"
        await press_each(pilot, "enter")
        assert asked(app).startswith("4 of 4")
        await reply(pilot)
        await until(pilot, lambda: screen.pane == "main")
        settings = app.session.run.settings.assess
        assert (settings.p0, settings.p1, settings.required) == (0.01, 0.02, ("count",))


async def test_a_number_that_is_refused_stays(stage: Stage) -> None:
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, _screen):
        await press_each(pilot, "j enter")
        for _ in range(4):
            await reply(pilot)
        await until(pilot, lambda: not asked(app))
        await press_each(pilot, "p")
        await reply(pilot, "many")
        await until(pilot, lambda: "whole number" in notices(app))
        assert typed(app) == "many"
        await press_each(pilot, "1 2")
        assert typed(app) == "12", "what is typed stands in its place"
        await press_each(pilot, "escape")
        assert not asked(app)


async def test_a_sample_that_cannot_be_read_stays_in_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.acs"
    bad.write_text("no archive")
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, "HomeScreen")
        for key in ("n", "t"):
            await press_each(pilot, key)
            await reply(pilot, str(bad))
            await until(pilot, lambda: "bad.acs" in notices(app))
            assert typed(app) == str(bad)
            await press_each(pilot, "escape")
            app.clear_notifications()
