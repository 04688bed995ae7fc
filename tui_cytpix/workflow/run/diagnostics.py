"""The diagnostic log: what went wrong inside, for a bug report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import tui_cytpix
from tui_cytpix.workflow.run.resources import state_folder

MAX_BYTES = 1 << 20


def log_error(text: str) -> Path | None:
    """Appends a traceback with time and version; None where the log can't be written."""
    path = state_folder() / "diagnostic.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > MAX_BYTES:
            path.replace(path.with_suffix(".old.log"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {tui_cytpix.__version__}\n{text}\n")
    except OSError:
        return None
    return path
