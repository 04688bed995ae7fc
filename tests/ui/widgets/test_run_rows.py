"""Runs in a list, for whatever width."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tui_cytpix.domain.jobs.training import Epoch, JobState, TrainingStatus
from tui_cytpix.ui.widgets.lines.run_rows import path_end, run_rows
from tui_cytpix.workflow.run.recent_runs import RunSummary

RUN = RunSummary(
    "S. pombe in two culture conditions", Path("/data/users/me/2026-11/run-a"), "train", 2, "2026-11-30T08"
)
MURINE = replace(RUN, name="Murine peritoneal cells: clean up a gate", path=Path("/usr/sample_runs/peritoneal"))
LONG = replace(RUN, name="n" * 90, path=Path("/data/users/me/2026-11/run-b"))


def test_a_line_each_with_the_paths_end() -> None:
    for width in (40, 60, 76, 120, 200):
        rows = run_rows([RUN, LONG], {}, width)
        assert len(rows) == 2
        for row, end in zip(rows, ("2026-11/run-a", "2026-11/run-b"), strict=True):
            assert row.cell_len <= width
            assert "\n" not in row.plain
            assert row.plain.rstrip().endswith(end)
            assert "Train" in row.plain
    narrow, wide = run_rows([RUN], {}, 76)[0].plain, run_rows([RUN], {}, 160)[0].plain
    assert RUN.name in narrow, "the name is whole where there is room"
    assert "Murine peritoneal cells: clean up a gate" in run_rows([MURINE], {}, 74)[0].plain, "the path is shorter"
    assert run_rows([LONG], {}, 40)[0].plain.lstrip().startswith("nnnnnnnnnn… ")
    assert "2 samples" in wide
    assert "2026-11-30" in wide
    assert str(RUN.path) in wide
    assert run_rows([], {}, 76) == []


def test_a_run_that_trains_is_marked() -> None:
    status = TrainingStatus(JobState.RUNNING, (Epoch(35, 0.1, 0.9, 0.8, 3.0, 8, 2),), target=100)
    rows = run_rows([RUN, LONG], {LONG.path: status}, 76)
    assert "● 35/100" not in rows[0].plain
    assert "● 35/100" in rows[1].plain
    assert all(row.cell_len <= 76 for row in rows)
    assert rows[1].plain.endswith("/run-b")


def test_the_end_of_a_path() -> None:
    path = Path("/data/users/me/2026-11/run-b")
    assert path_end(path, 40) == str(path)
    assert path_end(path, 20) == "…/me/2026-11/run-b"
    assert path_end(path, 16) == "…/2026-11/run-b"
    assert path_end(path, 14) == "…/run-b"
    assert path_end(path, 4) == "…n-b"
