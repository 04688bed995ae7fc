"""Whether a process, or one on another machine that renews a file, is still there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def age_s(path: Path) -> float | None:
    """Seconds since the file was written, by the file server's own clock; None where the file, or its folder, is gone
    or can't be written to.
    """
    now = path.with_name(f".{path.name}.{secrets.token_hex(4)}.now")
    try:
        now.touch()
        return now.stat().st_mtime - path.stat().st_mtime
    except OSError:
        return None
    finally:
        now.unlink(missing_ok=True)


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
