"""Tubes on a real Slurm of one node: submitted, stopped and started again; nothing is done twice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests import children
from tests.cluster.one_node import one_node, tasks, verb, wait_for, why_not
from tests.tubes import small_tubes
from tui_cytpix.domain.jobs.specs import PredictSpec
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.jobs.wishes import Stop
from tui_cytpix.errors import JobError
from tui_cytpix.workflow.evaluate.slurm_array import SUBMITTED
from tui_cytpix.workflow.run import jobs

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not()), reason=f"no Slurm: {why_not()}")]
OPTIONS = ("--model", "cell-half", "--device", "cpu", "--threads", 1)


@pytest.fixture(scope="module")
def slurm():
    with one_node() as environment:
        yield environment


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """A list of two tubes and a broken one, in a folder of an odd name."""
    folder = tmp_path_factory.mktemp("a %j b'c")
    tubes = [Path(tube["path"]) for tube in small_tubes(folder, 2)]
    (folder / "broken.acs").write_bytes(tubes[0].read_bytes()[:2000])
    lines = ["path,unit,um_per_px", *(f"{tube.name},{n},0.3" for n, tube in enumerate(tubes, 1)), "broken.acs,,"]
    (folder / "list.csv").write_text("\n".join(lines))
    return folder


def asked(batch: Path, *more: object) -> tuple[object, ...]:
    return ("process", "--samples", batch / "list.csv", "--out", batch / "r", *OPTIONS, *more, "--json")


def test_an_array_ends_though_a_task_is_late_and_is_not_submitted_again(slurm, batch):
    options = "--mem=0 --comment='a b'"
    submitted = verb(slurm, *asked(batch, "--on", "slurm", "--tasks", 2, f"--slurm={options}"))
    told = json.loads(submitted.stdout)
    assert (submitted.returncode, told["tasks"], len(told["submitted"])) == (0, 2, 3), submitted.stderr
    script, task, job = Path(told["script"]), f"{told['job']}_1", batch / "r" / ".job"
    assert "sbatch --mem=0 '--comment=a b' " in script.read_text()  # as the user would do it

    again = json.loads(verb(slurm, *asked(batch, "--on", "slurm")).stdout)
    assert again["submitted"] == []  # Slurm has them
    assert again["totals"]["pending"] + again["totals"]["running"] == 3

    wait_for(lambda: list((job / "leases").glob("t*")))
    children.run(["scancel", "--batch", "--signal=USR1", task], env=slurm, check=True)  # as when its time is up
    wait_for(lambda: tasks(slurm).get(task) == "PENDING")  # by its own wish
    first = json.loads((script.parent / SUBMITTED).read_text())
    assert first == {"job": told["job"], "tasks": 2, "more": []}
    wait_for(lambda: not tasks(slurm))

    status = json.loads(verb(slurm, *asked(batch, "--status")).stdout)["totals"]
    assert {name: number for name, number in status.items() if number} == {"done": 2, "failed": 1}
    assert not [path for name in ("leases", "unfinished") for path in (job / name).iterdir()]
    assert [json.loads(path.read_text())["labels"] for path in sorted((batch / "r").glob("t*.process.json"))] == [
        {"unit": "1"},
        {"unit": "2"},
    ]
    assert "terminated" in script.with_name("1.txt").read_text()

    last = verb(slurm, *asked(batch, "--on", "slurm"))
    found = json.loads(last.stdout)
    assert (last.returncode, found["submitted"], [one["sample"] for one in found["failures"]]) == (1, [], ["broken"])
    assert "--retry" in last.stderr


def test_what_sbatch_refuses_is_told_in_its_words(slurm, batch):
    words = [batch / "nowhere" if word == batch / "r" else word for word in asked(batch, "--on", "slurm")]
    refused = verb(slurm, *words, "--slurm=--partition=nowhere")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("tui-cytpix: sbatch refused. invalid partition specified: nowhere")
    assert len(refused.stderr.splitlines()) == 1


def test_an_engine_on_a_node_is_watched_and_asked_from_here(slurm, tmp_path, monkeypatch):
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, slurm[name])
    monkeypatch.setattr(jobs, "ASK_SECONDS", 0.0)
    job = jobs.create(tmp_path / "jobs", PredictSpec())
    jobs.submit(job, ["--begin=now+1"])
    assert jobs.state_of(job, []) is JobState.STARTING
    assert re.fullmatch(r"Slurm's job \d+ is (pending|running|configuring)\.", jobs.in_slurm(job))
    tail, events = job.new_events(), []

    def state():
        events.extend(tail.new())
        return jobs.state_of(job, events)

    wait_for(lambda: state() is JobState.RUNNING)
    job.send(Stop())
    wait_for(lambda: not state().live)
    assert state() in (JobState.STOPPED, JobState.FINISHED)
    with pytest.raises(JobError, match="sbatch refused"):
        jobs.submit(jobs.create(tmp_path / "jobs", PredictSpec()), ["--partition=nowhere"])
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == [job.path.name]
