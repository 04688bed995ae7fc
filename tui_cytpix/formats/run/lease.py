"""One writer at a time, also over NFS: a file created exclusively, renewed, judged stale by the file server's clock."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import uuid
from pathlib import Path
from typing import Any

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import InUseError
from tui_cytpix.formats.bytes.atomic import create
from tui_cytpix.formats.bytes.liveness import age_s, birth, is_alive
from tui_cytpix.formats.bytes.plain_file import read_json

STALE_SECONDS = 30.0
MOST_SHOWN = 100  # characters of a holder's name


class Lease:
    """Held from `acquire` to `release`; the holder calls `renew` every few seconds."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._nonce = uuid.uuid4().hex
        self.held = False

    def acquire(self) -> None:
        """Takes the lease.

        Raises:
            InUseError: somebody else holds it and is alive.
            OSError: the folder can't be written to.
        """
        for _ in range(2):
            if self._create(self._path):
                self.held = True
                return
            holder = self._holder()
            if not self._is_stale(holder) and self._path.exists():
                pid, host = (printable(holder.get(key))[:MOST_SHOWN] for key in ("pid", "host"))
                by = f"held by process {pid} on {host}."
                raise InUseError(
                    f"{self._what} is in use",
                    f"{self._path}: {by if holder else 'somebody is about to take it, or was killed at it.'}",
                    "Close it there first; if that machine died, wait half a minute."
                    if holder
                    else "Wait half a minute and try again.",
                )
            self._clear_stale()
        raise InUseError(f"{self._what} is in use", f"{self._path}: somebody else was faster.", "Try again.")

    @property
    def in_use(self) -> bool:
        """Whether somebody who is alive holds it."""
        return self._path.exists() and not self._is_stale(self._holder())

    def _create(self, path: Path) -> bool:
        """Writes who holds it; False where the file is there already."""
        pid = os.getpid()
        holder = {"host": socket.gethostname(), "pid": pid, "born": birth(pid), "nonce": self._nonce}
        return create(path, json.dumps(holder).encode())

    def _holder(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            content = read_json(self._path)
            if isinstance(content, dict):
                return content
        return {}

    def _is_stale(self, holder: dict[str, Any]) -> bool:
        pid = holder.get("pid")
        if holder.get("host") == socket.gethostname() and isinstance(pid, int) and pid > 0:
            return not is_alive(pid, holder.get("born"))
        return _unrenewed(self._path)

    def _clear_stale(self) -> None:
        """Takes a stale lease away. One at a time, and looking again: of several who found it stale, a slow one must
        not remove the lease that a quick one has taken since.
        """
        breaker = self._path.with_name(f"{self._path.name}.clearing")
        if not self._create(breaker):
            if _unrenewed(breaker):
                breaker.unlink(missing_ok=True)
            return
        try:
            if self._is_stale(self._holder()):
                self._path.unlink(missing_ok=True)
        finally:
            breaker.unlink(missing_ok=True)

    def renew(self) -> bool:
        """Keeps it fresh; False where it was lost to somebody who thought us dead."""
        if self.held and self._holder().get("nonce") == self._nonce:
            self._path.touch()
            return True
        self.held = False
        return False

    def release(self) -> None:
        if self.held and self._holder().get("nonce") == self._nonce:
            self._path.unlink(missing_ok=True)
        self.held = False


def _unrenewed(path: Path) -> bool:
    """Whether the file is older than a living holder lets it get. One that is gone is not: the next may be there by the
    time that it is taken away.
    """
    age = age_s(path)
    return age is not None and age > STALE_SECONDS
