"""Small bins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bins import Bins


@pytest.fixture
def bins(tmp_path: Path) -> Bins:
    """Writes small bins."""
    folder = tmp_path / "bins"
    folder.mkdir()
    return Bins(folder)
