"""The app: steps, help, palette, keys of the user's own, notices, signals."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import pytest
from driving import app_on, notices, press_each, until
from fakes import build_run
from textual.widgets import Input

from tests import children
from tui_cytpix.domain.jobs.training import Epoch, JobState, TrainingStatus
from tui_cytpix.errors import RunError, UsageError
from tui_cytpix.ui import app as app_module
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.session import TrainingChanged
from tui_cytpix.ui.widgets.lines.step_rail import training_text
from tui_cytpix.ui.widgets.panels.choice_panel import ChoicePanel
from tui_cytpix.ui.widgets.panels.help_panel import HelpPanel
from tui_cytpix.workflow.run.user_settings import Settings
from tui_cytpix.workflow.train.watch import TrainingWatch

ROOT = Path(__file__).resolve().parents[2]


class Assess(StepScreen):
    step = "assess"


class Train(StepScreen):
    step = "train"
    SCOPES = ("home",)
    BINDINGS = bindings("home")

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[object] = []

    async def enter(self) -> None:
        self.heard.append("entered")

    def on_training(self, status: TrainingStatus) -> None:
        self.heard.append(status.state)

    def action_new(self) -> None:
        raise RunError("No [bold]good", "\x1b[31mred\x1b[0m", "Try again.")

    def action_path(self) -> None:
        self.heard.append("path")


SCREENS = {"assess": Assess, "train": Train}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return build_run(tmp_path / "run", 3)[0]


async def on_train(app: CytpixApp, pilot: object) -> Train:
    await until(pilot, lambda: isinstance(app.screen, Train) and app.screen.heard)  # type: ignore[arg-type]
    screen = app.screen
    assert isinstance(screen, Train)
    return screen


async def test_steps_are_walked_and_remembered(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "STEPS", ("assess", "train"))
    app = app_on(monkeypatch, run, Train)
    monkeypatch.setattr(app_module, "step_screen", lambda step: SCREENS[step]())
    async with app.run_test(size=(80, 24)) as pilot:
        await on_train(app, pilot)
        await press_each(pilot, "comma")
        await until(pilot, lambda: isinstance(app.screen, Assess))
        await press_each(pilot, "comma")
        assert isinstance(app.screen, Assess)
        assert app.session is not None
        assert app.session.run.settings.step == "assess"
        assert len(app.screen_stack) == 3  # Textual's own, home, the step
        await press_each(pilot, "full_stop")
        await until(pilot, lambda: isinstance(app.screen, Train))
        assert "▸4 Train" in app.screen.rail.render().plain
        await press_each(pilot, "q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert "Train" not in app.screen.rail.render().plain


async def test_help_lists_the_screens_keys_and_closes_with_q(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_train(app, pilot)
        await press_each(pilot, "question_mark")
        panel = screen.query_one(HelpPanel)
        assert panel.open
        await press_each(pilot, "j q")
        assert not panel.open
        assert app.screen is screen
        await press_each(pilot, "question_mark question_mark")
        assert not panel.open


async def test_the_palette_finds_and_runs_a_command(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_train(app, pilot)
        await press_each(pilot, "colon")
        assert screen.query_one(ChoicePanel).open
        await press_each(pilot, "p a t h enter")
        assert "path" in screen.heard
        assert not screen.query_one(ChoicePanel).open
        await press_each(pilot, "colon q")
        assert not screen.query_one(ChoicePanel).open
        assert app.screen is screen
        await press_each(pilot, "colon q colon z z z enter")
        assert not screen.query_one(ChoicePanel).open


async def test_escape_closes_whatever_is_open(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_train(app, pilot)
        focused = screen.focused
        await press_each(pilot, "question_mark escape")
        assert not screen.query_one(HelpPanel).open
        await press_each(pilot, "colon escape")
        assert not screen.query_one(ChoicePanel).open
        screen.ask_panel.ask("Name?", "some", lambda _text: None)
        await press_each(pilot, "escape")
        assert not screen.ask_panel.open
        screen.ask_panel.confirm("Really?", lambda: None)
        await press_each(pilot, "escape")
        assert not screen.ask_panel.open
        await press_each(pilot, "question_mark m")
        await until(pilot, lambda: type(app.screen).__name__ == "ManualScreen")
        await press_each(pilot, "escape")
        await until(pilot, lambda: app.screen is screen)
        app.report("A notice.")
        await press_each(pilot, "escape")
        assert notices(app) == ""
        await press_each(pilot, "escape")
        assert app.screen is screen, "it leaves no screen of a run"
        assert screen.focused is focused


async def test_an_error_in_a_command_is_a_notice_without_markup(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train)
    async with app.run_test(size=(80, 24)) as pilot:
        await on_train(app, pilot)
        await press_each(pilot, "n")
        await until(pilot, lambda: "No [bold]good" in notices(app))
        told = notices(app)
        assert "\x1b" not in told
        assert "Try again." in told
        assert not next(iter(app._notifications)).markup


async def test_the_users_keys_replace_ours(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train, keys={"home.path": "y", "home.nothing": "x"})
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_train(app, pilot)
        await press_each(pilot, "p")
        assert "path" not in screen.heard
        await press_each(pilot, "y")
        assert "path" in screen.heard
        assert "home.nothing: there is no such command" in notices(app)


async def test_training_is_told_to_the_screen_and_the_header(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = TrainingStatus(JobState.RUNNING, (Epoch(35, 0.1, 0.9, 0.8, 3.0, 8, 2),), target=100)
    monkeypatch.setattr(TrainingWatch, "poll", lambda _self: status)
    app = app_on(monkeypatch, run, Train)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_train(app, pilot)
        await until(pilot, lambda: JobState.RUNNING in screen.heard)
        assert "● 35/100" in screen.rail.render().plain
        assert screen.rail.render().cell_len <= 80


def test_training_in_a_few_characters() -> None:
    assert training_text(TrainingStatus(None)) == ""
    assert training_text(TrainingStatus(JobState.FINISHED)) == ""
    assert training_text(TrainingStatus(JobState.LOST)) == "training lost"
    waits = TrainingStatus(JobState.PAUSED, target=9, message="The disk is full.")
    assert training_text(waits) == "Ⅱ 0/9, disk full"


async def test_a_disk_that_refuses_is_told_and_shown(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_train(app, pilot)
        monkeypatch.setattr(type(app.session.run), "problem", "the disk is full")  # type: ignore[union-attr]
        await until(pilot, lambda: "NOT SAVED" in screen.rail.render().plain)
        assert "the disk is full" in notices(app)


async def test_what_reaches_a_screen_while_its_run_closes_finds_the_run(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(monkeypatch, run, Train)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_train(app, pilot)
        found = []
        monkeypatch.setattr(Train, "on_training", lambda screen, _status: found.append(screen.session))
        screen.post_message(TrainingChanged(TrainingStatus(JobState.FINISHED)))
        await app.close_run()
        assert len(found) == 1
        assert app.session is None
        assert isinstance(app.screen, HomeScreen)


async def test_dark_and_light(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train, theme="cytpix-light")
    async with app.run_test(size=(80, 24)) as pilot:
        await on_train(app, pilot)
        assert app.theme == "cytpix-light"
        await press_each(pilot, "f2")
        assert app.theme == "cytpix-dark"


async def test_a_theme_that_is_not_there_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train, theme="zebra", graphics="sixel")
    async with app.run_test(size=(80, 24)) as pilot:
        await on_train(app, pilot)
        await until(pilot, lambda: "There is no theme 'zebra'" in notices(app))
        assert "does not tell how many pixels" in notices(app)
        assert not app.surface.pixels


def test_unknown_graphics_is_wrong_usage() -> None:
    with pytest.raises(UsageError):
        CytpixApp(graphics="holograms", settings=Settings())


async def test_the_question_line_takes_letters_that_are_commands(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, Train)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_train(app, pilot)
        answers: list[str] = []
        screen.ask_panel.ask("Name?", "", answers.append)
        await press_each(pilot, "n p colon comma q question_mark")
        assert screen.query_one("AskPanel Input", Input).value == "np:,q?"
        await press_each(pilot, "enter")
        assert answers == ["np:,q?"]


class Terminal:
    """A pseudo-terminal with the app in it."""

    def __init__(self, *arguments: str) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            code = "import sys; from tui_cytpix.ui.app import CytpixApp; CytpixApp(sys.argv[1:]).run()"
            os.execv(sys.executable, [sys.executable, "-c", code, *arguments])
        children.adopt(self.pid)
        self.output = b""
        self.open = True

    def close(self) -> None:
        os.close(self.descriptor)
        self.open = False

    def read(self, until: bytes, seconds: float = 30.0) -> bool:
        give_up = time.monotonic() + seconds
        while until not in self.output and time.monotonic() < give_up:
            if select.select([self.descriptor], [], [], 0.1)[0]:
                try:
                    self.output += os.read(self.descriptor, 1 << 16)
                except OSError:
                    break
        return until in self.output

    def ended(self, seconds: float = 30.0) -> int | None:
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if self.open:
                self.read(b"the end", 0.1)
            else:
                time.sleep(0.05)
        return None


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "closed"])
def test_a_lost_terminal_ends_the_app_in_order(run: Path, how: str) -> None:
    terminal = Terminal(str(run))
    assert terminal.read(b"saved"), terminal.output[-2000:]
    assert (run / "run.lease").exists()
    if how == "closed":
        terminal.close()
    else:
        os.kill(terminal.pid, getattr(signal, how))
        assert terminal.read(b"\x1b[?1049l")  # the terminal gets its own screen back
    assert terminal.ended() == 0
    assert b"Traceback" not in terminal.output
    assert not (run / "run.lease").exists()
