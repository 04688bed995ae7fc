"""What all jobs share: heartbeat, signals, wishes from the app, and an end that is always told.

Nothing heavy is imported before the signals are handled and the heart beats.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from tui_cytpix.errors import CytpixError, JobError
from tui_cytpix.formats.job_folder import JobFolder
from tui_cytpix.formats.json_log import LogTail

if TYPE_CHECKING:
    import torch

BEAT_SECONDS = 2.0
PROGRESS_SECONDS = 0.5
MAX_THREADS = 8
_KINDS = {
    "train": "tui_cytpix.engine.train_job",
    "predict": "tui_cytpix.engine.predict_job",
    "process": "tui_cytpix.engine.process_job",
}


class Leave(Exception):  # noqa: N818
    """The job ends before its work is done, in good order; `reason` is a word for the app."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Job:
    """A job at work: its folder, what it was asked meanwhile, and whether it was told to leave."""

    def __init__(self, folder: JobFolder) -> None:
        self.folder, self.spec = folder, folder.spec
        self.terminated = threading.Event()
        self._control = LogTail(folder.control_path)
        self._told = 0.0

    def emit(self, kind: str, **fields: Any) -> None:
        """Says something."""
        self.folder.emit(kind, **fields)

    def wishes(self) -> list[dict[str, Any]]:
        """What was wished since the last look; each is acknowledged."""
        found = self._control.new()
        for wish in found:
            self.emit("ack", of=wish.get("seq", 0))
        return found

    def progress(self, done: int, total: int, what: str) -> None:
        """Tells how far it is, at most twice a second, the end always."""
        if done >= total or time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            self.emit("progress", done=done, total=total, what=what)

    def check(self) -> None:
        """Raises:
        Leave: the process was told to.
        """
        if self.terminated.is_set():
            raise Leave("terminated")

    def text(self, name: str) -> str:
        """A setting of `job.toml`.

        Raises:
            JobError: it is missing or no text.
        """
        value = self.spec.get(name)
        if not isinstance(value, str):
            raise JobError(
                "The job can't be read", f"{self.folder.path}/job.toml: {name} is missing.", "Start it again."
            )
        return value

    def start_torch(self, **fields: Any) -> torch.device:
        """Loads torch as `job.toml` says, and tells that the job has started.

        Raises:
            JobError: there is no such device.
        """
        threads = int(self.spec.get("threads", 0)) or default_threads()
        device = usable_device(str(self.spec.get("device", "auto")), threads)
        self.started(device_name(device), threads, **fields)
        return device

    def started(self, device: str, threads: int, **fields: Any) -> None:
        """Tells that the job has started, and where it computes."""
        self.emit("started", device=device, threads=threads, pid=os.getpid(), host=socket.gethostname(), **fields)


def usable_device(wanted: str, threads: int) -> torch.device:
    """Loads torch for a device (`auto`: the GPU where there is one) and a number of threads.

    Raises:
        JobError: there is no such device.
    """
    import torch

    from tui_cytpix.engine.inference import choose_device

    torch.set_num_threads(threads)
    try:
        device = choose_device(wanted)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "not available"
        raise JobError("The device can't be used", f"{wanted}: {reason}", "Choose cpu, or auto.") from error
    return device


def device_name(device: torch.device) -> str:
    """For people."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def default_threads() -> int:
    """Half of the processors that we may use: a thread that waits for its turn stops all others at every layer, and the
    screen, the disk and other users need some.
    """
    return min(MAX_THREADS, max(1, len(os.sched_getaffinity(0)) // 2))


@contextlib.contextmanager
def _beating(folder: JobFolder) -> Iterator[None]:
    done = threading.Event()

    def beat() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):
                folder.beat()
            done.wait(BEAT_SECONDS)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def run_job(path: Path) -> int:
    """Runs the job in a folder to its end. Returns the exit status; nothing is raised.

    A closed terminal (SIGHUP) is ignored; SIGTERM and SIGINT let the job save and leave.
    """
    folder = JobFolder(path)
    try:
        job = Job(folder)
    except CytpixError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_status

    def leave(_number: int, _frame: FrameType | None) -> None:
        job.terminated.set()

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    with _beating(folder):
        return _run(job)


def _run(job: Job) -> int:
    try:
        kind = job.text("kind")
        if kind not in _KINDS:
            raise JobError("The job can't be read", f"kind {kind!r} is unknown.", "Update tui-cytpix.")
        importlib.import_module(_KINDS[kind]).run(job)
    except Leave as leave:
        job.emit("exited", reason=leave.reason)
    except CytpixError as error:
        return _failed(job, f"{error.title}. {error.detail}".strip(), error.way_out)
    except MemoryError:
        return _failed(job, "The memory is full.", "Close other programs, or take a machine with more.")
    except OSError as error:
        traceback.print_exc()
        return _failed(job, f"{error.filename or job.folder.path}: {error.strerror}.", "Check the disk and try again.")
    except Exception as error:
        traceback.print_exc()
        if type(error).__name__ == "OutOfMemoryError":
            return _failed(job, "The GPU's memory is full.", "Choose another GPU, or the device cpu.")
        reason = f"{type(error).__name__}: {str(error)[:300]}"
        return _failed(job, reason, f"This is a fault of tui-cytpix; please report {job.folder.output_path}.")
    return 0


def _failed(job: Job, reason: str, way_out: str) -> int:
    with contextlib.suppress(OSError):  # the disk may be what failed: then the exit status has to do
        job.emit("failed", reason=reason, way_out=way_out)
    print(reason, way_out, file=sys.stderr)  # noqa: T201
    return 1
