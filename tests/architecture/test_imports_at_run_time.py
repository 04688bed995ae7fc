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


def modules_of(room: str) -> list[str]:
    """All modules of a room and its wings, but for those that start a program when they are imported."""
    found = (ROOT / "tui_cytpix" / room).rglob("*.py")
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in found if path.stem != "__main__"]
    return sorted(".".join(p[:-1] if p[-1] == "__init__" else p) for p in parts)


def test_app_loads_nothing_heavy() -> None:
    assert loaded_by("tui_cytpix.ui.app").isdisjoint(HEAVY)


def test_every_screen_loads_nothing_heavy() -> None:
    assert loaded_by(", ".join(modules_of("ui/screens"))).isdisjoint(HEAVY)


@pytest.mark.parametrize("room", ["cli", "workflow", "engine"])
def test_no_terminal_library_outside_the_app(room: str) -> None:
    assert "textual" not in loaded_by(", ".join(modules_of(room)))
