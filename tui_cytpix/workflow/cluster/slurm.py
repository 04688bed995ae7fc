"""Slurm's own programs: `sbatch` takes a script, `squeue` tells what of it is not at its end.

They get words, never a line for a shell; why they refuse is told in their own words.
"""

from __future__ import annotations

import logging
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import JobError, UsageError

LONGEST_WAIT = 60.0  # for sbatch, which tries again itself where its controller is slow
LONGEST_LOOK = 10.0  # for squeue, which nothing depends on
_NUMBER = re.compile(r"([0-9]+)(?:;.*)?")  # `--parsable`: the job, and its cluster where there are several
_log = logging.getLogger(__name__)


def options(text: str) -> list[str]:
    """What the user gave in one text, as a shell would take it apart.

    Raises:
        UsageError: a quotation mark is left open, or a word would end a line of the script.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError("Slurm's options can't be read", f"{printable(text)}: {error}.") from error
    if any(ord(letter) < 32 for word in words for letter in word):
        raise UsageError("Slurm's options can't be read", f"{printable(text)}: it holds a line break, or the like.")
    return words


def output_line(path: Path) -> str:
    """What a script says of the file for what a task prints; `%a` in its name stays what Slurm makes of it.

    Raises:
        UsageError: the folder has letters that Slurm doesn't take there.
    """
    folder = str(path.parent)
    if any(ord(letter) < 32 or letter in '"\\' for letter in folder):
        raise UsageError("Slurm can't be told this folder", f"{printable(folder)} has odd letters.", "Rename it.")
    return f'#SBATCH --output="{folder.replace("%", "%%")}/{path.name}"'


def submit(script: Path, words: Sequence[str]) -> str:
    """Hands a script to sbatch, with options that go before what the script itself says; returns the job's number.

    Raises:
        JobError: there is no sbatch, or it refuses.
    """
    try:
        answer = _run(["sbatch", "--parsable", *words, str(script)], LONGEST_WAIT)
    except FileNotFoundError as error:
        raise JobError("Slurm is not here", "sbatch was not found.", "Try it on the cluster's login node.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JobError("sbatch gave no answer", f"{error}.", f"The script is {script}.") from error
    number = _NUMBER.fullmatch(answer.stdout.strip())
    if answer.returncode or number is None:
        said = " ".join((answer.stderr or answer.stdout).replace("sbatch: error: ", "").split())
        raise JobError("sbatch refused", printable(said)[:500] or f"exit status {answer.returncode}", "")
    return number[1]


def queued(jobs: Sequence[str]) -> dict[str, dict[int, str]]:
    """Of arrays, by the job's number: their tasks that are not at their end, and the state of each as Slurm calls it.
    What isn't known, as there is no squeue or it gives no answer, is left out.
    """
    found: dict[str, dict[int, str]] = {}
    if not jobs:
        return found
    answer = _asked("--array", "--jobs", ",".join(jobs), "--format", "%F %K %T")
    for line in [] if answer is None else answer.stdout.splitlines():
        job, task, state = (*line.split(), "", "", "")[:3]
        if task.isdecimal() and state != "COMPLETING":
            found.setdefault(job, {})[int(task)] = state
    return found


def state_of(job: str) -> str:
    """Of a job, as Slurm calls it; "" where it ended, or `UNKNOWN`, as there is no squeue or it gives no answer."""
    answer = _asked("--jobs", job, "--format", "%T")
    if answer is None or (answer.returncode and "Invalid job id" not in answer.stderr):
        return "UNKNOWN"
    return answer.stdout.strip()


def _asked(*words: str) -> subprocess.CompletedProcess[str] | None:
    """What squeue says; None where there is none, or it gives no answer."""
    try:
        return _run(["squeue", "--noheader", *words], LONGEST_LOOK)
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.info("squeue gave no answer: %s", type(error).__name__)
        return None


def _run(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
    )
