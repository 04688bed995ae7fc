"""Fixtures of the app's tests: a home of their own, no odd terminal variables."""

from __future__ import annotations

import sys
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest


class _Helpers:
    """`tests_ui_NAME` is `NAME.py` of this folder: tests are no package, and other folders have helpers too."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """The spec of a helper, None for any other module."""
        path = Path(__file__).parent / f"{name.removeprefix('tests_ui_')}.py"
        known = name.startswith("tests_ui_") and path.is_file()
        return importlib.util.spec_from_file_location(name, path) if known else None


sys.meta_path.append(_Helpers)  # type: ignore[arg-type]

sys.path.insert(0, str(Path(__file__).parent))  # fakes and driving are modules of these tests alone


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, models and recent runs of whoever runs the tests stay out of them."""
    for name in ("DATA", "CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "xdg" / name.lower()))
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
