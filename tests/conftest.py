"""Fixtures shared by all tests."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

from tests import children
from tui_cytpix import diagnostics

TERMINAL = "tests/terminal/"
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


children.signals_as_from_a_terminal()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Terminal tests, which one worker makes, come first: who got them last would be alone with them at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(TERMINAL))


class Scheduling(LoadFileScheduling):
    """A file at a time for each worker; all terminal tests, which mostly wait, for one, while the others work."""

    def _split_scope(self, nodeid: str) -> str:
        return TERMINAL if nodeid.startswith(TERMINAL) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    """For `-n`."""
    return Scheduling(config, log)


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
