"""Format, lint, types and layers: so that the one test command checks everything."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import children

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["lint-imports"],
        ["mypy"],
    ],
    ids=lambda command: command[0] + "-" + command[-1],
)
def test_check(command: list[str]) -> None:
    result = children.run([TOOLS / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
