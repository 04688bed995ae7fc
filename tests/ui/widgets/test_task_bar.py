"""Progress in one line."""

from __future__ import annotations

import pytest

from tui_cytpix.ui.widgets.lines import task_bar
from tui_cytpix.ui.widgets.lines.task_bar import TaskBar


def test_what_is_left_is_told_without_the_slow_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(task_bar.time, "monotonic", lambda: now)
    bar = TaskBar()
    bar.show_progress("Looking", 0, 400)
    for now, done in ((20.0, 1), (20.9, 10), (21.1, 11)):  # noqa: B007
        bar.show_progress("Looking", done, 400)
        told = bar.words()
        assert ("left" in told) == (done == 11), told
    assert bar._eta is not None
    assert 30 < bar._eta < 60, "by the ten in a second, not by the first of twenty seconds"


def test_a_few_things_that_take_long_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(task_bar.time, "monotonic", lambda: now)
    bar = TaskBar()
    for now, done in ((0.0, 0), (30.0, 1), (60.0, 2)):  # noqa: B007
        bar.show_progress("Reading", done, 4)
    assert "left" in bar.words()
