"""Paths that a user gives to be opened: looked at before anything is asked or shown."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from tui_cytpix.errors import InUseError
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.run.run import Run


def is_run(path: Path | str) -> bool:
    """True for a run's folder; anything else is taken for a sample."""
    return (Path(path) / "run.toml").is_file()


def free_folder(path: Path) -> Path:
    """Where a new run can be made: that folder, else the first of `NAME-2`, `NAME-3`, ... that is not there."""
    found = (one for one in _numbered(path) if not one.is_symlink())
    return next(one for one in found if not one.exists() or _is_empty(one))


def free_file(path: Path) -> Path:
    """That path, else the first of `NAME-2.zip`, `NAME-3.zip`, ... that is not there."""
    return next(one for one in _numbered(path, path.suffix) if not one.exists())


def _numbered(path: Path, suffix: str = "") -> Iterator[Path]:
    """The path, then with 2, 3, ... before its suffix."""
    stem = path.name.removesuffix(suffix)
    return (path if number == 1 else path.with_name(f"{stem}-{number}{suffix}") for number in count(1))


def _is_empty(path: Path) -> bool:
    try:
        return path.is_dir() and not any(path.iterdir())
    except OSError:
        return False


def check(paths: Sequence[Path | str], um_per_px: float | None = None, channel: str = "") -> None:
    """Opens each run or sample and closes it again. Large archives take a moment.

    Raises:
        RunError: a run is damaged, of a newer version, or can't be written to.
        SampleError: a sample can't be read, or holds no image.
        UsageError: the pixel size is no positive number, or a sample has no such channel.
    """
    for path in paths:
        if is_run(path):
            with contextlib.suppress(InUseError):  # which can be looked at
                Run.open(Path(path)).close()
        else:
            open_sample(path, um_per_px, channel).close()
