"""One writer at a time, also over NFS: a file created exclusively, renewed, judged stale by the file server's clock."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import uuid
from pathlib import Path
from typing import Any

from tui_cytpix.errors import RunError

STALE_SECONDS = 30.0


class Lease:
    """Held from `acquire` to `release`; the holder calls `renew` every few seconds."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._nonce = uuid.uuid4().hex
        self.held = False

    def acquire(self) -> None:
        """Takes the lease.

        Raises:
            RunError: somebody else holds it and is alive.
            OSError: the folder can't be written to.
        """
        for _ in range(2):
            if self._create(self._path):
                self.held = True
                return
            holder = self._holder()
            if not self._is_stale(holder):
                raise RunError(
                    f"{self._what} is in use",
                    f"{self._path}: held by process {holder.get('pid')} on {holder.get('host')}.",
                    "Close it there first; if that machine died, wait half a minute.",
                )
            self._clear_stale()
        raise RunError(f"{self._what} is in use", f"{self._path}: somebody else was faster.", "Try again.")

    def _create(self, path: Path) -> bool:
        """False where the file is there already."""
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        pid = os.getpid()
        holder = {"host": socket.gethostname(), "pid": pid, "born": _born(pid), "nonce": self._nonce}
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps(holder))
        return True

    def _holder(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError, RecursionError):
            content = json.loads(self._path.read_text())
            if isinstance(content, dict):
                return content
        return {}

    def _is_stale(self, holder: dict[str, Any]) -> bool:
        pid = holder.get("pid")
        if holder.get("host") == socket.gethostname() and isinstance(pid, int) and pid > 0:
            return not _alive(pid, holder.get("born"))
        return self._unrenewed(self._path)

    def _unrenewed(self, path: Path) -> bool:
        """True where the file is gone, or older than a living holder lets it get."""
        probe = self._path.with_name(f".{self._path.name}.{self._nonce}")
        try:
            probe.touch()
            return probe.stat().st_mtime - path.stat().st_mtime > STALE_SECONDS
        except FileNotFoundError:
            return True
        finally:
            probe.unlink(missing_ok=True)

    def _clear_stale(self) -> None:
        """Takes a stale lease away. One at a time, and looking again: of several who found it stale, a slow one must
        not remove the lease that a quick one has taken since.
        """
        breaker = self._path.with_name(f"{self._path.name}.clearing")
        if not self._create(breaker):
            if self._unrenewed(breaker):
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
        """Gives it back."""
        if self.held and self._holder().get("nonce") == self._nonce:
            self._path.unlink(missing_ok=True)
        self.held = False


def _alive(pid: int, born: object) -> bool:
    """True where that very process is there, not another one that got its number since (in containers, soon), and not
    only its entry in the table of processes, which stays until its parent has asked for its end.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    if _fields(pid)[:1] in (["Z"], ["X"]):
        return False
    now_born = _born(pid)
    return not born or not now_born or born == now_born


def _born(pid: int) -> str:
    """When a process started, in the system's own words; empty where it doesn't tell."""
    fields = _fields(pid)
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return f"{boot}/{fields[19]}" if len(fields) > 19 else ""


def _fields(pid: int) -> list[str]:
    """What `/proc/PID/stat` tells behind the program's name (in brackets, it may hold blanks): the state first, the
    start twentieth; empty where there is no such file.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
