"""Messages stay: the log, and what can be copied from any screen."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from driving import notices, press_each, until
from steps import SAMPLE, on_screen, opened, select
from textual.widgets import Input, Static

from tui_cytpix.errors import SampleError
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.frame import copying, messages
from tui_cytpix.ui.frame.messages import Message, Messages
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.widgets.panels.choice_panel import ChoicePanel
from tui_cytpix.workflow.run.user_settings import Settings


async def test_what_was_told_is_read_again_and_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.focused)
        await press_each(pilot, "colon l o g")
        await until(pilot, lambda: app.screen.query_one(ChoicePanel).open)
        await press_each(pilot, "enter")
        screen = await on_screen(pilot, "LogScreen")
        assert "Nothing was told yet" in str(screen.list.get_option_at_index(0).prompt)
        await press_each(pilot, "y Y q")
        app.report("First words.")
        app.report(SampleError("It is odd", "tube.acs.", "Mend it."))
        await press_each(pilot, "f3")
        screen = await on_screen(pilot, "LogScreen")
        told = [str(screen.list.get_option_at_index(place).prompt) for place in range(2)]
        assert told[0].endswith("It is odd: tube.acs.\nMend it.")
        assert told[1].endswith("First words.")
        await press_each(pilot, "j y")
        assert app.clipboard == told[1]
        assert "Sent to the terminal's clipboard" in notices(app)
        await press_each(pilot, "Y")
        assert app.clipboard.splitlines()[:3] == [told[1], *told[0].splitlines()], "the oldest first"
        await press_each(pilot, "q")
        assert isinstance(app.screen, HomeScreen)


async def test_event_ids_and_paths_are_copied_from_where_they_show(stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "socket,1,0")
    select(stage)
    async with opened(stage, "TrainScreen", "gallery.items") as (app, pilot, screen):
        key = screen.gallery.current.key
        wanted = {"image": f"{SAMPLE}:{key.event}", "event": key.event, "folder": str(stage.run)}
        wanted["sample"] = str(Path(stage.run).parent / SAMPLE)
        for typed, text in wanted.items():
            await press_each(pilot, "f4")
            await until(pilot, lambda: screen.query_one(ChoicePanel).open)
            screen.query_one(ChoicePanel).query_one(Input).value = typed
            await pilot.pause()
            await press_each(pilot, "enter")
            await until(pilot, lambda text=text: app.clipboard == text, typed)
        assert "set -g set-clipboard on" in notices(app)


async def test_a_blind_review_has_nothing_to_copy_that_tells(stage, monkeypatch: pytest.MonkeyPatch) -> None:
    select(stage)
    async with opened(stage, "TrainScreen", "gallery.items") as (_app, _pilot, screen):
        monkeypatch.setattr(type(screen), "hides_names", property(lambda _: True))
        assert list(copying._at_hand(screen)) == []


def test_the_log_keeps_and_copies_no_more_than_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Messages()
    for number in range(messages.MOST_KEPT + 3):
        kept.add(Message(f"message {number}"))
    assert len(kept.newest_first) == messages.MOST_KEPT
    assert str(kept.newest_first[0]).endswith(f"message {messages.MOST_KEPT + 2}")
    monkeypatch.setattr(messages, "MOST_COPIED", 100)
    text, number = kept.together()
    assert (number, len(text.splitlines())) == (4, 4)
    assert text.endswith(f"message {messages.MOST_KEPT + 2}")


async def test_a_bug_report_says_what_is_in_it_and_is_written(
    stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    select(stage)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tui-cytpix-bug.zip").touch()
    async with opened(stage, "TrainScreen", "gallery.items") as (app, pilot, screen):
        app.report("Something odd.")
        await press_each(pilot, "f5")
        await until(pilot, lambda: screen.ask_panel.open)
        told = str(screen.ask_panel.query_one(Static).render())
        assert "run/run.toml: its settings" in told
        assert "No image and no mask" in told
        assert screen.ask_panel.size.height < 20, "there is room for it at 80x24"
        await press_each(pilot, "enter")
        await until(pilot, lambda: "Written:" in notices(app))
    with zipfile.ZipFile(tmp_path / "tui-cytpix-bug-2.zip") as file:
        about = json.loads(file.read("about.json"))
        assert about["terminal"]["columns and rows"] == [80, 24]
        assert "Something odd" in file.read("messages.txt").decode()
        assert SAMPLE not in file.read("run/run.toml").decode()
