"""Faults of the disk, in a child process whose PYTHONPATH begins with this folder (`tests.faults.write_points`).

Every operation that changes the disk under a folder is a numbered point; the number is shared with the processes that
the child starts. `full:N`: from the N-th point on the disk is full, for a while: half of a write gets there, then
nothing; what lies there already can be written over. `kill:N`: at the N-th point the process that has come to it is
killed, before the operation, after half of a write, or after the operation, in turn. `stop:N`: likewise, but it is only
stopped. `clock:N`: from the N-th point on the clock is an hour behind. `readonly:0`, `unreadable:0`: root goes by the
modes of files.
"""

from __future__ import annotations

import builtins
import errno
import functools
import io
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "CYTPIX_TESTS_FAULT"
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_HOUR = 3600.0
FULL_SECONDS = 6.0  # then there is room again, for who waits
TAKES_ROOM = ("open", "write", "fsync", "mkdir", "allocate")  # what a full disk refuses; it still renames and removes
_append, _real_open, _count, _seek = os.write, os.open, os.open, os.lseek


class Points:
    """Counts, and does what is asked at the point. `log`: a line for each point is appended to it."""

    def __init__(self, kind: str, number: int, root: str, log: str) -> None:
        self.kind, self.number, self.root = kind, number, root
        self._log = _real_open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self._line, self._until = 64, 0.0

    def passed(self, what: str, path: str) -> int:
        """The number of this point; 0 for what lies elsewhere."""
        if not (path == self.root or path.startswith(self.root + "/")):
            return 0
        told = f"{what} {path[len(self.root) + 1 :]}".encode(errors="replace")[: self._line - 1]
        _append(self._log, told.ljust(self._line - 1) + b"\n")
        return _seek(self._log, 0, os.SEEK_CUR) // self._line

    def full(self, what: str, point: int) -> bool:
        if self.kind != "full" or not 0 < self.number <= point or what not in TAKES_ROOM:
            return False
        self._until = self._until or time.monotonic() + FULL_SECONDS
        return time.monotonic() < self._until

    def dies(self, point: int, when: int) -> None:
        """`when`: 0 before the operation, 1 in its middle, 2 behind it."""
        if self.kind in _SIGNALS and point == self.number and point % 3 == when:
            os.kill(os.getpid(), _SIGNALS[self.kind])

    @property
    def come_to(self) -> bool:
        return os.fstat(self._log).st_size >= self.number * self._line

    def at(self, what: str, path: str, act: Callable[[], Any], given: Any = None) -> Any:
        """An operation that is done or not; `given`: what its caller called the file."""
        point = self.passed(what, path)
        self.dies(point, 0)
        self.dies(point, 1)
        if self.full(what, point):
            raise _no_room(given)
        done = act()
        self.dies(point, 2)
        return done

    def some_of(self, path: str, data: Any, write: Callable[..., int]) -> int:
        """A write; half of it where the point is the one that is asked for. `write` is told how much is written."""
        point, whole = self.passed("write", path), memoryview(data).cast("B")
        half = whole[: len(whole) // 2]
        self.dies(point, 0)
        if self.full("write", point):
            if point == self.number and len(half):
                return write(half)
            raise _no_room()
        if self.kind in _SIGNALS and point == self.number and point % 3 == 1:
            first = write(half)
            self.dies(point, 1)
            return first + write(whole[first:], first)
        done = write(data)
        self.dies(point, 2)
        return done


def _no_room(path: Any = None) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *(() if path is None else (path,)))


def _of_handle(handle: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{handle}").readlink())
    except OSError:
        return ""


def _path_of(path: Any, folder: int | None = None) -> str:
    if isinstance(path, int):
        return _of_handle(path)
    return str(Path(_of_handle(folder) if folder is not None else Path.cwd()) / os.fsdecode(path))


_given_up: list[Any] = []  # or they would be taken back


def install(points: Points) -> None:
    """Puts the points into `os` and `open`."""
    _install_open(points)
    _install_handles(points)
    if points.kind == "clock":
        real = time.time
        time.time = lambda: real() - _HOUR * points.come_to
    if points.kind in ("readonly", "unreadable"):
        from tests.faults.watching import without_rights_to_all

        _given_up.append(without_rights_to_all())
        _given_up[0].__enter__()
    for name, what in _POINTS.items():
        _wrap(points, name, what)
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]


def _wrap(points: Points, name: str, what: str) -> None:
    real = getattr(os, name)

    def counted(path: Any, *arguments: Any, **options: Any) -> Any:
        where = _path_of(path, options.get("dir_fd", options.get("src_dir_fd")))
        given = None if isinstance(path, int) else path
        return points.at(what, where, lambda: real(path, *arguments, **options), given)

    setattr(os, name, counted)


def _install_handles(points: Points) -> None:
    real_open, real_write, real_pwrite = os.open, os.write, os.pwrite

    def os_open(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        where = _path_of(path, options.get("dir_fd"))
        if not flags & os.O_CREAT or not where.startswith(points.root) or os.path.lexists(where):
            return real_open(path, flags, *arguments, **options)
        return int(points.at("open", where, lambda: real_open(path, flags, *arguments, **options), path))

    def write(handle: int, data: Any) -> int:
        return points.some_of(_of_handle(handle), data, lambda part, _=0: real_write(handle, part))

    def pwrite(handle: int, data: Any, offset: int) -> int:
        where, act = _of_handle(handle), lambda part, done=0: real_pwrite(handle, part, offset + done)
        in_place = offset + len(data) <= os.fstat(handle).st_size
        return points.at("in place", where, lambda: act(data)) if in_place else points.some_of(where, data, act)

    os.open, os.write, os.pwrite = os_open, write, pwrite  # type: ignore[assignment]


def _install_open(points: Points) -> None:
    plain_open = io.open

    class CountedFile(io.FileIO):
        def write(self, data: Any) -> int:
            write = super().write
            return points.some_of(_of_handle(self.fileno()), data, lambda part, _=0: write(part))

        def truncate(self, size: int | None = None) -> int:
            act = functools.partial(super().truncate, size)
            return int(points.at("truncate", _of_handle(self.fileno()), act))

    def counted_open(file: Any, mode: str = "r", buffering: int = -1, *texts: Any, **options: Any) -> Any:
        path = _path_of(file)
        if not set(mode) & set("wax+") or not path.startswith(points.root):
            return plain_open(file, mode, buffering, *texts, **options)
        raw_mode = mode.replace("b", "").replace("t", "")
        how = {name: options.pop(name) for name in ("closefd", "opener") if name in options}
        act = functools.partial(CountedFile, file, raw_mode, **how)
        raw = act() if isinstance(file, int) else points.at("open", path, act, file)
        if buffering == 0:
            return raw
        size = io.DEFAULT_BUFFER_SIZE if buffering < 2 else buffering
        buffered = io.BufferedRandom(raw, size) if "+" in mode else io.BufferedWriter(raw, size)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *texts, **options, line_buffering=buffering == 1)

    io.open = builtins.open = counted_open  # type: ignore[assignment]


_POINTS = {
    "fsync": "fsync",
    "ftruncate": "truncate",
    "truncate": "truncate",
    "posix_fallocate": "allocate",
    "mkdir": "mkdir",
    "replace": "rename",
    "rename": "rename",
    "link": "rename",
    "unlink": "remove",
    "remove": "remove",
    "rmdir": "remove",
}

if VARIABLE in os.environ:
    _kind, _number, _root, _log = os.environ[VARIABLE].split(":")
    install(Points(_kind, int(_number), _root, _log))
