"""The classes of the package's front end, for tests of how they are made."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "tui_cytpix"


def all_of_ui() -> Iterator[type]:
    """The classes of ui, those in classes too."""
    for path in sorted((PACKAGE / "ui").rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = importlib.import_module(".".join(p for p in parts if p != "__init__"))
        found = [value for value in vars(module).values() if isinstance(value, type)]
        inner = [value for one in found for value in vars(one).values() if isinstance(value, type)]
        yield from (one for one in (*found, *inner) if one.__module__ == module.__name__)
