"""What is submitted to Slurm, by programs of its names that stand in for it; the real one: `tests/cluster`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pytest

from tests import children
from tests.tubes import small_tubes
from tui_cytpix.cli.command_line import VERBS
from tui_cytpix.cli.main import run
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.errors import JobError, UsageError
from tui_cytpix.workflow.cluster import slurm
from tui_cytpix.workflow.evaluate import slurm_array
from tui_cytpix.workflow.evaluate.slurm_array import MOST_TASKS, TASK_BYTES, more_tasks, queued, submit, usual_tasks
from tui_cytpix.workflow.run.sample_sheet import read_sheet

# Options of `process` that a task doesn't get: what to do with samples, and those that are in its list.
NOT_FOR_TASKS = {"help", "json", "samples", "um_per_px", "sheet", "out", "shard", "status", "on", "slurm", "tasks"}


def tubes(folder: Path, sizes: list[int]) -> list[SampleAtWork]:
    found = []
    for number, size in enumerate(sizes):
        path = folder / f"t{number}.acs"
        path.write_bytes(b"")
        os.truncate(path, size)
        found.append(SampleAtWork(name=path.stem, path=str(path), um_per_px=0.3, labels={"unit": "1, a"}))
    return found


def test_words_reach_sbatch_as_they_are_and_the_list_says_all_of_the_tubes(tmp_path, programs):
    words = programs("sbatch", "echo '12;here'")
    options = slurm.options("--gres=gpu:1 --comment 'a; rm -rf $HOME `x`'")
    array = submit(tmp_path / "out", tubes(tmp_path, [10, 30, 20]), ["--model=m"], options, 2)
    assert words.read_text().splitlines() == [
        "--parsable",
        "--gres=gpu:1",
        "--comment",
        "a; rm -rf $HOME `x`",
        str(array.script),
    ]
    assert (array.job, array.tasks) == ("12", 2)
    listed = read_sheet(array.script.with_name("tubes.csv"))
    assert [one.path.stem for one in listed] == ["t1", "t2", "t0"]  # large ones first
    assert {(one.um_per_px, one.labels["unit"]) for one in listed} == {(0.3, "1, a")}
    children.run(["bash", "-n", array.script], check=True)


def test_what_slurm_has_is_known_by_path(tmp_path, programs):
    programs("sbatch", "echo 12")
    submit(tmp_path / "out", tubes(tmp_path, [1, 1, 1]), [], [], 2)
    words = programs("squeue", "echo '12 2 PENDING'; echo '12 1 COMPLETING'; echo '12 N/A PENDING'")
    assert queued(tmp_path / "out") == {str(tmp_path / "t1.acs"): "Slurm's task 12_2 is pending"}
    assert "12" in words.read_text().splitlines()
    programs("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert queued(tmp_path / "out") == {}


def test_without_a_submission_slurm_is_not_asked(tmp_path, programs):
    words = programs("squeue", "")
    assert queued(tmp_path) == {}
    assert not words.exists()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'sbatch: error: invalid partition specified: x' >&2; exit 1", "invalid partition specified: x"),
        ("exit 3", "exit status 3"),
        ("echo 'sbatch: Job 5 to start at once' >&2", "Job 5 to start at once"),  # --test-only gives no number
    ],
)
def test_a_refusal_is_one_sentence_and_nothing_counts_as_submitted(tmp_path, programs, script, told):
    programs("sbatch", script)
    with pytest.raises(JobError) as refused:
        submit(tmp_path / "out", tubes(tmp_path, [1]), [], [])
    assert told in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert queued(tmp_path / "out") == {}


def test_where_there_is_no_slurm_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JobError, match="Slurm is not here"):
        submit(tmp_path / "out", tubes(tmp_path, [1]), [], [])


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb"])
def test_a_folder_that_slurm_can_not_be_told_is_refused(tmp_path, programs, name):
    words = programs("sbatch", "echo 12")
    with pytest.raises(UsageError, match="Slurm can't be told this folder"):
        submit(tmp_path / name, tubes(tmp_path, [1]), [], [])
    assert not words.exists()


def test_small_tubes_share_a_task_and_large_ones_have_their_own():
    assert usual_tasks([1000] * 40) == 1
    assert usual_tasks([TASK_BYTES] * 40) == 41  # a tube counts a little more than it is large
    assert usual_tasks([TASK_BYTES] * 5000) == MOST_TASKS


def test_a_tube_larger_than_a_task_has_several_that_share_it(tmp_path, programs):
    assert more_tasks([3 * TASK_BYTES, TASK_BYTES + 1, TASK_BYTES], 100) == [1, 1, 2]
    assert more_tasks([3 * TASK_BYTES, TASK_BYTES + 1], 3) == [1]
    programs("sbatch", "echo 12")
    given = tubes(tmp_path, [10, 3 * TASK_BYTES, 20])
    array = submit(tmp_path / "out", given, ["echo"], [], 4)
    text = array.script.read_text()
    assert (array.tasks, "--array=1-4" in text) == (4, True)
    asked = [shard_of_task(text, task) for task in (1, 2, 3, 4)]
    assert asked == ["1/3", "2/3", "3/3", "1/3"]
    programs("squeue", "echo '12 4 RUNNING'; echo '12 3 PENDING'")
    assert queued(tmp_path / "out") == {
        str(tmp_path / "t1.acs"): "Slurm's task 12_4 is running",
        str(tmp_path / "t0.acs"): "Slurm's task 12_3 is pending",
    }
    assert submit(tmp_path / "out", given, ["--force"], [], 4).tasks == 3


def shard_of_task(script: str, task: int) -> str:
    """What the script gives to `--shard`, in the place of the command that it starts."""
    head, _, rest = script[script.index("shard=$SLURM") :].partition(sys.executable)
    shard = rest.partition("--shard ")[2].partition(" &")[0]
    environment = {"SLURM_ARRAY_TASK_ID": str(task)}
    found = children.run(["bash", "-c", f"{head} echo {shard}"], env=environment, text=True, capture_output=True)
    return str(found.stdout).strip()


def test_every_option_of_process_goes_to_the_tasks_or_is_known_not_to(tmp_path, model_file, monkeypatch):
    words: list[str] = []

    def remember(_out, _tubes, command, *_more):
        words.extend(command)
        raise JobError("enough")

    monkeypatch.setattr(slurm_array, "submit", remember)
    (tube,) = small_tubes(tmp_path, 1)
    given = {
        "model": model_file("cells"),
        "format": "csv",
        "size_cutoff": "3",
        "zoom": "1.5",
        "channel": "1",
        "prefix": "A_",
        "device": "cpu",
        "threads": "3",
        "debug": None,
        "force": None,
        "retry": None,
    }
    asked = [f"--{name.replace('_', '-')}{'' if value is None else f'={value}'}" for name, value in given.items()]
    asked += ["--on=slurm", f"--out={tmp_path}"]
    assert run(["process", tube["path"], *asked], lambda *_: 0) == 1
    told = {word.partition("=")[0].removeprefix("--").replace("-", "_") for word in words}
    parser = VERBS["process"].parser("process")
    options = {action.dest for action in parser._actions if not isinstance(action, argparse._SubParsersAction)}
    assert told == given.keys() - {"retry"}
    assert options - told - NOT_FOR_TASKS == {"retry", "annotations", "gate", "gates_of"}  # these need a run
    assert parser.parse_args(["x", "--out=o", *words]).size_cutoff == 3
