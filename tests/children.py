"""Child processes of tests: each has a limit, and none outlives its test.

`start` in place of `subprocess.Popen`, `run` in place of `subprocess.run`. A child leads a session of its own, so that
whatever it started ends with it, but for engines, which lead their own: `end_engines`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LIMIT = 300.0  # seconds; a child that lives longer is killed, so that nothing that reads from it waits for ever
_leaders: dict[int, threading.Timer] = {}


def start(command: Sequence[object], **options: Any) -> subprocess.Popen[Any]:
    """The child, at work."""
    process = subprocess.Popen([str(word) for word in command], start_new_session=True, **options)
    adopt(process.pid)
    return process


def run(command: Sequence[object], *, check: bool = False, **options: Any) -> subprocess.CompletedProcess[Any]:
    """The child, at its end."""
    return subprocess.run([str(word) for word in command], check=check, timeout=LIMIT, **options)


def serve(command: Sequence[object], **options: Any) -> subprocess.Popen[Any]:
    """A child for all tests of this process, which ends by itself when its stdin is closed, as it is with our end."""
    return subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, **options)


def adopt(leader: int) -> None:
    """Ends this session's leader, and all in it, with the test, and at the limit."""
    _leaders[leader] = threading.Timer(LIMIT, _kill, [leader])
    _leaders[leader].daemon = True
    _leaders[leader].start()


def end(leader: int) -> None:
    """One of them, and all in its session."""
    _leaders.pop(leader).cancel()
    _kill(leader)


def end_all() -> None:
    """After each test."""
    while _leaders:
        leader, timer = _leaders.popitem()
        timer.cancel()
        _kill(leader)


def _kill(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def until(reached: Callable[[], object]) -> None:
    """Looks again and again; fails at the limit."""
    give_up = time.monotonic() + LIMIT
    while not reached():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.02)


def end_engines(folder: Path) -> None:
    """Ends the engines that tests under this folder left at work."""
    for events in folder.rglob("events.jsonl"):
        for line in events.read_text().splitlines():
            with contextlib.suppress(ValueError, KeyError, OSError):
                event = json.loads(line)
                if event["type"] == "started" and b"tui_cytpix" in Path(f"/proc/{event['pid']}/cmdline").read_bytes():
                    os.kill(event["pid"], signal.SIGKILL)


def signals_as_from_a_terminal() -> None:
    """Children start with SIGINT and SIGHUP at their defaults, also where the tests run under nohup or by a script with
    `&`, which ignore them. The tests go on ignoring: a child inherits what is ignored, and not what is caught.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
