"""What an import loads: the app's first paint and the engine's independence depend on it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import children

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "pandas", "fcsparser", "scipy", "cv2", "h5py", "tifffile", "PIL", "textual_image")


def loaded_by(module: str) -> set[str]:
    code = f"import {module}, sys; print(*sys.modules)"
    result = children.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in result.stdout.split()}


def test_app_loads_nothing_heavy() -> None:
    assert loaded_by("tui_cytpix.ui.app").isdisjoint(HEAVY)


def test_every_screen_loads_nothing_heavy() -> None:
    names = [p.stem for p in (ROOT / "tui_cytpix" / "ui" / "screens").glob("*.py") if p.stem != "__init__"]
    modules = ", ".join(f"tui_cytpix.ui.screens.{name}" for name in sorted(names))
    assert loaded_by(modules).isdisjoint(HEAVY)


@pytest.mark.parametrize("room", ["cli", "workflow", "engine"])
def test_no_terminal_library_outside_the_app(room: str) -> None:
    names = [p.stem for p in (ROOT / "tui_cytpix" / room).glob("*.py") if p.stem not in ("__init__", "__main__")]
    modules = ", ".join([f"tui_cytpix.{room}", *(f"tui_cytpix.{room}.{name}" for name in sorted(names))])
    assert "textual" not in loaded_by(modules)
