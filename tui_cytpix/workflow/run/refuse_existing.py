"""What a person names is written anew, never over what is there."""

from __future__ import annotations

from pathlib import Path

from tui_cytpix.errors import UsageError


def refuse_existing(path: Path) -> None:
    """For what a person asked for under a name of theirs: another file of that name may be all that they have.

    Raises:
        UsageError: something is there already.
    """
    if path.exists():
        raise UsageError("The file exists", f"{path}.", "Choose another name, or remove it first.")
