"""A job of the engine that waits for a node, by programs that stand in for Slurm's; the real ones: `tests/cluster`."""

from __future__ import annotations

import os

import pytest

from tests import children
from tui_cytpix.domain.jobs.specs import PredictSpec
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.workflow.run import jobs


@pytest.mark.parametrize(
    ("squeue", "state", "words"),
    [
        ("echo PENDING", JobState.STARTING, "Slurm's job 7 is pending."),
        ("exit 0", JobState.LOST, ""),  # it ended before the engine began
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", JobState.LOST, ""),
        ("echo 'Unable to contact slurm controller' >&2; exit 1", JobState.STARTING, "Slurm's job 7 is unknown."),
    ],
)
def test_an_engine_that_waits_for_a_node_is_not_lost(tmp_path, programs, monkeypatch, squeue, state, words):
    programs("sbatch", "echo 7")
    programs("squeue", squeue)
    monkeypatch.setattr(jobs, "_in_slurm", {})
    job = jobs.create(tmp_path / "jobs", PredictSpec())
    jobs.submit(job, [])
    os.utime(job.path / "heartbeat", (0, 0))  # it has waited for long
    children.run(["bash", "-n", job.path / "engine.sbatch"], check=True)
    assert (jobs.state_of(job, []), jobs.in_slurm(job)) == (state, words)
