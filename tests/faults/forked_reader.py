"""The process that reads an HDF5 file, forked off this one instead of started anew: the same code, without the half
second in which Python and the library load.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

import h5py  # noqa: F401 (before the fork)

from tui_cytpix.formats.sample.hdf5 import child, reader_process

REAL_EVERY = 100  # starts; the others are forked


class _Forked:
    """As much of subprocess.Popen as `reader_process` uses."""

    def __init__(self, path: Path) -> None:
        requests, into = os.pipe()
        out_of, answers = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            with contextlib.suppress(BaseException):
                os.close(into), os.close(out_of)
                for one in (signal.SIGPROF, signal.SIGALRM, signal.SIGINT):
                    signal.signal(one, signal.SIG_DFL)
                child.main(str(path), os.fdopen(requests, "rb"), os.fdopen(answers, "wb"))
            os._exit(0)
        os.close(requests), os.close(answers)
        self.stdin, self.stdout = os.fdopen(into, "wb"), os.fdopen(out_of, "rb")
        self._status: int | None = None

    def kill(self) -> None:
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float = 10.0) -> int:
        deadline = time.monotonic() + timeout
        while self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                raise TimeoutExpired("child", timeout)
            else:
                time.sleep(0.001)
        return self._status


@contextlib.contextmanager
def forked() -> Any:
    """In this block all but every hundredth are forked."""
    real: Callable[[Path], Any] = reader_process.start
    starts = 0

    def start(path: Path) -> Any:
        nonlocal starts
        starts += 1
        return real(path) if starts % REAL_EVERY == 0 else _Forked(path)

    reader_process.start = start
    try:
        yield
    finally:
        reader_process.start = real
