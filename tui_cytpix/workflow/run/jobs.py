"""Starting, watching and asking engine processes. The app never imports torch: it talks through job folders."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tui_cytpix import diagnostics
from tui_cytpix.domain.jobs.events import Exited, Failed, Finished, Paused, Resumed, Started, Stopped
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import JobSpec, kind_of
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, JobError, refusal
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.formats.bytes.liveness import age_s, is_alive
from tui_cytpix.formats.bytes.plain_file import open_plain_to_write, read_json
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.workflow.cluster import slurm
from tui_cytpix.workflow.run.resources import PACKAGE

LOST_SECONDS = 30.0
_log = logging.getLogger(__name__)
_STATES: dict[type[LogLine], JobState] = {
    Started: JobState.RUNNING,
    Paused: JobState.PAUSED,
    Resumed: JobState.RUNNING,
    Finished: JobState.FINISHED,
    Stopped: JobState.STOPPED,
    Exited: JobState.STOPPED,
    Failed: JobState.FAILED,
}
_ENDS = (JobState.FINISHED, JobState.STOPPED, JobState.FAILED)
_NAME = re.compile(r"([1-9][0-9]{0,8})-[a-z]+")
SCRIPT, SUBMITTED = "engine.sbatch", "submitted.json"  # in the folder of a job that Slurm has
ASK_SECONDS = 10.0
_SCRIPT = """\
#!/bin/bash
# Made by tui-cytpix: a job of its engine, on a node that sees this folder and the samples.
#SBATCH --job-name=tui-cytpix
{output}
#SBATCH --open-mode=append
#SBATCH --no-requeue
#SBATCH --signal=B:TERM@60

export PYTHONPATH={package}${{PYTHONPATH:+:$PYTHONPATH}}
exec {command}
"""
_in_slurm: dict[str, tuple[str, float]] = {}  # states of Slurm's jobs, and when it was asked
_children: dict[Path, subprocess.Popen[bytes]] = {}


def create(jobs: Path, spec: JobSpec) -> JobFolder:
    """Makes the next job folder, `<n>-<kind>`.

    Raises:
        JobError: the system refuses.
    """
    number = max((n for n, _ in _numbered(jobs)), default=0) + 1
    while True:
        try:
            return JobFolder.create(jobs / f"{number}-{kind_of(spec)}", spec)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise JobError(*refusal(error, jobs, "The job can't be made", "Give a folder of yours.")) from error


def _numbered(jobs: Path) -> list[tuple[int, Path]]:
    """By number. A folder that is called otherwise than we call them is none, nor is one without a whole `job.toml`, as
    a copy that was broken off leaves.
    """
    named = [(path, _NAME.fullmatch(path.name)) for path in (jobs.glob("*-*") if jobs.is_dir() else ())]
    return sorted((int(name[1]), path) for path, name in named if name and (path / "job.toml").is_file())


def of_kind(jobs: Path, kind: str) -> list[JobFolder]:
    """The run's jobs of a kind, oldest first."""
    return [JobFolder(path) for _, path in _numbered(jobs) if path.name.endswith(f"-{kind}")]


def start_on(job: JobFolder, slurm_options: Sequence[str] | None) -> None:
    """Starts the engine on a node of Slurm where options of sbatch are given, none or more; else here.

    Raises:
        UsageError, JobError: as `submit` and `start`.
    """
    if slurm_options is None:
        start(job)
    else:
        submit(job, slurm_options)


def _command(job: JobFolder, *options: str) -> list[str]:
    return [sys.executable, "-P", "-m", "tui_cytpix.engine", *options, str(job.path)]


def start(job: JobFolder) -> None:
    """Starts the engine in a session of its own, so that it outlives the terminal.

    Raises:
        JobError: the process could not be started.
    """
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(
        p for p in (str(PACKAGE.parent), environment.get("PYTHONPATH", "")) if p
    )
    debug = ["--debug"] if diagnostics.debugging() else []
    _log.info("starts the engine for %s", job.path.name)
    try:
        with os.fdopen(open_plain_to_write(job.output_path, os.O_WRONLY | os.O_APPEND), "ab") as output:
            _children[job.path] = subprocess.Popen(
                _command(job, *debug),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment,
            )
    except OSError as error:
        raise JobError(*refusal(error, job.path, "The engine can't be started", "Try again.")) from error


def submit(job: JobFolder, slurm_options: Sequence[str]) -> None:
    """Gives the engine to Slurm, to be started on a node. A job that Slurm doesn't take leaves no folder behind.

    Raises:
        UsageError, JobError: it doesn't take it, or isn't here.
    """
    script = job.path / SCRIPT
    try:
        package, output = shlex.quote(str(PACKAGE.parent)), slurm.output_line(job.output_path)
        write_text(script, _SCRIPT.format(output=output, package=package, command=shlex.join(_command(job))))
        number = slurm.submit(script, slurm_options)
        write_text(job.path / SUBMITTED, json.dumps({"job": number}))
    except OSError as error:
        raise JobError(*refusal(error, job.path, "The engine can't be started", "Try again.")) from error
    except CytpixError:
        shutil.rmtree(job.path, ignore_errors=True)
        raise


def in_slurm(job: JobFolder) -> str:
    """Where a job stands that waits for a node, in words; "" of one that wasn't given to Slurm, or ended there. Slurm
    is asked every ten seconds at most.
    """
    try:
        number = str(int(read_json(job.path / SUBMITTED)["job"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return ""
    now = time.monotonic()
    state, asked = _in_slurm.get(number, ("", -ASK_SECONDS))
    if now - asked >= ASK_SECONDS:
        state = slurm.state_of(number)
        _in_slurm[number] = state, now
    return f"Slurm's job {number} is {state.lower()}." if state else ""


def state_of(job: JobFolder, events: Iterable[LogLine]) -> JobState:
    """Where the job stands: by its last word, its process, and its heartbeat."""
    state = JobState.STARTING
    started = Started()
    for event in events:
        state = _STATES.get(type(event), state)
        if isinstance(event, Started):
            started = event
    if state in _ENDS:
        return state
    return state if _lives(job, started) else JobState.LOST


def _lives(job: JobFolder, started: Started) -> bool:
    child = _children.get(job.path)
    if child is not None and child.poll() is not None:
        return False
    if started.host == socket.gethostname() and started.pid:
        alive = is_alive(started.pid, started.born)
        if started.born or not alive:  # without its birth it may be another process that got the number since
            return alive
    if child is not None or (not started.pid and in_slurm(job)):
        return True
    age = job.seconds_since_beat()
    if age is None:
        age = age_s(job.path / "job.toml")
    return age is not None and age < LOST_SECONDS


def failure(job: JobFolder, events: Iterable[LogLine]) -> JobError:
    """The reason of a job that failed or was lost, as an error to show."""
    _log.warning("%s failed or was lost", job.path.name)
    for event in events:
        if isinstance(event, Failed):
            return JobError("The engine failed", event.reason, event.way_out)
    if job.note:  # its log could not be written
        return JobError("The engine failed", printable(job.note))
    child = _children.get(job.path)
    ended = None if child is None else child.poll()
    lines = job.printed().strip().splitlines() if ended is None or ended > 0 else []  # no reason for a signal
    tail = printable(lines[-1])[:300] if lines else ""
    return JobError(
        "The engine ended without a word",
        tail or f"{job.path}: {_how_it_ended(ended)}",
        f"Details are in {job.output_path}.",
    )


def _how_it_ended(ended: int | None) -> str:
    if ended is None:
        return "it was killed, or its machine went down."
    if ended == -signal.SIGKILL:
        return "it was killed, by somebody or by the system as the memory was full."
    if ended == -signal.SIGBUS:
        return "the disk was full, or a file that it read was cut short meanwhile."
    if ended < 0:
        return f"it was ended by the signal {signal.Signals(-ended).name}."
    return f"it ended with the exit status {ended}."
