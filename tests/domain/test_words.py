"""Values in words."""

from __future__ import annotations

import pytest

from tui_cytpix.domain.words import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (9.6, "10 s"), (200, "3 min 20 s"), (1800, "30 min"), (4000, "1 h 06 min"), (7500, "2 h 05 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
