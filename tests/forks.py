"""Processes of ours that begin with everything imported: forked from a server which did that once, as importing takes
an engine two seconds and a verb one. They are real processes: of their own pid and session, with exit status, signals,
environment, folder and streams. Where the start of the interpreter is the point, take `children`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, STDOUT, CompletedProcess
from types import SimpleNamespace
from typing import Any, NoReturn

from tests import children
from tui_cytpix.formats.run.job import JobFolder

ROOT = Path(__file__).resolve().parents[1]
FAULT, SHIM = "CYTPIX_TESTS_FAULT", ROOT / "tests" / "faults" / "shim" / "sitecustomize.py"
_IMPORTED = (
    *("torch._dynamo", "scipy.optimize", "scipy.stats", "tui_cytpix.cli.main", "tui_cytpix.workflow.report.sections"),
    *(f"tui_cytpix.engine.jobs.{kind}" for kind in ("predict", "process", "train", "triage")),
)
_LARGEST = 1 << 17  # bytes of a request
_of_server: list[Path] = []  # in a forked process: where its own server listens


@cache
def listening() -> Path:
    """Where this process's server listens; started at the first need, it ends with this process."""
    if _of_server:
        return _of_server[0]
    folder = Path(tempfile.mkdtemp(prefix="tui_cytpix-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "socket"
    server = children.serve(
        [sys.executable, "-P", "-c", "import sys; from tests import forks; forks.serve(sys.argv[1])", path],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    children.until(lambda: path.exists() or server.poll() is not None)
    assert server.poll() is None
    return path


class Forked:
    """What `subprocess.Popen` is, for `[python, ..., "-m", MODULE, ...]` with nothing to read."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdout: Any,
        stderr: Any,
        env: Mapping[str, str],
        stdin: int = DEVNULL,
        start_new_session: bool = False,
        cwd: Path | str = ".",
    ) -> None:
        assert stdin == DEVNULL
        self.returncode: int | None = None
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server.connect(str(listening()))
        request = [command[command.index("-m") + 1 :], dict(env), os.path.abspath(cwd), start_new_session]  # noqa: PTH100
        with Path(os.devnull).open() as nothing:
            streams = [nothing.fileno(), stdout.fileno(), (stdout if stderr == STDOUT else stderr).fileno()]
            socket.send_fds(self._server, [json.dumps(request).encode()], streams)
        self._server.settimeout(children.LIMIT)
        self.pid = int(self._server.recv(_LARGEST))

    def wait(self, timeout: float) -> int:
        """The exit status; minus the signal that ended it."""
        if self.returncode is None:
            self._server.settimeout(timeout)
            self.returncode = int(self._server.recv(_LARGEST))
            self._server.close()
        return self.returncode

    def poll(self) -> int | None:
        """The same; None where it lives."""
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    def kill(self) -> None:
        """By SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


AS_SUBPROCESS = SimpleNamespace(Popen=Forked, DEVNULL=DEVNULL, STDOUT=STDOUT)
"""For `workflow.run.jobs`, which starts engines."""


def start(command: Sequence[str], **options: Any) -> Forked:
    """`children.start`."""
    process = Forked(command, start_new_session=True, **options)
    children.adopt(process.pid)
    return process


def start_engine(job: JobFolder) -> Forked:
    """As `workflow.run.jobs` does, for this test alone."""
    with job.output_path.open("ab") as output:
        command = ["-m", "tui_cytpix.engine", str(job.path)]
        return start(command, stdout=output, stderr=output, env={**os.environ, "OMP_NUM_THREADS": "1"})


def run(command: Sequence[str], **options: Any) -> CompletedProcess[str]:
    """`children.run`, with what it wrote."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = Forked(command, stdout=out, stderr=err, **options)
        try:
            status = process.wait(children.LIMIT)
        finally:
            process.kill()
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
    return CompletedProcess(command, status, *said)


def hand_on(path: str, *words: str) -> int:
    """`python -m tui_cytpix WORDS` with the streams and the surroundings of this process; returns the exit status."""
    _of_server.append(Path(path))
    command = ("-m", "tui_cytpix", *words)
    return Forked(command, stdout=sys.stdout, stderr=sys.stderr, env=os.environ).wait(children.LIMIT)


def serve(path: str) -> None:
    """Forks on request, and tells pid and exit status. With its stdin it ends, and ends all that it forked."""
    for module in _IMPORTED:
        importlib.import_module(module)
    setattr(sys.modules["tui_cytpix.workflow.run.jobs"], "subprocess", AS_SUBPROCESS)  # noqa: B010
    _of_server.append(Path(path))
    # Not epoll, which a fork shares.
    ready, asking = selectors.PollSelector(), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asking.bind(f"{path}.soon")
    asking.listen()
    Path(f"{path}.soon").rename(path)
    ready.register(sys.stdin, selectors.EVENT_READ)
    ready.register(asking, selectors.EVENT_READ)
    gc.freeze()  # what is there already is looked at no more, and so stays shared
    while True:
        for key, _ in ready.select():
            if key.fileobj is sys.stdin:
                for other in ready.get_map().values():
                    if other.data:
                        os.kill(other.data[0], signal.SIGKILL)
                return
            if key.fileobj is not asking:
                pid, asker = key.data
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with contextlib.suppress(OSError):  # of an engine that outlived who started it
                    asker.send(str(status).encode())
                _close(ready, key)
                continue
            asker = asking.accept()[0]
            request, streams, _, _ = socket.recv_fds(asker, _LARGEST, 3)
            pid = os.fork()
            if not pid:
                asker.close()
                asking.close()
                for other in list(ready.get_map().values()):
                    if other.data:
                        _close(ready, other)
                ready.close()
                _become(streams, *json.loads(request))
            for stream in streams:
                os.close(stream)
            asker.send(str(pid).encode())
            ready.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, asker))


def _close(ready: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    ready.unregister(key.fileobj)
    os.close(key.fd)
    key.data[1].close()


def _become(
    streams: Sequence[int], words: Sequence[str], environment: Mapping[str, str], folder: str, leads: bool
) -> NoReturn:
    """What `python -m WORDS` is, to its end."""
    if leads:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, closefd=False)  # made anew: Python asked the server's whether they can be sought in
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # to be asked for anew
    sys.argv = list(words)
    status: object = 0
    try:
        if FAULT in environment:  # as an interpreter does at its start
            runpy.run_path(str(SHIM))
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    # As at Python's end, but nothing is taken apart: what is imported would be copied for it.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status if isinstance(status, int) else 0)
