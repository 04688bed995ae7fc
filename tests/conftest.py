"""Fixtures shared by all tests."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests import children
from tui_cytpix import diagnostics

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


children.signals_as_from_a_terminal()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a slow test come first: a worker that got one last would be alone with it at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_runtest_teardown() -> None:
    """Children of a test that failed end too, and the diagnostic log that it may have begun."""
    children.end_all()
    logging.getLogger().removeHandler(diagnostics._FILE)
    logging.getLogger("tui_cytpix").setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real images and files beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data is absent: {SHARED_DATA}")
    return SHARED_DATA
