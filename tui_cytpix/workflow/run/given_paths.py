"""Paths that a user gives to be opened: looked at before anything is asked or shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.run.run import Run


def is_run(path: Path | str) -> bool:
    """True for a run's folder; anything else is taken for a sample."""
    return (Path(path) / "run.toml").is_file()


def check(paths: Sequence[Path | str], um_per_px: float | None = None, channel: str = "") -> None:
    """Opens each run or sample and closes it again. Large archives take a moment.

    Raises:
        RunError: a run is damaged, of a newer version, in use, or can't be written to.
        SampleError: a sample can't be read, or holds no image.
        UsageError: the pixel size is no positive number, or a sample has no such channel.
    """
    for path in paths:
        if is_run(path):
            Run.open(Path(path)).close()
        else:
            open_sample(path, um_per_px, channel).close()
