"""Folders that nobody may read: the app says so in a sentence and stays open, in a run, at its home and its prompts."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import notices, press_each, until
from fakes import build_run
from steps import reply

from tests.faults.watching import without_rights_to_all
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.workflow.run.user_settings import Settings


@pytest.mark.parametrize("folder", ["", "predictions"])
async def test_of_a_run(tmp_path: Path, folder: str) -> None:
    run, _ = build_run(tmp_path / "run", 4)
    (run / folder).chmod(0)
    app = CytpixApp([run], settings=Settings())
    with without_rights_to_all():
        async with app.run_test(size=(100, 30)) as pilot:
            if folder:
                await until(pilot, lambda: type(app.screen).__name__ == "TrainScreen" and app.screen.focused)
                await press_each(pilot, "enter")
            await until(pilot, lambda: "Permission denied" in notices(app))
            assert str(run / folder) in notices(app)
            assert app.return_code is None
    (run / folder).chmod(0o755)


async def test_of_copies_of_images(tmp_path: Path) -> None:
    run, _ = build_run(tmp_path / "run", 4)
    (run / "preview").chmod(0)
    app = CytpixApp([run], settings=Settings())
    with without_rights_to_all():
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: type(app.screen).__name__ == "TrainScreen" and app.screen.focused)
            await press_each(pilot, "enter")
            await until(pilot, lambda: type(app.screen).__name__ == "AnnotateScreen")
            await until(pilot, lambda: "denied" in app.export_screenshot(simplify=True))
            await press_each(pilot, "right left")
            assert app.return_code is None
    (run / "preview").chmod(0o755)


async def test_at_a_prompt(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    shut.chmod(0)
    app = CytpixApp([], settings=Settings())
    with without_rights_to_all():
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: type(app.screen).__name__ == "HomeScreen" and app.screen.focused)
            for key in ("p", "n", "t"):
                before = len(notices(app))
                await pilot.press(key)
                await reply(pilot, str(shut / "tube"))
                await until(pilot, lambda before=before: len(notices(app)) > before, f"a notice after {key}")
                assert "shut" in notices(app)
            assert app.return_code is None
    shut.chmod(0o755)
