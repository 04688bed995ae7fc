"""Whether a process, or one on another machine that renews a file, is still there."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import time
from pathlib import Path

from tui_cytpix.errors import FULL

_OWNED = re.compile(r"\.[0-9a-f]{8}\.([0-9a-f]{8})\.(\d+)\.([0-9a-f]{8})\.(?:part|now)")


def age_s(path: Path) -> float | None:
    """Seconds since the file was written, by the file server's own clock, on a full disk by this machine's; None where
    the file, or its folder, is gone or can't be written to.
    """
    now = path.with_name(temporary_name("now"))
    try:
        now.touch()
        return now.stat().st_mtime - path.stat().st_mtime
    except OSError as error:
        if error.errno not in FULL:
            return None
    finally:
        now.unlink(missing_ok=True)
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return None


def is_alive(pid: int, born: object) -> bool:
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
    now_born = birth(pid)
    return not born or not now_born or born == now_born


def birth(pid: int) -> str:
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


def temporary_name(ending: str = "part") -> str:
    """A file name for what is not whole yet; it tells which process makes it. Without the file's own name, which may be
    as long as names can be.
    """
    pid = os.getpid()
    return f".{secrets.token_hex(4)}.{_short(socket.gethostname())}.{pid}.{_short(birth(pid))}.{ending}"


def is_abandoned(name: str) -> bool:
    """Whether it is a temporary name of a process of this machine that is no longer there."""
    return _owner_lives(name) is False


def is_being_written(name: str) -> bool:
    """Whether it is a temporary name of a process of this machine that is there."""
    return _owner_lives(name) is True


def _owner_lives(name: str) -> bool | None:
    """None where that can't be told from here."""
    owner = _OWNED.fullmatch(name)
    if owner is None or owner[1] != _short(socket.gethostname()):
        return None
    pid = int(owner[2])
    return is_alive(pid, "") and owner[3] == _short(birth(pid))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
