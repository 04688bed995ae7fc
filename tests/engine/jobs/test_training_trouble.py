"""Training on machines that fail it: memory, GPU, disk, and two starts at once."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests import children, forks, job_files
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.engine.jobs.job import Job, in_words
from tui_cytpix.engine.network import device
from tui_cytpix.engine.predict.inference import has_bf16
from tui_cytpix.engine.train.checkpoints import MOST, SPARSE, read_state, spacing, thin
from tui_cytpix.engine.train.trainer import Trainer
from tui_cytpix.errors import JobError
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.formats.run.lease import Lease
from tui_cytpix.workflow.train.watch import TrainingWatch

ROOT = Path(__file__).resolve().parents[3]


def create(run, name: str, **changes: object) -> JobFolder:
    return job_files.create(run.folder.jobs / name, run.train_spec(**changes))


def epochs(run) -> list[int]:
    return [e.epoch for e in TrainingWatch(run.folder).poll().epochs]


def weights(run) -> dict[str, np.ndarray]:
    return read_state(run.folder.checkpoints / "last.npz")[0]


# Two at once


def test_of_two_starts_one_trains_and_the_other_leaves(toy_run):
    jobs = [create(toy_run, f"{n}-train", epochs=1000) for n in (1, 2)]
    processes = [forks.start_engine(job) for job in jobs]
    children.until(lambda: sum(p.poll() is not None for p in processes) == 1)
    children.until(lambda: len(epochs(toy_run)) >= 2)
    loser = next(i for i, p in enumerate(processes) if p.poll() is not None)
    assert processes[loser].returncode == 0
    assert job_files.events(jobs[loser])[-1]["reason"] == "another"
    status = TrainingWatch(toy_run.folder).poll()
    assert (status.state, status.job) == (JobState.RUNNING, str(jobs[1 - loser].path))
    processes[1 - loser].send_signal(signal.SIGTERM)
    assert processes[1 - loser].wait(children.LIMIT) == 0
    left, done = job_files.events(jobs[1 - loser])[-1], epochs(toy_run)[-1]
    assert (left["type"], left["reason"]) == ("exited", "terminated")
    assert read_state(toy_run.folder.checkpoints / "last.npz")[1].pending.epoch.epoch == done
    assert not toy_run.folder.training_lease_path.exists()


def test_a_job_whose_place_was_taken_saves_nothing_more(toy_run):
    """As after a machine slept, and another took the run over."""
    job = create(toy_run, "1-train", epochs=1000)
    process = forks.start_engine(job)
    children.until(lambda: len(epochs(toy_run)) >= 2)
    os.kill(process.pid, signal.SIGSTOP)
    toy_run.folder.training_lease_path.unlink()
    other = Lease(toy_run.folder.training_lease_path, "The run")
    other.acquire()
    os.kill(process.pid, signal.SIGCONT)
    assert process.wait(children.LIMIT) == 0
    assert job_files.events(job)[-1]["reason"] == "another"
    assert other.renew()


# Told to leave


def test_sigterm_in_mid_epoch_leaves_at_once_and_the_epoch_comes_out_the_same(toy_run, here, monkeypatch):
    """Told to leave as the second epoch makes its second step of several, the job makes no other."""
    last = toy_run.folder.checkpoints / "last"
    step, made = Trainer._step, []

    def told_to_leave(trainer, view):
        made.append(trainer.epoch)
        if made.count(2) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(trainer, view)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", told_to_leave)
        left = here(toy_run.folder.jobs / "1-train", toy_run.train_spec(epochs=1000))[-1]
    assert (left["type"], left["reason"]) == ("exited", "terminated")
    assert made.count(1) > made.count(2) == 2
    assert epochs(toy_run) == [1]
    assert read_state(last.with_suffix(".npz"))[1].pending.epoch.epoch == 1
    resume = str(last.with_suffix(".safetensors"))
    here(toy_run.folder.jobs / "2-train", toy_run.train_spec(epochs=1, resume=resume))
    assert epochs(toy_run) == [1, 2]
    resumed = weights(toy_run)
    shutil.rmtree(toy_run.folder.checkpoints)
    here(toy_run.folder.jobs / "3-train", toy_run.train_spec(epochs=2))
    whole = weights(toy_run)
    assert max(float(np.abs(whole[k] - resumed[k]).max()) for k in whole) == 0.0


# Memory and GPU


@pytest.mark.slow
def test_a_full_memory_is_a_sentence_and_the_run_can_go_on(toy_run, monkeypatch, here):
    """The process gets no more address space once it trains; its next large allocation fails, as each asks for some."""
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")  # else what was freed may do for ever
    job = create(toy_run, "1-train", epochs=1000, batch=256)
    with job.output_path.open("ab") as output:  # a real start: malloc reads its settings then
        process = children.start(
            [sys.executable, "-P", "-m", "tui_cytpix.engine", job.path],
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
    children.until(lambda: len(epochs(toy_run)) >= 1)
    resource.prlimit(process.pid, resource.RLIMIT_AS, (1 << 20, resource.RLIM_INFINITY))
    assert process.wait(children.LIMIT) == 1, job.output_path.read_text()
    failed = job_files.events(job)[-1]
    assert failed["type"] == "failed", job.output_path.read_text()
    assert "memory is full" in failed["reason"], job.output_path.read_text()
    assert "smaller steps" in failed["way_out"]
    done = epochs(toy_run)[-1]
    resume = str(toy_run.folder.checkpoints / "last.safetensors")
    here(toy_run.folder.jobs / "2-train", toy_run.train_spec(epochs=2, resume=resume))
    assert epochs(toy_run) == list(range(1, epochs(toy_run)[-1] + 1))
    assert epochs(toy_run)[-1] - done in (2, 3)  # one more where it was saved and not told


@pytest.fixture
def job(tmp_path) -> Job:
    return Job(job_files.create(tmp_path / "job", {"kind": "train"}))


@pytest.mark.parametrize(
    ("error", "reason", "way_out"),
    [
        (MemoryError(), "The memory is full", "smaller steps"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
         "The memory is full", "smaller steps"),
        (RuntimeError("std::bad_alloc"), "The memory is full", "smaller steps"),
        (RuntimeError("could not create a primitive"), "The memory is full", "smaller steps"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"), "GPU's memory", "device cpu"),
        (RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might"),
         "The GPU failed: CUDA error: an illegal memory access was encountered.", "device cpu"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "The GPU failed", "device cpu"),
        (KeyError("x"), "KeyError", "fault of tui-cytpix"),
    ],
)  # fmt: skip
def test_failures_are_told_in_sentences(job, error, reason, way_out):
    told = in_words(error, job)
    assert reason in told[0]
    assert "\n" not in told[0]
    assert way_out in told[1]


def test_processing_that_fills_a_gpu_can_do_with_fewer_threads(tmp_path):
    spec = {"kind": "process", "samples": [], "model": "m", "out": "o"}
    reason, way_out = in_words(
        torch.OutOfMemoryError("CUDA out of memory."), Job(job_files.create(tmp_path / "job", spec))
    )
    assert (reason, way_out) == ("The GPU's memory is full.", "Use fewer threads, or another GPU, or the device cpu.")


def fake_gpus(monkeypatch, free_gb: list[float]) -> None:
    """As many GPUs as numbers, with so much memory free."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(free_gb))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free_gb))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (int(free_gb[number] * 1e9), int(80e9)))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda chosen: f"Fake {chosen.index}")
    monkeypatch.setattr(torch, "zeros", lambda *_args, **_options: SimpleNamespace())


def test_the_gpu_with_the_most_room_is_taken_and_full_ones_are_left_alone(monkeypatch):
    assert device.usable_device("auto", 1) == (torch.device("cpu"), "")
    fake_gpus(monkeypatch, [3.0, 40.0])
    assert device.usable_device("auto", 1) == (torch.device("cuda:1"), "")
    assert device.device_name(torch.device("cuda:1")) == "Fake 1"
    assert device.usable_device("cpu", 1) == (torch.device("cpu"), "")
    fake_gpus(monkeypatch, [0.3, 0.5])
    chosen, note = device.usable_device("auto", 1)
    assert chosen == torch.device("cpu")
    assert "GPU 0 has 0.3 GB free, GPU 1 has 0.5 GB free" in note
    assert "CPU" in note
    chosen, note = device.usable_device("cuda:1", 1)
    assert chosen == torch.device("cuda:1")
    assert "only 0.5 GB free" in note


def test_several_processes_are_divided_among_gpus_with_room(monkeypatch):
    fake_gpus(monkeypatch, [40.0, 3.0, 70.0, 80.0])
    for wanted in ("auto", "cuda"):
        chosen = [device.usable_device(wanted, 1, place)[0].index for place in range(5)]
        assert chosen == [3, 2, 0, 3, 2]
    assert device.usable_device("cuda:1", 1, 4)[0].index == 1
    assert device.usable_device("cuda", 1)[0].index is None
    fake_gpus(monkeypatch, [0.3, 0.5])
    assert device.usable_device("auto", 1, 3)[0].type == "cpu"


def test_a_gpu_computes_the_same_each_time_and_float32_as_such(monkeypatch):
    torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.allow_tf32 = True
    device.usable_device("cpu", 1)
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32


def test_a_gpu_that_would_emulate_bfloat16_computes_in_float32(monkeypatch):
    for capability, fast in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device, told=capability: told)
        assert has_bf16(torch.device("cuda")) is fast


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    with pytest.raises(JobError, match="can't be used"):
        device.usable_device("cuda", 1)


# The disk


def test_a_full_disk_is_waited_for_and_told(toy_run, monkeypatch, tmp_path):
    """Files may not grow beyond a size, as on a full disk, until room is made; the job is another process."""
    job = create(toy_run, "1-train", epochs=6)
    process = forks.start_engine(job)
    children.until(lambda: len(epochs(toy_run)) >= 1)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY))
    children.until(lambda: TrainingWatch(toy_run.folder).poll().message)
    waiting = TrainingWatch(toy_run.folder).poll()
    assert waiting.state is JobState.PAUSED
    assert waiting.live
    assert "disk is full" in waiting.message
    assert str(toy_run.folder.path) in waiting.message
    seen = len(waiting.epochs)
    time.sleep(1.0)
    assert len(TrainingWatch(toy_run.folder).poll().epochs) == seen
    assert process.poll() is None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert process.wait(children.LIMIT) == 0
    status = TrainingWatch(toy_run.folder).poll()
    assert status.state is JobState.FINISHED
    assert status.message == ""
    assert [json.loads(line)["epoch"] for line in job.events_path.read_text().splitlines() if '"epoch",' in line] == [
        1, 2, 3, 4, 5, 6,
    ]  # fmt: skip
    assert not list(toy_run.folder.path.rglob("*.part"))


def test_sigterm_ends_a_job_that_waits_for_the_disk(toy_run):
    job = create(toy_run, "1-train", epochs=1000)
    process = forks.start_engine(job)
    children.until(lambda: len(epochs(toy_run)) >= 1)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY))
    children.until(lambda: job.note)
    process.send_signal(signal.SIGTERM)
    process.wait(children.LIMIT)
    assert TrainingWatch(toy_run.folder).poll().state in (JobState.LOST, JobState.STOPPED)
    assert read_state(toy_run.folder.checkpoints / "last.npz")[1].pending.epoch.epoch >= 1


# Few checkpoints


@pytest.mark.parametrize("reached", [10, 100, 225, 230, 1000, 10_000])
def test_a_run_keeps_few_checkpoints_however_long_it_trains(tmp_path, reached):
    for epoch in range(1, reached + 1):
        if epoch % spacing(epoch) == 0:
            (tmp_path / f"epoch-{epoch:04d}.safetensors").touch()
        thin(tmp_path, epoch)
    kept = sorted(int(p.stem.removeprefix("epoch-")) for p in tmp_path.iterdir())
    assert len(kept) <= MOST
    assert len(kept) >= min(MOST // 2, reached // SPARSE)
    assert all(number % spacing(reached) == 0 for number in kept)
