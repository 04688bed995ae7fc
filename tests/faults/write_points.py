"""Verbs and the app with a fault of the disk at a chosen write point, and what must hold afterwards.

A child is forked from this process, which has all loaded, so that a try takes tenths of a second; in it `shim` counts
the points. Processes that the child starts load `shim` by themselves. A shim, and no mounted disk: it works wherever
tests run, and meets every point, where a disk of a given size meets those that come to lie on a block's border. What it
can't show, a memory map that finds no room, is tested where room is taken for one (`formats.bytes.atomic.reserve`).
"""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import signal
import sys
import time
import traceback
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import children
from tui_cytpix.formats.run import json_log
from tui_cytpix.formats.run.json_log import LogWriter, read_log

SHIM = Path(__file__).parent / "shim"
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120.0
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


@dataclass
class Outcome:
    """`status` is negative where the child was killed by that signal."""

    status: int
    told: str
    points: list[str] = field(default_factory=list)


def attempt(act: Act, folder: Path, fault: str = "none", number: int = 0) -> Outcome:
    """Does it in a child, with that fault at that point."""
    log, told = folder.with_name(f"{folder.name}.points"), folder.with_name(f"{folder.name}.told")
    log.unlink(missing_ok=True)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            os.setsid()
            output = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            for handle in (1, 2):
                os.dup2(output, handle)
            sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(n, "wb"), line_buffering=True) for n in (1, 2))
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.environ.update(
                {
                    shim.VARIABLE: f"{fault}:{number}:{folder}:{log}",
                    "PYTHONPATH": f"{SHIM}{os.pathsep}{ROOT}",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    **{f"XDG_{name}_HOME": str(folder / "xdg" / name.lower()) for name in ("DATA", "CONFIG", "STATE")},
                }
            )
            os.chdir(folder)
            if fault == "full":  # and stays so
                LogWriter.flush.__defaults__, json_log.RETRY_SECONDS = (0.5,), 0.2
            shim.install(shim.Points(fault, number, str(folder), str(log)))
            status = act(folder)
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    children.adopt(pid)
    status = _ended(pid)
    children.end(pid)
    children.end_engines(folder)
    points = log.read_text().splitlines() if log.exists() else []
    return Outcome(os.waitstatus_to_exitcode(status), told.read_text("utf-8", "replace"), [p.strip() for p in points])


def _ended(pid: int) -> int:
    give_up = time.monotonic() + LIMIT
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        if time.monotonic() > give_up:
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1]
        time.sleep(0.01)


def tried(story: Story, folder: Path, fault: str, number: int) -> list[str]:
    """What was wrong when that fault came at that point, as sentences; empty is good."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    story.prepare(work)
    before = decisions(work)
    outcome = attempt(story.act, work, fault, number)
    wrong = half_files(work) + lost(before, work)
    if "Traceback" in outcome.told or "bug in the program" in outcome.told or "fault of tui-cytpix" in outcome.told:
        wrong.append("a traceback, or a bug told")
    wrong += acknowledged_and_lost(outcome.told, work)
    reached = len(outcome.points) >= number
    if fault == "full" and reached and outcome.status not in (0, 1):
        wrong.append(f"exit status {outcome.status}")
    if fault == "full" and outcome.status == 1 and "isk is full" not in outcome.told:
        wrong.append("not told as a full disk")
    if fault == "kill" and outcome.status in (2, 70):
        wrong.append(f"exit status {outcome.status}")
    again = attempt(story.again or story.act, work)
    if again.status != 0:
        wrong.append(f"then, without a fault: exit status {again.status}: {again.told[-300:]}")
    wrong += half_files(work) + lost(before, work) + acknowledged_and_lost(outcome.told, work)
    wrong += [f"left over: {one.relative_to(work)}" for one in work.rglob(".*.part")]
    point = outcome.points[number - 1] if reached else "beyond the end"
    return [f"{story.name}, {fault} at {number} ({point}): {one} [{outcome.told[-300:]!r}]" for one in wrong]


# What must hold


def decisions(folder: Path) -> dict[Path, list[Any]]:
    """All lines of all logs of decisions."""
    return {p: read_log(p)[0] for name in ("annotations", "verdicts") for p in folder.rglob(f"{name}.jsonl")}


def lost(before: dict[Path, list[Any]], folder: Path) -> list[str]:
    now = decisions(folder)
    return [
        f"decisions lost in {path.name}" for path, lines in before.items() if now.get(path, [])[: len(lines)] != lines
    ]


SAVED = "acknowledged "  # behind it, how many edits the app showed as saved


def acknowledged_and_lost(told: str, folder: Path) -> list[str]:
    shown = [int(line.removeprefix(SAVED)) for line in told.splitlines() if line.startswith(SAVED)]
    there = max(
        (len(lines) for path, lines in decisions(folder).items() if path.name == "annotations.jsonl"), default=0
    )
    return [f"{shown[-1]} edits were shown as saved, {there} are there"] if shown and there < shown[-1] else []


def half_files(folder: Path) -> list[str]:
    """Files under their final name that can't be read whole by those who read them in earnest."""
    found = []
    for path in folder.rglob("*"):
        aside = any(part.startswith(".") and part.endswith(".part") for part in path.relative_to(folder).parts)
        if not aside and path.is_file():
            try:
                _read(path)
            except Exception as error:  # whatever it is, the file is not whole
                found.append(f"half a file: {path.relative_to(folder)}: {error}"[:300])
    return found


def _read(path: Path) -> None:
    import json
    import tomllib

    import numpy as np
    from PIL import Image

    from tui_cytpix.formats.fcs.read import read_fcs
    from tui_cytpix.formats.model.file import read_tensors

    match path.suffix:
        case ".toml":
            tomllib.loads(path.read_text())
        case ".json":
            json.loads(path.read_text())
        case ".jsonl":
            assert read_log(path)[1] == 0, "damaged lines"
        case ".safetensors":
            read_tensors(path)
        case ".npz":
            with np.load(path) as data:
                assert all(data[name] is not None for name in data)
        case ".npy":
            np.load(path)
        case ".fcs":
            fcs = read_fcs(path)
            assert len(fcs.column(fcs.names[-1])) == fcs.event_count
        case ".png" | ".tif":
            with Image.open(path) as image:
                image.load()
        case ".acs" | ".zip":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        case ".csv" | ".html":
            assert path.read_bytes().rstrip(b"\n")[-1:], "nothing in it"


# Verbs


def verb(*arguments: object) -> Act:
    """The verb, by the command line's own code."""

    def act(_folder: Path) -> int:
        from tui_cytpix.cli.main import run

        return run([str(one) for one in arguments], lambda *_: 0)

    return act


def in_turn(*acts: Act) -> Act:
    """One after the other, up to the first that fails."""

    def act(folder: Path) -> int:
        for one in acts:
            if status := one(folder):
                return status
        return 0

    return act


def loaded() -> None:
    """Loads what verbs load, so that each child has it."""
    from tests.verbs import handlers
    from tui_cytpix.cli.command_line import VERBS

    assert VERBS
    for handler in handlers():
        if handler:
            importlib.import_module(f"tui_cytpix.cli.{handler.partition(':')[0]}")


def copies(*names: str, of: Path) -> Callable[[Path], None]:
    """Gets a folder ready from what was made once."""

    def prepare(work: Path) -> None:
        for name in names:
            if (of / name).is_dir():
                shutil.copytree(of / name, work / name)
            else:
                shutil.copyfile(of / name, work / name)

    return prepare


def stories(made: Path, *, engines: bool) -> Sequence[Story]:
    """All verbs that write, in `made`, where `make` was; those that start engines only where they are wanted."""
    tube, run = copies("tube.acs", "tube.acs.truth", of=made), copies("tube.acs", "tube.acs.truth", "run", of=made)
    new = verb("run", "new", "run", "--sample", "tube.acs", "--base", "cell-half", "--preview", 50)
    simulate = verb("simulate", "pombe-rich", "--out", "t.acs", "--images", 5)
    export = verb("models", "export", "cell-half", "m.safetensors")
    found = [
        Story("simulate", lambda _: None, simulate, _removed(simulate, "t.acs", "t.acs.truth")),
        Story("demo", lambda _: None, verb("demo", "s_pombe", "--no-open")),
        Story("run new", tube, new, _either(new, verb("run", "base", "run", "cell-half"))),
        Story("run select", run, verb("run", "select", "run", "--preview", 50)),
        Story("run label", run, verb("run", "label", "run", "tube", "--condition", "a")),
        Story("run base", run, verb("run", "base", "run", "cell-full")),
        Story("run annotate", run, verb("run", "annotate", "run", "--from-masks", "tube.acs.truth")),
        Story("run report", run, verb("run", "report", "run")),
        Story("models export", tube, export, _removed(export, "m.safetensors")),
    ]
    if engines:
        process = ("process", "tube.acs", "--model", "cell-half", "--out", "o", "--format", "csv,masks,fcs,coco")
        found += [Story("process", tube, verb(*process))]
    return found


def _either(first: Act, second: Act) -> Act:
    """The second where the first is refused, as something is there already."""

    def act(folder: Path) -> int:
        return first(folder) and second(folder)

    return act


def _removed(act: Act, *names: str) -> Act:
    """For what refuses to write over a file, and says that it is to be removed first."""

    def again(folder: Path) -> int:
        for name in names:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        return act(folder)

    return again


def make(made: Path, images: int = 12) -> None:
    """A tube, and a run on it with a few annotations."""
    made.mkdir(parents=True, exist_ok=True)
    steps = (
        verb("simulate", "pombe-rich", "--out", "tube.acs", "--images", images),
        verb("run", "new", "run", "--sample", "tube.acs", "--base", "cell-half", "--preview", 50),
        verb("run", "select", "run"),
        verb("run", "annotate", "run", "--from-masks", "tube.acs.truth"),
    )
    for step in steps:
        outcome = attempt(step, made)

        assert outcome.status == 0, outcome.told
