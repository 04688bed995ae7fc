"""The diagnostic log: what happened inside, for whoever looks for a fault.

`configure` is called where a process begins (the app, a verb, an engine); everywhere else modules write to
`logging.getLogger(__name__)`. Errors are faults of ours, with their traceback; warnings say what went on without (a
damaged cache, a lost job). With `--debug` there is more: what began and ended, each command. Nothing goes to the
terminal. Messages name no file, sample, event or person; paths in those of other libraries are cut.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from pathlib import Path

import tui_cytpix

APP = "tui-cytpix"
MAX_BYTES = 1 << 20
_PATH = re.compile(r"(?<=['\"])/[^'\"\n]*(?=['\"])|(?<![\w/])/[\w.~-][^\s'\":,;)]*")


def state_folder() -> Path:
    """Recent runs and the diagnostic log (XDG state folder)."""
    from platformdirs import user_state_path

    return user_state_path(APP)


def without_paths(text: str) -> str:
    """The text with `…` in place of each path."""
    return _PATH.sub("…", text)


class _Lines(logging.Formatter):
    """Time (UTC), version, process, level, module, message; then the traceback."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """The home folder, which has the user's name, is `~`; other paths are kept in a traceback's frames only."""
        home = str(Path.home())
        lines = super().format(record).splitlines()
        return "\n".join(line.replace(home, "~") if line.startswith(" ") else without_paths(line) for line in lines)


class _File(logging.Handler):
    """Opens the log for each record: several processes write to it, and each may put it aside when it is full."""

    path: Path | None = None  # where the last record went

    def emit(self, record: logging.LogRecord) -> None:
        """A log that can't be written is nobody's trouble."""
        path = state_folder() / "diagnostic.log"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size > MAX_BYTES:
                path.replace(path.with_suffix(".old.log"))
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{self.format(record)}\n")
            self.path = path
        except OSError:
            self.path = None


_FILE = _File()
_FILE.setFormatter(
    _Lines(
        f"%(asctime)s {tui_cytpix.__version__} %(process)d %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ"
    )
)


def configure(what: str, *, debug: bool = False, stderr: bool = False) -> None:
    """Begins the log of this process, which is `what`. With `stderr`, which must not be the app's terminal, warnings
    and errors go there, too.
    """
    root, ours = logging.getLogger(), logging.getLogger(tui_cytpix.__name__)
    root.addHandler(_FILE)
    if stderr:
        echo = logging.StreamHandler()
        echo.setLevel(logging.WARNING)
        root.addHandler(echo)
    ours.setLevel(logging.DEBUG if debug else logging.WARNING)
    ours.info("%s begins, on Python %d.%d, %s", what, *sys.version_info[:2], sys.platform)


def debugging() -> bool:
    """Whether this process was started with `--debug`: those that it starts are, too."""
    return logging.getLogger(tui_cytpix.__name__).isEnabledFor(logging.DEBUG)


def fault() -> Path | None:
    """Writes the exception at hand, with its traceback; returns the log's path, None where it can't be written."""
    logging.getLogger().addHandler(_FILE)  # it may have come before there was one
    logging.getLogger(__name__).exception("a fault ends the program")
    return _FILE.path
