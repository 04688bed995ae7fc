"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import children

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


children.signals_as_from_a_terminal()


def pytest_runtest_teardown() -> None:
    """Children of a test that failed end too."""
    children.end_all()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real images and files beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data is absent: {SHARED_DATA}")
    return SHARED_DATA
