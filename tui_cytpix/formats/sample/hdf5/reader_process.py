"""The warm process that reads one HDF5 file (`child`), started at first need and again after it ended: a crash in the
library, a hang or a giant allocation there costs that image, or the file, and never the app.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.limits import MAX_IMAGE_BYTES

START_SECONDS = 60.0  # a cold disk loads Python and the library
ANSWER_SECONDS = 30.0  # of waiting, for slow disks; of computing the child has less
MAX_LINE = 256 << 20
MOST_ENDS = 3  # after so many crashes the file is asked no more
_PIECE = 1 << 20
EXTRA = "pip install 'tui-cytpix[hdf5]'"


class _EndedError(Exception):
    """The process ended, or had to be; its text is a part of a sentence."""


class HdfProcess:
    """Reads frames and features of one file; every method may be called from several threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._rest = bytearray()
        self._facts: dict[str, Any] = {}
        self._ends = 0
        self._closed = False

    def facts(self) -> dict[str, Any]:
        """What the file states of itself: see `child`.

        Raises:
            SampleError: it can't be read, or the library isn't installed.
        """
        with self._lock:
            self._started()
            return self._facts

    def frame(self, dataset: str, row: int) -> NDArray[Any]:
        """A frame, (H, W).

        Raises:
            SampleError: it can't be read.
        """
        return self._read({"read": dataset, "row": row}, f"{dataset} {row + 1}", "Other images may still be read.")

    def column(self, feature: str) -> NDArray[np.float64]:
        """A feature's numbers, (N,).

        Raises:
            SampleError: it can't be read.
        """
        return self._read({"read": feature}, feature, "The other features still can.").astype(np.float64)

    def _read(self, request: dict[str, Any], what: str, way_out: str) -> NDArray[Any]:
        with self._lock:
            child = self._started()
            try:
                assert child.stdin is not None
                with contextlib.suppress(BrokenPipeError):  # it ended since: told by its silence
                    child.stdin.write(json.dumps(request).encode("ascii") + b"\n")
                    child.stdin.flush()
                answer = self._line(ANSWER_SECONDS)
                if "error" in answer:
                    raise self._bad(f"{what}: {answer['error']}", way_out)
                data = self._taken(int(answer["bytes"]), ANSWER_SECONDS)
                return np.frombuffer(data, np.dtype(answer["dtype"])).reshape(answer["shape"])
            except (_EndedError, KeyError, TypeError, ValueError) as error:
                raise self._ended(what, error) from error

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise SampleError("The sample was closed", printable(self._path), "Open it again.")
        if self._child is not None:
            return self._child
        if self._ends >= MOST_ENDS:
            raise self._bad(f"reading it failed {self._ends} times", "Copy it again, or export it once more.")
        self._child = start(self._path)
        try:
            facts = self._line(START_SECONDS)
        except (_EndedError, ValueError) as error:
            raise self._ended("", error) from error
        if "missing" in facts:
            self._end()
            what = f"{printable(self._path)} is HDF5, which is read by {facts['missing']}."
            raise SampleError("HDF5 is not read without an extra", what, f"Install it: `{EXTRA}`.")
        if "error" in facts:
            self._end()
            raise self._bad(str(facts["error"]), "Copy it again, or export it once more.")
        self._facts = facts
        return self._child

    def _line(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while (end := self._rest.find(b"\n")) < 0:
            if len(self._rest) > MAX_LINE:
                raise _EndedError("it gave an answer without end")
            self._receive(deadline)
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ValueError("no answer")
        return answer

    def _taken(self, count: int, seconds: float) -> bytes:
        if not 0 <= count <= MAX_IMAGE_BYTES:
            raise _EndedError(f"it gave {count} bytes")
        deadline = time.monotonic() + seconds
        while len(self._rest) < count:
            self._receive(deadline)
        data = bytes(self._rest[:count])
        del self._rest[:count]
        return data

    def _receive(self, deadline: float) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        descriptor = self._child.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise _EndedError("it took too long")
        piece = os.read(descriptor, _PIECE)
        if not piece:
            raise _EndedError(self._how())
        self._rest += piece

    def _how(self) -> str:
        """In words, how the process ended."""
        assert self._child is not None
        status = self._child.wait(ANSWER_SECONDS)
        if status == -signal.SIGPROF:
            return "it took too long"
        return f"the HDF5 library crashed ({signal.Signals(-status).name})" if status < 0 else "its reader ended"

    def _ended(self, what: str, error: Exception) -> SampleError:
        self._ends += 1
        self._end()
        why = str(error) if isinstance(error, _EndedError) else "its reader gave no sense"
        return self._bad(f"{what}: {why}" if what else why, "Copy it again, or export it once more.")

    def _end(self) -> None:
        child, self._child = self._child, None
        self._rest.clear()
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            child.wait()

    def _bad(self, why: str, way_out: str) -> SampleError:
        return SampleError("The HDF5 file can't be read", f"{printable(self._path)}: {printable(why)}.", way_out)


def start(path: Path) -> subprocess.Popen[bytes]:
    """In a session of its own, so that a terminal's Ctrl-C is no crash; it ends when its input does."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "tui_cytpix.formats.sample.hdf5.child", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
