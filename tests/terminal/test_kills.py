"""Three of the fifty kills of `python -m tests.benchmarks kills`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.kills import Story

pytestmark = pytest.mark.slow


def test_three_kills_lose_nothing(run: Path, variables: dict[str, str]) -> None:
    story = Story(run, variables, seed=9)
    story.tell(3)
    assert story.losses == []
    assert set(story.killed) == {"app", "trainer", "both"}
    assert story.saved >= 13
    epochs = story.status().epochs  # training may still go on: one look
    assert epochs[-1].epoch == len(epochs) >= 3
