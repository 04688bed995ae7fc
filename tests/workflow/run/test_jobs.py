"""Engine processes: numbered, started apart, judged by word, process and heartbeat."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

import pytest

from tests import children, job_files
from tui_cytpix.domain.jobs.events import Best, Exited, Failed, Finished, Paused, Resumed, Started, Stopped
from tui_cytpix.domain.jobs.specs import PredictSpec, TrainSpec
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.errors import JobError
from tui_cytpix.formats.bytes.liveness import birth
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.workflow.run import jobs, predict

HERE = socket.gethostname()


@pytest.fixture
def job(tmp_path):
    return jobs.create(tmp_path, TrainSpec(epochs=1))


def test_jobs_are_numbered_through_all_kinds(tmp_path):
    specs = (TrainSpec(), PredictSpec(), TrainSpec())
    names = [jobs.create(tmp_path / "jobs", spec).path.name for spec in specs]
    (tmp_path / "jobs" / "notes-train").mkdir()
    for _ in range(8):
        jobs.create(tmp_path / "jobs", PredictSpec())
    names.append(jobs.create(tmp_path / "jobs", TrainSpec()).path.name)
    assert names == ["1-train", "2-predict", "3-train", "12-train"]
    assert [j.path.name for j in jobs.of_kind(tmp_path / "jobs", "train")] == ["1-train", "3-train", "12-train"]
    assert jobs.of_kind(tmp_path / "none", "train") == []


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (Finished(), JobState.FINISHED),
        (Stopped(), JobState.STOPPED),
        (Failed(), JobState.FAILED),
        (Exited(), JobState.STOPPED),
    ],
)
def test_the_last_word_counts_most(job, last, state):
    job.emit(Started(host=HERE, pid=1))
    job.emit(Best(1))
    job.emit(last)
    assert jobs.state_of(job, job.new_events().new()) is state


def test_a_job_lives_as_long_as_its_process(job, living):
    job.emit(Started(host=HERE, pid=living.pid, born=birth(living.pid)))
    assert jobs.state_of(job, job.new_events().new()) is JobState.RUNNING
    job.emit(Paused(epoch=1))
    assert jobs.state_of(job, job.new_events().new()) is JobState.PAUSED
    job.emit(Resumed())
    living.kill()
    living.wait(children.LIMIT)
    assert jobs.state_of(job, job.new_events().new()) is JobState.LOST


def test_another_program_with_the_jobs_number_is_not_the_job(job):
    job.emit(Started(host=HERE, pid=os.getppid(), born="before"))
    assert jobs.state_of(job, job.new_events().new()) is JobState.LOST


def test_of_a_process_that_does_not_say_when_it_started_the_heartbeat_tells(job):
    job.emit(Started(host=HERE, pid=os.getppid()))  # as 0.1.0 wrote it
    job.beat()
    assert jobs.state_of(job, job.new_events().new()) is JobState.RUNNING
    os.utime(job.path / "heartbeat", (time.time() - 2 * jobs.LOST_SECONDS,) * 2)
    assert jobs.state_of(job, job.new_events().new()) is JobState.LOST


def test_on_another_machine_the_heartbeat_tells(job):
    job.emit(Started(host="elsewhere", pid=1))
    job.beat()
    assert jobs.state_of(job, job.new_events().new()) is JobState.RUNNING
    beat = job.path / "heartbeat"
    os.utime(beat, (time.time() - 2 * jobs.LOST_SECONDS,) * 2)
    assert jobs.state_of(job, job.new_events().new()) is JobState.LOST


def test_a_job_that_a_scheduler_has_not_started_yet_waits_a_while(job):
    assert jobs.state_of(job, []) is JobState.STARTING
    os.utime(job.path / "heartbeat", (time.time() - 2 * jobs.LOST_SECONDS,) * 2)
    assert jobs.state_of(job, []) is JobState.LOST


def test_the_reason_of_a_failure(job):
    assert "killed" in str(jobs.failure(job, []))
    job.output_path.write_bytes(b"Traceback\nMemoryError: \xff\n")
    assert "MemoryError" in str(jobs.failure(job, []))
    job.emit(Failed(reason="No memory.", way_out="Use smaller images."))
    assert str(jobs.failure(job, job.new_events().new())) == "The engine failed. No memory. Use smaller images."


def test_a_real_engine_that_cannot_do_it_says_why(tmp_path):
    job = job_files.create(tmp_path / "1-nonsense", {"kind": "nonsense"})
    jobs.start(job)
    with pytest.raises(JobError) as failed:
        predict.wait(job, lambda _event: None)
    assert "Traceback" not in str(failed.value)
    assert failed.value.detail


def test_an_engine_that_cannot_be_started_is_told(tmp_path, monkeypatch):
    job = JobFolder.create(tmp_path / "1-train", TrainSpec())
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(JobError, match="can't be started"):
        jobs.start(job)


def test_the_last_words_of_a_job_whose_log_could_not_be_written_are_told(job):
    job.beat("The disk is full. /x: 0 bytes are free.")
    assert "The disk is full" in str(jobs.failure(job, []))


@pytest.mark.parametrize(("number", "words"), [(signal.SIGKILL, "killed"), (signal.SIGBUS, "disk was full")])
def test_how_an_engine_ended_is_told_as_it_was(job, monkeypatch, number, words):
    child = children.start([sys.executable, "-c", f"import os; os.kill(os.getpid(), {number:d})"])
    child.wait(children.LIMIT)
    monkeypatch.setitem(jobs._children, job.path, child)
    assert words in str(jobs.failure(job, []))
    assert ("memory" in str(jobs.failure(job, []))) is (number == signal.SIGKILL)
