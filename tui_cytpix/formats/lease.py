"""One writer at a time, also over NFS: a file created exclusively, renewed, judged stale by the file server's clock."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import uuid
from pathlib import Path

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
        """
        content = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "nonce": self._nonce})
        for _ in range(2):
            try:
                handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except FileExistsError:
                holder = self._holder()
                if not self._is_stale(holder):
                    raise RunError(
                        f"{self._what} is in use",
                        f"{self._path}: held by process {holder.get('pid')} on {holder.get('host')}.",
                        "Close it there first; if that machine died, wait half a minute.",
                    ) from None
                self._remove(str(holder.get("nonce", "")))
                continue
            with os.fdopen(handle, "w") as file:
                file.write(content)
            self.held = True
            return
        raise RunError(f"{self._what} is in use", f"{self._path}: somebody else was faster.", "Try again.")

    def _holder(self) -> dict[str, object]:
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(self._path.read_text())
            if isinstance(content, dict):
                return content
        return {}

    def _is_stale(self, holder: dict[str, object]) -> bool:
        pid = holder.get("pid")
        if holder.get("host") == socket.gethostname() and isinstance(pid, int):
            return not _alive(pid)
        probe = self._path.with_name(f".{self._path.name}.{self._nonce}")
        try:
            probe.touch()
            return probe.stat().st_mtime - self._path.stat().st_mtime > STALE_SECONDS
        except FileNotFoundError:
            return True
        finally:
            probe.unlink(missing_ok=True)

    def _remove(self, nonce: str) -> None:
        """Takes a stale lease away; one that was renewed by a new holder in between is put back."""
        aside = self._path.with_name(f"{self._path.name}.stale-{self._nonce}")
        with contextlib.suppress(FileNotFoundError):
            self._path.rename(aside)
            if str(json.loads(aside.read_text() or "{}").get("nonce", "")) != nonce:
                with contextlib.suppress(FileExistsError):
                    os.link(aside, self._path)
            aside.unlink()

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


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
