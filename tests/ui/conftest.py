"""Fixtures of the app's tests: a home of their own, no odd terminal variables."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # fakes, driving and steps are modules of these tests alone
from steps import Stage, build

from tui_cytpix.ui import deciding
from tui_cytpix.ui.keys import presses


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A run with one sample and no decision, and a fake engine."""
    return build(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, models and recent runs of whoever runs the tests stay out of them."""
    for name in ("DATA", "CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "xdg" / name.lower()))
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture(autouse=True)
def hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of tests come as if each had been pressed by itself, by someone who had looked; not those of
    `test_deciding`.
    """
    monkeypatch.setattr(presses.Presses, "press", lambda _presses, _key, _at: 0.0)
    monkeypatch.setattr(deciding.DecidingApp, "drawn", lambda _app: 0.0)
