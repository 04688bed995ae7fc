"""What all jobs share: heartbeat, signals, wishes from the app, and an end that is always told.

Nothing heavy is imported before the signals are handled and the heart beats.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from tui_cytpix.domain.jobs.events import Acknowledged, Exited, Failed, Log, Progress, Started
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import ProcessSpec, TrainSpec, kind_of
from tui_cytpix.domain.jobs.wishes import Stop
from tui_cytpix.errors import CytpixError, RunError, refusal
from tui_cytpix.formats.bytes.liveness import birth
from tui_cytpix.formats.run.job import ANOTHER, JobFolder
from tui_cytpix.formats.run.lease import Lease

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)
BEAT_SECONDS = 2.0
# The last is oneDNN's, where it gets no room for the code of a convolution.
_NO_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|bad_?alloc|Insufficient memory|to allocate|could not create a primitive",
    re.I,
)
_GPU = re.compile(r"\b(CUDA|CUBLAS|CUDNN|NVML|AcceleratorError)", re.I)
PROGRESS_SECONDS = 0.5
MAX_THREADS = 8


class Leave(Exception):  # noqa: N818
    """The job ends before its work is done, in good order; `reason` is a word for the app."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Job:
    """A job at work: its folder, what it was asked meanwhile, and whether it was told to leave. `note` is what it waits
    for, told with each beat of the heart; `lease`, where it has one, is renewed with it.
    """

    def __init__(self, folder: JobFolder) -> None:
        self.folder, self.spec = folder, folder.spec
        self.terminated = threading.Event()
        self.note = ""
        self.replaced = False
        self.lease: Lease | None = None
        self._lease_lock = threading.Lock()
        self._control = folder.new_wishes()
        self._told = 0.0

    def emit(self, event: LogLine) -> None:
        _log.debug("says %s", type(event).__name__)
        self.folder.emit(event)

    def wishes(self) -> list[LogLine]:
        """What was wished since the last call; each is acknowledged, where the disk takes it."""
        found = self._control.new()
        for wish in found:
            with contextlib.suppress(OSError):
                self.emit(wish if isinstance(wish, Log) else Acknowledged(wish.seq))
        return found

    def stop_wished(self) -> bool:
        """Whether a stop was wished since the last call; for jobs that know no other wish."""
        return any(isinstance(wish, Stop) for wish in self.wishes())

    def progress(self, told: Progress) -> None:
        """Tells how far it is, at most twice a second, the end always."""
        if told.done >= told.total or time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            self.emit(told)

    def check(self) -> None:
        """Raises:
        Leave: the process was told to, or another took its place.
        """
        if self.replaced:
            raise Leave(ANOTHER)
        if self.terminated.is_set():
            raise Leave("terminated")

    def start_torch(self, target: int | None = None, epoch: int | None = None) -> torch.device:
        """Loads torch as `job.toml` says, and tells that the job has started; a training, where from and where to.

        Raises:
            JobError: there is no such device.
        """
        from tui_cytpix.engine.network.device import device_name, usable_device

        threads = self.spec.threads or default_threads()
        device, note = usable_device(self.spec.device, threads)
        self.started(device_name(device), threads, target, epoch)
        if note:
            self.emit(Log(note))
        return device

    def started(self, device: str, threads: int, target: int | None = None, epoch: int | None = None) -> None:
        """Tells that the job has started, and where it computes."""
        pid = os.getpid()
        self.emit(Started(device, threads, pid, socket.gethostname(), target, epoch, birth(pid)))

    def only_one(self, lease: Path) -> None:
        """Holds a lease from now on, so that of jobs started at once, or on two machines, one works.

        Raises:
            Leave: another one holds it and lives.
        """
        taken = Lease(lease, "The run")
        try:
            taken.acquire()
        except RunError as error:
            raise Leave(ANOTHER) from error
        self.lease = taken

    @contextlib.contextmanager
    def holding(self, lease: Lease) -> Iterator[None]:
        """Keeps a lease that was acquired, for so long, and gives it back."""
        with self._lease_lock:
            self.lease = lease
        try:
            yield
        finally:
            with self._lease_lock:
                self.lease = None
            lease.release()

    def beat(self) -> None:
        """Tells that it lives. A job that was thought dead, and whose place another took, leaves."""
        with contextlib.suppress(OSError):
            self.folder.beat(self.note)
            with self._lease_lock:
                if self.lease is not None and not self.lease.renew():
                    _log.warning("another job took the lease: this one leaves")
                    self.replaced = True
                    self.terminated.set()


def default_threads() -> int:
    """Half of the processors that we may use: a thread that waits for its turn stops all others at every layer, and the
    screen, the disk and other users need some.
    """
    return min(MAX_THREADS, max(1, len(os.sched_getaffinity(0)) // 2))


@contextlib.contextmanager
def _beating(job: Job) -> Iterator[None]:
    done = threading.Event()

    def beat() -> None:
        while not done.is_set():
            job.beat()
            done.wait(BEAT_SECONDS)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        if job.lease is not None:
            job.lease.release()


def run_job(path: Path) -> int:
    """Runs the job in a folder to its end. Returns the exit status; nothing is raised.

    A closed terminal (SIGHUP) is ignored; SIGTERM and SIGINT let the job leave in good order.
    """
    folder = JobFolder(path)
    try:
        job = Job(folder)
    except CytpixError as error:
        if (path / "job.toml").is_file():
            _told(folder, f"{error.title}. {error.detail}", error.way_out)
            return error.exit_status
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_status

    def leave(_number: int, _frame: FrameType | None) -> None:
        job.terminated.set()

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    with _beating(job):
        return _run(job)


def _run(job: Job) -> int:
    try:
        importlib.import_module(f"tui_cytpix.engine.jobs.{kind_of(job.spec)}").run(job, job.spec)
    except Leave as leave:
        _log.info("leaves: %s", leave.reason)
        with contextlib.suppress(OSError):
            job.emit(Exited(leave.reason))
    except CytpixError as error:
        return _failed(job, f"{error.title}. {error.detail}".strip(), error.way_out)
    except OSError as error:
        _log.exception("the system refused")
        if error.errno == errno.ENOMEM:
            return _failed(job, *in_words(MemoryError(), job))
        title, detail, way_out = refusal(error, job.folder.path, way_out="Check the disk and try again.")
        return _failed(job, f"{title}. {detail}.", way_out)
    except Exception as error:
        _log.exception("a fault ends the job")
        return _failed(job, *in_words(error, job))
    return 0


def in_words(error: Exception, job: Job) -> tuple[str, str]:
    """The reason of a failure that torch, OpenCV or Python told in their own way, and a way out."""
    text = f"{type(error).__name__}: {error}"
    trains = isinstance(job.spec, TrainSpec)
    smaller = "Train in smaller steps (batch 4, or 2), or " if trains else "Use "
    if isinstance(job.spec, ProcessSpec):
        smaller = "Use fewer threads, or "  # each is a process with a model of its own
    saved = " What was trained is saved: start again to go on." if trains else ""
    if type(error).__name__ == "OutOfMemoryError" or "CUDA out of memory" in text:
        return "The GPU's memory is full.", f"{smaller}another GPU, or the device cpu.{saved}"
    if isinstance(error, MemoryError) or _NO_MEMORY.search(text):
        return "The memory is full.", f"{smaller}a machine with more memory, or close other programs.{saved}"
    if _GPU.search(text):
        first = str(error).partition("\n")[0][:200].rstrip(".")
        return f"The GPU failed: {first}.", f"Use the device cpu, or restart the machine.{saved}"
    return text[:300], f"This is a fault of tui-cytpix; please report {job.folder.output_path}."


def _failed(job: Job, reason: str, way_out: str) -> int:
    if not _told(job.folder, reason, way_out):
        job.note = f"{reason} {way_out}"  # the heartbeat has room already
        job.beat()
    return 1


def _told(folder: JobFolder, reason: str, way_out: str) -> bool:
    """Whether the log has it: the disk may be what failed."""
    told = False
    with contextlib.suppress(OSError):
        folder.emit(Failed(reason, way_out))
        told = True
    with contextlib.suppress(OSError):  # what it prints goes to a file on the same disk
        print(reason, way_out, file=sys.stderr, flush=True)  # noqa: T201
    return told
