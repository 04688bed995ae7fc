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
    └── JobError              an engine process failed

Each carries a *title* (what went wrong), a *detail* (which file, which value) and a *way out* (what to do).
Anything else that reaches the user is a bug in this program.
"""

from __future__ import annotations


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


class JobError(CytpixError):
    """An engine process failed."""
