"""Tubes as an array of Slurm: each task is the verb `process` on a part of a list (`--shard`), and nothing else.

Where a tube is larger than a task should be, more tasks are on its part of the list: they share it, as `process` makes
a large tube in parts, and leaves alone what another job is at.

A submission is a folder, `OUT/.job/slurm/<n>`, for people too: `tubes.csv`, the list; `process.sbatch`, the script,
which anybody may submit again; `TASK.txt`, what a task printed; `submitted.json`, the job's number.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tui_cytpix
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.errors import CytpixError, refusal
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.formats.bytes.plain_file import read_json
from tui_cytpix.formats.run.job import JOB
from tui_cytpix.formats.sample.file_states import FileStates
from tui_cytpix.workflow.cluster import slurm
from tui_cytpix.workflow.run.resources import PACKAGE
from tui_cytpix.workflow.run.sample_sheet import COLUMNS, PATH, SCALE, read_sheet

LIST, SCRIPT, SUBMITTED = "tubes.csv", "process.sbatch", "submitted.json"
TASK_BYTES = 10 << 30  # of samples' files for a task: some minutes, at 120 kB an image and 400 images a second
TUBE_BYTES = 50 << 20  # that a tube counts more than it is large: a second, for opening it and writing its files
MOST_TASKS = 1000  # of an array: the most that Slurm takes, unless it is set up otherwise
NOTICE_SECONDS = 60  # before the time limit, or up to a minute earlier, a task is told to end
FORCE = "--force"
MOST_RESTARTS = 5  # of a task at its time limit: a tube that takes longer than the limit never ends

_TEMPLATE = """\
#!/bin/bash
# Made by tui-cytpix {version}. The same by hand:
# {by_hand}
# It may be submitted as often as you like, a task alone too (--array=3): what is done is passed over, unless there
# is --force below.
#SBATCH --job-name=tui-cytpix
#SBATCH --array=1-{tasks}
{output}
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{notice}

export PYTHONPATH={package}${{PYTHONPATH:+:$PYTHONPATH}}
shard=$SLURM_ARRAY_TASK_ID
{more}{command} \\
  --shard "$shard/{parts}" &
work=$!

# Slurm says TERM when the task is preempted or cancelled, USR1 (see --signal) when its time is nearly up.
trap 'told=1; kill -TERM "$work"' TERM
trap 'told=1; late=1; kill -TERM "$work"' USR1
while true; do
  told=
  wait "$work"
  status=$?
  [ "$told" ] || break
done
if [ "$late" ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {restarts} ]; then
  exec scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
"""

_MORE = """\
# Tasks beyond the parts of the list share those with the largest tubes.
more=({more})
[ "$shard" -le {parts} ] || shard=${{more[shard - {parts} - 1]}}
"""


@dataclass(frozen=True)
class Array:
    """A submission: the `job`, its number of `tasks`, the tubes in the order of its list, and its `script`."""

    job: str
    tasks: int
    script: Path
    tubes: tuple[SampleAtWork, ...]


def submit(
    out: Path, tubes: Sequence[SampleAtWork], command: Sequence[str], options: Sequence[str], tasks: int | None = None
) -> Array:
    """Submits tubes of an output folder, the names of which are claimed, and waits for none of them.

    Args:
        command: the options of `process` that all of them have in common, but for list and folder.
        options: of sbatch.
        tasks: as many as there are tubes at most; None: by the size of the tubes' files.

    Raises:
        UsageError: the folder's name can't be told to Slurm.
        CytpixError: the folder can't be written to.
        JobError: sbatch can't be had, or refuses.
    """
    states = FileStates()
    sizes = {tube.path: states.size(Path(tube.path)) for tube in tubes}
    tubes = sorted(tubes, key=lambda tube: -sizes[tube.path])  # every n-th of them: tasks are alike
    parts = min(len(tubes), usual_tasks(sizes.values()) if tasks is None else tasks)
    more = more_tasks([sizes[tube.path] for tube in tubes[:parts]], MOST_TASKS if tasks is None else tasks)
    if FORCE in command:
        more = []  # each would do the whole tube again
    tasks = parts + len(more)
    try:
        folder = _new_folder(out)
        _write_list(folder / LIST, tubes)
        script = folder / SCRIPT
        write_text(script, _script(folder, out, (parts, more), command, options))
        job = slurm.submit(script, options)
        write_text(folder / SUBMITTED, json.dumps({"job": job, "tasks": parts, "more": more}))
    except OSError as error:
        raise CytpixError(*refusal(error, out, "The output folder can't be written to")) from error
    return Array(job, tasks, script, tuple(tubes))


def usual_tasks(sizes: Iterable[int]) -> int:
    """How many tasks tubes of these sizes are divided among."""
    return min(MOST_TASKS, max(1, math.ceil(sum(TUBE_BYTES + size for size in sizes) / TASK_BYTES)))


def more_tasks(sizes: Sequence[int], most: int) -> list[int]:
    """Of further tasks, which part of the list each is on (from 1), where tubes are larger than a task should be.

    Args:
        sizes: of the first tube of each part, the largest.
        most: tasks in all.
    """
    wanted = [part for part, size in enumerate(sizes, 1) for _ in range(1, math.ceil(size / TASK_BYTES))]
    return wanted[: max(0, most - len(sizes))]


def queued(out: Path) -> dict[str, str]:
    """By path, where tubes are that a task which Slurm has, waiting or at work, has in its list; in words."""
    arrays: dict[str, tuple[Path, int, list[int]]] = {}
    for folder in (out / JOB / "slurm").glob("*"):
        try:
            told = read_json(folder / SUBMITTED)
            more = [int(part) for part in told.get("more", ())]
            arrays[str(int(told["job"]))] = folder, max(1, int(told["tasks"])), more
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            continue  # sbatch refused it, or somebody submitted it by hand
    found: dict[str, str] = {}
    for job, states in slurm.queued(sorted(arrays)).items():
        folder, parts, more = arrays[job]
        try:
            listed = read_sheet(folder / LIST)
        except CytpixError:
            continue
        for place, given in enumerate(listed):
            part = place % parts + 1
            tasks = [part, *(task for task, own in enumerate(more, parts + 1) if own == part)]
            if (task := next((task for task in tasks if task in states), None)) is not None:
                found[str(given.path)] = f"Slurm's task {job}_{task} is {states[task].lower()}"
    return found


def _new_folder(out: Path) -> Path:
    for number in itertools.count(1):
        folder = out / JOB / "slurm" / str(number)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def _write_list(path: Path, tubes: Sequence[SampleAtWork]) -> None:
    """As a sample sheet."""
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        table = csv.DictWriter(file, COLUMNS, restval="")
        table.writeheader()
        for tube in tubes:
            scale = {} if tube.um_per_px is None else {SCALE: repr(tube.um_per_px)}
            table.writerow({PATH: tube.path, **tube.labels, **scale})


def _script(
    folder: Path, out: Path, tasks: tuple[int, Sequence[int]], command: Sequence[str], options: Sequence[str]
) -> str:
    parts, more = tasks
    words = [sys.executable, "-P", "-m", "tui_cytpix", "process", "--samples", str(folder / LIST), "--out", str(out)]
    by_hand = shlex.join(["sbatch", *options, str(folder / SCRIPT)])
    return _TEMPLATE.format(
        version=tui_cytpix.__version__,
        by_hand=by_hand,
        tasks=parts + len(more),
        parts=parts,
        more=_MORE.format(more=" ".join(map(str, more)), parts=parts) if more else "",
        output=slurm.output_line(folder / "%a.txt"),
        notice=NOTICE_SECONDS,
        package=shlex.quote(str(PACKAGE.parent)),
        command=" \\\n  ".join([shlex.join(words), *map(shlex.quote, command)]),
        restarts=MOST_RESTARTS,
    )
