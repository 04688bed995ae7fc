"""Every error that a user can meet.

    CytpixError
    ├── UsageError            the command line or a setting is wrong (exit status 2)
    ├── InputError            a file given by the user can't be used
    │   ├── SampleError       an instrument file or image folder
    │   │   └── SampleChangedError    a sample, or an image, that is not the one that the run knows
    │   ├── FcsError          an FCS file
    │   ├── MaskError         label images, instrument masks
    │   └── ModelFileError    a model file, or a model name that doesn't exist
    ├── RunError              a run folder is broken, locked, or not ready for what was asked
    │   └── InUseError        somebody else has it open to write: it can be looked at
    └── JobError              an engine process failed

Each carries a *title* (what went wrong), a *detail* (which file, which value) and a *way out* (what to do).
Anything else that reaches the user is a bug in this program.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room for what is to be written
_FULL_TITLES = {errno.ENOSPC: "The disk is full", errno.EDQUOT: "Your quota on the disk is used up"}


class CytpixError(Exception):
    """The root of the tree; front ends catch this and print `str(error)`, never a traceback."""

    exit_status = 1

    def __init__(self, title: str, detail: str = "", way_out: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.way_out = way_out

    def __str__(self) -> str:
        parts = [part for part in (self.title, self.detail, self.way_out) if part]
        return " ".join(part if part.endswith((".", "?", "!", "`")) else f"{part}." for part in parts)


class UsageError(CytpixError):
    """The command line or a setting is wrong."""

    exit_status = 2


class InputError(CytpixError):
    """A file given by the user can't be used."""


class SampleError(InputError):
    """An instrument file or an image folder can't be read."""


class SampleChangedError(SampleError):
    """A sample, or an image of it, is not the one that a run knows by its name."""


class FcsError(InputError):
    """An FCS file can't be read or written."""


class MaskError(InputError):
    """Label images or instrument masks can't be used."""


class ModelFileError(InputError):
    """A model file can't be used, or no model has that name."""


class RunError(CytpixError):
    """A run folder is broken, locked, or not ready for what was asked."""


class InUseError(RunError):
    """Somebody else has it open to write."""


class JobError(CytpixError):
    """An engine process failed."""


def refusal(
    error: OSError, where: str | Path = "", title: str = "The system refused", way_out: str = ""
) -> tuple[str, str, str]:
    """Title, detail and way out of what the system refused while a file was written or read: the one that `error`
    names, else `where`. A full disk is told as one, with what is free and, where that is known (`needing`), needed.
    """
    path = str(error.filename or where)
    before = f"{path}: " if path else ""
    reason = (error.strerror or str(error)).rstrip(".")
    if error.errno == errno.EFBIG:
        return "The file is too large for the system", path, "See `ulimit -f`, or give a place on another disk."
    if error.errno not in _FULL_TITLES:
        return title, f"{before}{reason}", way_out
    needed = [] if reason == os.strerror(error.errno) else [reason]
    room = "Free some space there, or give a place on another disk; then do it again."
    return _FULL_TITLES[error.errno], before + ", ".join([*needed, *_free(Path(path or "."))]), room


def needing(error: OSError, path: str | Path, size: int) -> OSError:
    """The same refusal, which says how many bytes the file needs."""
    if error.errno not in FULL:
        return error
    return OSError(error.errno, f"{_amount(size, math.ceil)} are needed", str(path))


def _free(path: Path) -> list[str]:
    for folder in (path, *path.parents):
        try:
            found = os.statvfs(folder)
        except OSError:
            continue
        no_file = ["but no further file fits"] if found.f_files and not found.f_favail else []
        return [f"{_amount(found.f_bavail * found.f_frsize, math.floor)} are free", *no_file]
    return []


def _amount(size: int, rounded: Callable[[float], int]) -> str:
    power = next(power for power in range(4) if size < 1000 ** (power + 1) or power == 3)
    return f"{rounded(size / 1000**power)} {('bytes', 'kB', 'MB', 'GB')[power]}"
