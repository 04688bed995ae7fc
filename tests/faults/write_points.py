"""Verbs and the app with a fault, most of them at a chosen write point, and what must hold afterwards (`holding`).

A child is forked from this process, which has all loaded, so that a try takes tenths of a second; in it `shim` counts
the points, and in the processes that it starts. A shim, and no mounted disk: it works wherever
tests run, and meets every point, where a disk of a given size meets those that come to lie on a block's border. What it
can't show, a memory map that finds no room, is tested where room is taken for one (`formats.bytes.atomic.reserve`).
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import children
from tests.faults import holding
from tui_cytpix.formats.run import json_log
from tui_cytpix.formats.run.json_log import LogWriter

SHIM = Path(__file__).parent / "shim"
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120.0
STANDS = 2.0  # seconds that a stopped writer stands while another one writes
_spec = importlib.util.spec_from_file_location("fault_shim", SHIM / "sitecustomize.py")
assert _spec is not None
assert _spec.loader is not None
shim = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shim)

Act = Callable[[Path], int]  # works in a folder; the exit status


@dataclass(frozen=True)
class Story:
    """Something that writes: how to get a folder ready for it, and the act. `again` is what is done after a fault."""

    name: str
    prepare: Callable[[Path], object]
    act: Act
    again: Act | None = None

    @property
    def afterwards(self) -> Act:
        return self.again or self.act


@dataclass(frozen=True)
class Outcome:
    """`status` is negative where the child was killed by that signal."""

    status: int
    told: str
    points: Sequence[str] = ()


class Attempt:
    """An act in a child, with a fault from a point on, or at it; it begins at once."""

    def __init__(self, act: Act, folder: Path, fault: str = "none", number: int = 0, name: str = "") -> None:
        self.folder = folder
        self._log, self._told = (folder.with_name(f"{folder.name}{name}.{what}") for what in ("points", "told"))
        self._log.unlink(missing_ok=True)
        self._status: int | None = None
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(act, fault, number)
        children.adopt(self.pid)

    def _become(self, act: Act, fault: str, number: int) -> None:
        status = 70
        try:
            os.setsid()
            output = os.open(self._told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            for handle in (1, 2):
                os.dup2(output, handle)
            sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(n, "wb"), line_buffering=True) for n in (1, 2))
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            scratch = self.folder / "tmp"
            scratch.mkdir(exist_ok=True)
            os.environ.update(
                {
                    shim.VARIABLE: f"{fault}:{number}:{self.folder}:{self._log}",
                    "PYTHONPATH": f"{SHIM}{os.pathsep}{ROOT}",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "TMPDIR": str(scratch),
                    **{f"XDG_{n}_HOME": str(self.folder / "xdg" / n.lower()) for n in ("DATA", "CONFIG", "STATE")},
                }
            )
            os.chdir(self.folder)
            tempfile.tempdir = None  # it is asked for anew
            if fault == "full":  # and stays so
                LogWriter.flush.__defaults__, json_log.RETRY_SECONDS = (0.5,), 0.2
            shim.install(shim.Points(fault, number, str(self.folder), str(self._log)))
            status = act(self.folder)
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def ended(self, within: float = LIMIT) -> bool:
        """Waits for its end."""
        give_up = time.monotonic() + within
        while self._status is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self._status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > give_up:
                return False
            else:
                time.sleep(0.01)
        return True

    def outcome(self) -> Outcome:
        """Of what has not ended at the limit: that it was killed."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            self.ended()
        children.end(self.pid)
        points = self._log.read_text().splitlines() if self._log.exists() else []
        assert self._status is not None
        return Outcome(self._status, self._told.read_text("utf-8", "replace"), [p.strip() for p in points])


def attempt(act: Act, folder: Path, fault: str = "none", number: int = 0) -> Outcome:
    """Does it in a child, with that fault at that point; what it started ends with it."""
    try:
        return Attempt(act, folder, fault, number).outcome()
    finally:
        end_all_in(folder)


def _at_work_in(folder: Path, states: str = "RSDT") -> list[int]:
    """Processes whose folder it is, or was: those that an act started, engines among them."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            if process.name.isdigit() and str((process / "cwd").readlink()).startswith(str(folder)):
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
                found += [int(process.name)] if state in states else []
    return found


def end_all_in(folder: Path) -> None:
    """Ends engines, also those that have not told yet that they started."""

    def ended() -> bool:
        there = _at_work_in(folder)
        for pid in there:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not there

    children.until(ended)


def tried(story: Story, folder: Path, fault: str, number: int) -> list[str]:
    """What was wrong when that fault came at that point, as sentences; empty is good."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    story.prepare(work)
    before = holding.decisions(work)
    try:
        outcomes, where = FAULTS[fault](story, work, number)
    finally:
        end_all_in(work)
    wrong = holding.half_files(work) + holding.lost(before, work)
    for one in outcomes:
        wrong += holding.bugs(one.told) + holding.not_kept(one.told, work)
    wrong += EXPECTED[fault](outcomes, where)
    again = attempt(story.afterwards, work)
    if again.status != 0:
        wrong.append(f"then, without a fault: exit status {again.status}: {again.told[-300:]}")
    wrong += holding.half_files(work) + holding.lost(before, work) + holding.left_over(work)
    wrong += [one for each in (*outcomes, again) for one in holding.not_kept(each.told, work)]
    told = [one.told[-300:] for one in outcomes]
    return [f"{story.name}, {fault} at {number} ({where or 'beyond the end'}): {one} {told}" for one in wrong]


# Faults: what is done, in which case more than one does it; and where the fault came, "" for nowhere

Done = tuple[Sequence[Outcome], str]


def _at_a_point(fault: str) -> Callable[[Story, Path, int], Done]:
    def done(story: Story, work: Path, number: int) -> Done:
        outcome = attempt(story.act, work, fault, number)
        return [outcome], outcome.points[number - 1] if len(outcome.points) >= number else ""

    return done


def _stopped(story: Story, work: Path, number: int) -> Done:
    """A writer stands still (SIGSTOP) while another one comes, for a while or to its end, and then goes on."""
    first = Attempt(story.act, work, "stop", number)
    second: Attempt | None = None
    while not first.ended(0.05):
        if stopped := _at_work_in(work, "T"):
            if second is None:
                second = Attempt(story.afterwards, work, name="2")
                second.ended(STANDS)
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
    outcome = first.outcome()
    if second is None:
        return [outcome], ""
    return [outcome, second.outcome()], outcome.points[number - 1]


def _twice(story: Story, work: Path, _number: int) -> Done:
    """Two that begin at the same instant."""
    both = [Attempt(story.act, work, name=name) for name in ("", "2")]
    return [one.outcome() for one in both], "both"


@contextlib.contextmanager
def _mode(path: Path, mode: int) -> Iterator[None]:
    before = stat.S_IMODE(path.stat().st_mode)
    path.chmod(mode)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.chmod(before)


def _without_a_right(fault: str, mode: int) -> Callable[[Story, Path, int], Done]:
    """The N-th folder can't be written to, or the N-th file or folder not be read, by us, who are not root for it."""

    def done(story: Story, work: Path, number: int) -> Done:
        chosen = sorted(path for path in work.rglob("*") if fault == "unreadable" or path.is_dir()) or [work]
        path = chosen[(number - 1) % len(chosen)]
        with _mode(path, mode):
            return [attempt(story.act, work, fault)], path.relative_to(work).as_posix()

    return done


def _as_full(outcomes: Sequence[Outcome], where: str) -> list[str]:
    status, told = outcomes[0].status, outcomes[0].told
    if status == 1 and "isk is full" not in told:
        return ["not told as a full disk"]
    return [f"exit status {status}"] if where and status not in (0, 1) else []


def _as_killed(outcomes: Sequence[Outcome], _where: str) -> list[str]:
    return [f"exit status {one.status}" for one in outcomes if one.status in (2, 70)]


def _as_always(outcomes: Sequence[Outcome], _where: str) -> list[str]:
    return [f"exit status {one.status}" for one in outcomes if one.status]


BEHIND = ("is in use", "exists", "at work", "not empty", "is taken", "has such a gate", "already")


def _one_after_the_other(outcomes: Sequence[Outcome], _where: str) -> list[str]:
    """Whoever can't get at it says why; one of them does it."""
    refused = [one for one in outcomes if one.status]
    wrong = [f"exit status {one.status}" for one in refused if one.status not in (1, 2)]
    wrong += ["refused otherwise" for one in refused if not any(words in one.told for words in BEHIND)]
    return wrong if len(refused) < len(outcomes) else [*wrong, "none of them did it"]


def _named(outcomes: Sequence[Outcome], where: str) -> list[str]:
    """What can't be read or written is named, by itself or what lies in it."""
    status, told = outcomes[0].status, outcomes[0].told
    wrong = [] if status in (0, 1, 2) else [f"exit status {status}"]
    if status and not (Path(where).name in told and "ermission denied" in told):
        wrong.append("not named, or not why")
    return wrong


FAULTS: dict[str, Callable[[Story, Path, int], Done]] = {
    "none": _at_a_point("none"),
    "full": _at_a_point("full"),
    "kill": _at_a_point("kill"),
    "clock": _at_a_point("clock"),
    "stop": _stopped,
    "twice": _twice,
    "readonly": _without_a_right("readonly", 0o555),
    "unreadable": _without_a_right("unreadable", 0),
}
EXPECTED: dict[str, Callable[[Sequence[Outcome], str], list[str]]] = {
    "none": _as_always,
    "full": _as_full,
    "kill": _as_killed,
    "clock": _as_always,
    "stop": _one_after_the_other,
    "twice": _one_after_the_other,
    "readonly": _named,
    "unreadable": _named,
}
