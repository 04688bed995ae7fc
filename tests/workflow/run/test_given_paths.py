"""What is given to be opened is looked at first."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tui_cytpix.errors import RunError, SampleError
from tui_cytpix.workflow.run.given_paths import check
from tui_cytpix.workflow.run.run import Run


def test_good_paths_are_left_as_they_were(tmp_path: Path) -> None:
    Run.create(tmp_path / "run").close()
    sample = tmp_path / "sample"
    sample.mkdir()
    Image.new("L", (8, 8), 90).save(sample / "1.png")
    before = sorted(tmp_path.rglob("*"))
    check([tmp_path / "run"])
    check([sample], 0.3)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_that_is_in_use_can_be_looked_at(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run"):
        check([tmp_path / "run"])


def test_a_damaged_run_and_a_bad_sample_are_refused(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("version = [")
    with pytest.raises(RunError):
        check([tmp_path])
    bad = tmp_path / "bad.acs"
    bad.write_text("hello")
    with pytest.raises(SampleError):
        check([bad])
