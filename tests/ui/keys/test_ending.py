"""A bug in the app ends it with one line and an entry in the diagnostic log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_cytpix import __main__
from tui_cytpix.cli import main as cli
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.workflow.run.user_settings import Settings


def broken() -> None:
    secret = "a local variable"
    raise ZeroDivisionError(f"{len(secret)} by zero")


async def broken_later() -> None:
    broken()


@pytest.mark.parametrize("where", ["handler", "worker"])
def test_a_bug_ends_in_one_line(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = CytpixApp.run
    monkeypatch.setattr(cli, "on_terminal", lambda: True)
    monkeypatch.setattr(CytpixApp, "run", lambda app: run(app, headless=True))

    def mounted(screen: HomeScreen) -> None:
        if where == "worker":
            screen.run_worker(broken_later())
        else:
            broken()

    monkeypatch.setattr(HomeScreen, "on_screen_resume", mounted)
    assert __main__.main([]) == 1
    said = capfd.readouterr()
    assert said.out.strip() == ""
    assert len(said.err.splitlines()) == 1
    assert "This is a bug in the program: ZeroDivisionError: 16 by zero" in said.err
    log = tmp_path / "xdg" / "state" / "tui-cytpix" / "diagnostic.log"
    assert str(log) in said.err
    assert "in broken\n" in log.read_text()


async def test_tests_still_see_what_was_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HomeScreen, "on_screen_resume", lambda _screen: broken())
    with pytest.raises(ZeroDivisionError):
        async with CytpixApp(settings=Settings()).run_test():
            pass
