"""The process job's workers: their number changes nothing, and a lost one is told."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests import children, job_files
from tui_cytpix.core.features.measurement import image_features
from tui_cytpix.core.features.table import names
from tui_cytpix.engine.jobs.tube import CHUNK, chunk_sizes
from tui_cytpix.engine.network.model import load_model, save_model
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.formats.sample.background import sample_background
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.simulate import write

ROOT = Path(__file__).resolve().parents[3]
IMAGES = 150  # more than two chunks


@pytest.fixture(scope="module")
def tube(tmp_path_factory, toys):
    base = tmp_path_factory.mktemp("workers")
    write("beads", base / "tube.acs", IMAGES, "acs", 5)
    model = toys.model(seed=2)
    save_model(base / "tiny.safetensors", model.net, model.card)
    return base


def start(base, out, threads):
    spec = {
        "kind": "process",
        "samples": [{"name": "tube", "path": str(base / "tube.acs"), "um_per_px": 0.3}],
        "model": str(base / "tiny.safetensors"),
        "out": str(out),
        "formats": ["fcs", "csv"],
        "device": "cpu",
        "threads": threads,
    }
    job = job_files.create(out / ".job" / "process", spec)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return job, children.start(
        [sys.executable, "-P", "-m", "tui_cytpix.engine", str(job.path)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def done(tube):
    """Output folders by number of workers."""
    found = {}
    for threads in (1, 2):
        job, process = start(tube, tube / f"out-{threads}", threads)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert job_files.events(job)[-1]["processed"] == IMAGES
        assert next(e for e in job_files.events(job) if e["type"] == "started")["threads"] == threads
        found[threads] = tube / f"out-{threads}"
    return found


@pytest.mark.slow
def test_one_worker_and_two_write_the_same(done):
    for name in ("tube.events.csv", "tube.particles.csv"):
        assert (done[1] / name).read_bytes() == (done[2] / name).read_bytes()
    ours, theirs = read_fcs(done[1] / "tube.fcs"), read_fcs(done[2] / "tube.fcs")
    assert ours.names == theirs.names
    for name in ours.names:
        np.testing.assert_array_equal(ours.column(name), theirs.column(name))


def test_tables_hold_what_each_image_gives_by_itself(tube, done):
    """Image by image, whole masks and the one-image functions, against chunks, parts and many at once."""
    predictor = Predictor(load_model(tube / "tiny.safetensors"))
    with (done[2] / "tube.events.csv").open() as file:
        rows = list(csv.DictReader(file))
    with open_sample(tube / "tube.acs", 0.3) as reader:
        assert [row["Event"] for row in rows] == list(reader.event_ids)
        background = sample_background(reader)
        for row in rows[::10]:
            gray = reader.read_image(row["Event"])
            found, _ = predictor.predict([(gray, background)], 0.3)[0]
            wanted = image_features(gray, found.mask, found.centroids, 0.3, background, found.confidence)
            written = [float(row[name] or "nan") for name in names("image")]
            np.testing.assert_allclose(written, list(wanted.values()), rtol=1e-5, atol=1e-6)


def workers_of(pid):
    """Workers: forks of the process that Python's forkserver is."""
    servers = [c for c in children_of(pid) if b"forkserver" in Path(f"/proc/{c}/cmdline").read_bytes()]
    return [worker for server in servers for worker in children_of(server)]


def children_of(pid):
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def gone(pid):
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


@pytest.mark.slow
def test_a_killed_worker_fails_the_job_and_leaves_nothing_half_written(tube, tmp_path):
    job, process = start(tube, tmp_path / "out", 2)
    wait_for(lambda: workers_of(process.pid))
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert job_files.events(job)[-1]["type"] == "failed"
    assert "worker" in job_files.events(job)[-1]["reason"], errors
    assert [p.name for p in (tmp_path / "out").iterdir()] == [".job"]


@pytest.mark.parametrize("whole_group", [False, True])
def test_told_to_leave_it_leaves_with_its_workers(tube, tmp_path, whole_group):
    job, process = start(tube, tmp_path / "out", 2)
    wait_for(lambda: len(workers_of(process.pid)) == 2)
    workers = workers_of(process.pid)
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert job_files.events(job)[-1]["type"] == "exited"
    wait_for(lambda: all(gone(worker) for worker in workers))
    assert [p.name for p in (tmp_path / "out").iterdir()] == [".job"]


def test_workers_go_when_the_job_is_killed(tube, tmp_path):
    _, process = start(tube, tmp_path / "out", 2)
    wait_for(lambda: len(workers_of(process.pid)) == 2)
    workers = workers_of(process.pid)
    process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: all(gone(worker) for worker in workers))


@pytest.mark.parametrize(("images", "workers"), [(0, 2), (1, 2), (40, 1), (4000, 2), (4001, 16), (100_000, 3)])
def test_chunks_hold_every_image_once_and_shrink_so_that_workers_end_together(images, workers):
    sizes = list(chunk_sizes(images, workers, 248 * 248))
    assert sum(sizes) == images
    assert sizes == sorted(sizes, reverse=True)
    assert all(1 <= size <= CHUNK for size in sizes)
    assert all(sum(sizes[place:]) >= workers * size for place, size in enumerate(sizes) if size > 64)


def test_few_images_still_go_to_several_workers():
    assert list(chunk_sizes(100, 4, 248 * 248)) == [32, 32, 32, 4]


def test_large_frames_go_to_a_worker_in_smaller_chunks():
    sizes = list(chunk_sizes(1000, 2, 2048 * 2048))
    assert sum(sizes) == 1000
    assert max(sizes) * 2048**2 <= 256**3
    assert set(chunk_sizes(2, 2, 10**9)) == {1}
