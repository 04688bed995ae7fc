"""A job's folder: numbered lines both ways, a heartbeat, and no two jobs in one folder."""

from __future__ import annotations

import os
import threading

import pytest

from tests import children, job_files
from tui_cytpix.domain.jobs.events import Best, Log, Started
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.domain.jobs.wishes import AddEpochs, Pause
from tui_cytpix.errors import JobError
from tui_cytpix.formats.run.job import JobFolder


def test_lines_are_numbered_also_after_a_restart_and_a_torn_line(tmp_path):
    spec = TrainSpec(epochs=3, run="/a b/\x1b")
    job = JobFolder.create(tmp_path / "1-train", spec)
    assert job.emit(Started(pid=1)) == 1
    assert job.emit(Best(1)) == 2
    with job.events_path.open("ab") as file:
        file.write(b'{"v":1,"seq":3,"ty')
    again = JobFolder(job.path)
    assert again.spec == spec
    tail = again.new_events()
    found = tail.new()
    assert [e.seq for e in found] == [1, 2]
    assert job_files.bare(found) == [Started(pid=1), Best(1)]
    assert again.emit(Best(2)) == 3
    assert [(e.seq, e.epoch) for e in tail.new()] == [(3, 2)]
    assert all(e["v"] == 1 and e["time"] > 0 for e in job_files.events(again))


def test_wishes_go_the_other_way(tmp_path):
    job = JobFolder.create(tmp_path / "1-train", TrainSpec())
    assert job.send(Pause()) == 1
    assert job.send(AddEpochs(5)) == 2
    assert job.new_events().new() == []
    assert job_files.bare(job.new_wishes().new()) == [Pause(), AddEpochs(5)]


def test_the_heartbeat_has_an_age(tmp_path):
    job = JobFolder.create(tmp_path / "1-train", TrainSpec())
    assert job.seconds_since_beat() >= 0, "it begins when the job is made"
    job.beat()
    assert job.seconds_since_beat() >= 0
    beat = job.path / "heartbeat"
    os.utime(beat, (beat.stat().st_mtime - 100,) * 2)
    assert job.seconds_since_beat() > 90
    job.beat()
    assert job.seconds_since_beat() < 90
    assert not list(job.path.glob(".now*"))


def test_of_two_that_make_the_same_folder_one_does(tmp_path):
    made, refused = [], []

    def make(number):
        try:
            made.append(JobFolder.create(tmp_path / "jobs" / "1-train", TrainSpec(seed=number)))
        except FileExistsError:
            refused.append(number)

    threads = [threading.Thread(target=make, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(children.LIMIT)
    assert (len(made), len(refused)) == (1, 7)
    assert made[0].spec.seed not in refused
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["1-train"]


def test_a_folder_is_one_jobs(tmp_path):
    JobFolder.create(tmp_path / "1-train", TrainSpec())
    with pytest.raises(FileExistsError):
        JobFolder.create(tmp_path / "1-train", TrainSpec())


@pytest.mark.parametrize("content", [None, b"kind = ", b"\xff"])
def test_what_is_no_job_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "job.toml").write_bytes(content)
    with pytest.raises(JobError, match="not a job"):
        _ = JobFolder(tmp_path).spec


def test_lines_behind_the_last_number_that_there_is_are_read(tmp_path):
    job = JobFolder.create(tmp_path / "1-train", TrainSpec())
    for path in (job.events_path, job.control_path):
        path.write_text('{"v":1,"seq":9223372036854775807,"time":0.0,"type":"resume"}\n')
    job.emit(Log("here"))
    job.send(Pause())
    assert isinstance(job.new_events().new()[-1], Log)
    assert isinstance(job.new_wishes().new()[-1], Pause)
