"""Runs a reader under a watch: no process, no network, nothing written outside, 5 s and 1 GiB at most."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.mutations import UNREADABLE, mutate, put_back
from tui_cytpix.errors import CytpixError

MOST_SECONDS = 5  # of the processor's time, so that a busy machine fails nothing
MOST_WAIT = 30  # of the clock: what waits for a pipe uses no processor
MOST_BYTES = 1 << 30
_PROCESSES = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.system", "pty.spawn"}
_NETWORK = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}
_WRITES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}


@dataclass(frozen=True)
class Reader:
    """Something that reads files.

    Attributes:
        name: what the table calls it.
        folder: all that it may write to.
        files: those that are damaged, one at a time.
        read: reads all that there is to read of them; what is refused is refused by a CytpixError.
        starts: whether it starts a process of its own (HDF5 is read in one).
    """

    name: str
    folder: Path
    files: Sequence[Path]
    read: Callable[[], object]
    starts: bool = False


@dataclass
class Found:
    """What came of the mutations of a reader: how many were read, and refused; and each fault, with the first seed."""

    tried: int = 0
    read: int = 0
    refused: int = 0
    in_children: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, where: str) -> None:
        self.faults[kind] += 1
        self.first.setdefault(kind, where)


class _TooLongError(BaseException):
    pass


class _ForbiddenError(BaseException):
    pass


class Watch:
    """The audit hook, which can't be taken away again: made once a process, and on only while a reader reads."""

    def __init__(self) -> None:
        self.on, self.starts, self.inside, self.seen = False, False, "", list[str]()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on:
            return
        if (event in _PROCESSES and not self.starts) or event in _NETWORK:
            self._tell(f"process or network: {event}")
        elif event in _WRITES:
            below = arguments[-1] if isinstance(arguments[-1], int) and arguments[-1] >= 0 else None  # an open folder
            base = (
                str(Path(f"/proc/self/fd/{below}").readlink()) if below is not None and event != "os.truncate" else ""
            )
            for path in arguments:
                self._outside(event, path, base)
        elif (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ):
            self._outside(event, arguments[0])

    def _outside(self, event: str, path: object, base: str = "") -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        where = os.path.abspath(os.path.join(base, os.fsdecode(path)))  # noqa: PTH100, PTH118 (no link is followed)
        if where != os.devnull and not (where + "/").startswith(self.inside + "/") and "__pycache__" not in where:
            self._tell(f"written outside: {event} {where}")

    def _tell(self, what: str) -> None:
        self.seen.append(what)
        raise _ForbiddenError(what)

    @contextlib.contextmanager
    def over(self, reader: Reader) -> Iterator[None]:
        self.inside, self.starts, self.seen = str(reader.folder.resolve()), reader.starts, []
        tempfile.tempdir = str(reader.folder)  # an FCS that is packed is unpacked there
        self.on = True
        try:
            yield
        finally:
            self.on, tempfile.tempdir = False, None


_watch: list[Watch] = []
_CAPABILITIES_VERSION, _PASSES_MODES = 0x20080522, 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def try_mutations(reader: Reader, seeds: Sequence[int], found: Found, *, child_every: int = 100) -> Found:
    """Damages one of the reader's files for each seed, and reads; each `child_every`-th in a child, none for 0."""
    if not _watch:
        _watch.append(Watch())
    contents = {file: file.read_bytes() for file in reader.files}
    stamps = {file: _stamp(file) for file in reader.files}
    for seed in seeds:
        file = reader.files[seed % len(reader.files)]
        content = contents[file]
        kind = mutate(file, content, seed)
        where = f"{reader.name}, {file.relative_to(reader.folder)}, {kind}, seed {seed}"
        try:
            in_child = child_every > 0 and seed // len(reader.files) % child_every == 0
            with without_rights_to_all() if kind == UNREADABLE else contextlib.nullcontext():
                fault = _in_child(reader, found) if in_child else _in_process(reader, found)
        finally:
            for one, whole in contents.items():  # a reader may have changed another, or taken it away: a lease
                if _stamp(one) != stamps[one]:
                    put_back(one, whole)
                    stamps[one] = _stamp(one)
        found.tried, found.in_children = found.tried + 1, found.in_children + in_child
        if fault:
            found.add(fault, where)
    return found


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        about = path.lstat()
    except OSError:
        return ()
    return about.st_mode, about.st_size, about.st_mtime_ns, about.st_ino


@contextlib.contextmanager
def without_rights_to_all() -> Iterator[None]:
    """Root reads what nobody may read; in this block this thread, and those that it starts, go by the files' modes.
    What a reader executes has all rights again.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    head, rights = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()  # effective ones first
    if libc.capget(head, rights):
        raise OSError(ctypes.get_errno(), "capget")
    before = rights[0]
    try:
        rights[0] &= ~_PASSES_MODES
        if libc.capset(head, rights):
            raise OSError(ctypes.get_errno(), "capset")
        yield
    finally:
        rights[0] = before
        libc.capset(head, rights)


def _in_process(reader: Reader, found: Found) -> str:
    """What is wrong; "" for nothing."""
    base = _reset_peak()
    fault = ""
    try:
        with _watch[0].over(reader), _at_most():
            reader.read()
        found.read += 1
    except CytpixError as error:
        found.refused += 1
        fault = "" if str(error).isprintable() and error.title else f"no sentence: {str(error)[:80]!r}"
    except _TooLongError:
        fault = f"hang: {_place()}"
    except _ForbiddenError as error:
        fault = str(error)
    except MemoryError:
        fault = f"memory: {_place()}"
    except BaseException as error:
        fault = f"traceback: {type(error).__name__} {_place()}"
    if _watch[0].seen:
        fault = _watch[0].seen[0]
    if not fault and _peak() - base > MOST_BYTES:
        fault = f"memory: {(_peak() - base) >> 20} MB"
    return fault


def _in_child(reader: Reader, found: Found) -> str:
    """The same in a fork with limits that the system keeps."""
    pid = os.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            _limit()
            own = Found()
            fault = _in_process(reader, own)
            os._exit(3 if fault.startswith("memory") else 2 if fault else 5 if own.refused else 0)
        os._exit(4)
    end = signal.SIGALRM
    signal.signal(end, lambda *_: os.kill(pid, signal.SIGKILL))
    signal.alarm(2 * MOST_WAIT)
    _, status = os.waitpid(pid, 0)
    signal.alarm(0)
    if os.WIFSIGNALED(status):
        return f"child: signal {os.WTERMSIG(status)}"
    code = os.WEXITSTATUS(status)
    found.read, found.refused = found.read + (code == 0), found.refused + (code == 5)
    return "" if code in (0, 5) else f"child: {('', 'crash', 'fault', 'memory', 'crash')[min(code, 4)]}"


def _limit() -> None:
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)  # a fork has none of the threads that its parent started, and would wait for them
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, used + MOST_BYTES))
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + MOST_SECONDS + 1, int(spent) + MOST_SECONDS + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reset_peak() -> int:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """Bytes, since `_reset_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _place() -> str:
    """Where in the package the current error comes from."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    ours = [frame for frame in frames if "tui_cytpix" in frame.filename.split("/tests/")[0].split("/")]
    last = ours[-1] if ours else frames[-1]
    return f"{Path(last.filename).name}:{last.name}:{last.lineno}"


@contextlib.contextmanager
def _at_most() -> Iterator[None]:
    def too_long(*_: object) -> None:
        raise _TooLongError

    before = [signal.signal(one, too_long) for one in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, MOST_WAIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGPROF, before[0])
        signal.signal(signal.SIGALRM, before[1])
