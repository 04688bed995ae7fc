"""Tubes of a process job, done one by one: again, by several jobs at once, killed at any moment."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import random
import shutil
import signal
import time

import numpy as np
import pytest
import torch

from tests import job_files
from tests.tubes import contents, small_tubes
from tui_cytpix.engine.jobs import process
from tui_cytpix.engine.jobs.job import Leave, run_job
from tui_cytpix.engine.network.model import save_model
from tui_cytpix.engine.process import tube_parts, worker
from tui_cytpix.engine.process.tube_parts import TubeParts
from tui_cytpix.engine.process.worker import ChunkResult
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.outputs.registry import OUTPUTS
from tui_cytpix.formats.run.tube_records import in_use, lease_of, make_room, part_lease, parts_of

TUBES = 4


class WorkersHere:
    """In the place of the pool: as what is tried is what becomes of tubes, and processes that load torch take long."""

    number, on_gpu = 1, False

    def __init__(self, _job, settings, _number) -> None:
        worker._State.settings, worker._State.predictor = settings, None
        worker._State.reader = worker._State.opened = None

    def __enter__(self):
        return self

    def __exit__(self, *_error) -> None:
        if worker._State.reader is not None:
            worker._State.reader.close()
        worker._State.reader = None

    def describe(self):
        return worker.describe()

    def results(self, chunks):
        for chunk in chunks:
            yield chunk, worker.process(chunk)


@pytest.fixture(scope="module")
def base(tmp_path_factory, toys):
    """Tubes and a model, `spec` of a job on them; and what comes out, in the folder `alone`."""
    folder = tmp_path_factory.mktemp("tubes")
    model = toys.model(seed=2)
    save_model(folder / "tiny.safetensors", model.net, model.card)
    other = toys.model(seed=3)
    save_model(folder / "other.safetensors", other.net, other.card)
    return folder, small_tubes(folder, TUBES)


@pytest.fixture
def batch(base, tmp_path, here, monkeypatch):
    """Runs a job on the tubes into a folder; gives the job's last line."""
    folder, tubes = base
    monkeypatch.setattr(process, "Workers", WorkersHere)
    torch.set_num_threads(1)
    jobs = iter(range(1, 100))

    def run(out="out", **changes):
        at = tmp_path / out
        events = here(at / ".job" / f"{next(jobs)}-process", spec_of(folder, tubes, at, **changes))
        assert events[-1]["type"] == "finished", events[-1]
        return {**events[-1], "log": [event["text"] for event in events if event["type"] == "log"]}

    run.out = tmp_path / "out"
    return run


def spec_of(folder, tubes, out, **changes):
    usual = {"kind": "process", "samples": tubes, "model": str(folder / "tiny.safetensors"), "out": str(out)}
    return {**usual, "size_cutoff_um": 5.0, "device": "cpu", "threads": 1, **changes}


def record(out, name="t0"):
    return json.loads((out / f"{name}.process.json").read_text())


def written(out):
    """When each file was made that is there."""
    return {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file() and path.name[0] == "t"}


def test_what_is_done_again_elsewhere_is_equal_to_the_byte_but_for_times(batch):
    batch("out")
    batch("again")
    found = contents(batch.out)
    assert found == contents(batch.out.parent / "again")
    assert len(found) == 4 * TUBES + 1  # no temporary file among them
    assert record(batch.out)["outputs"].keys() == {"t0.events.csv", "t0.particles.csv", "t0.fcs"}
    assert sum(record(batch.out)["counts"]["ParticleCount"].values()) == record(batch.out)["images"] == 6


def test_an_fcs_does_not_depend_on_what_else_is_processed(batch, base):
    batch("out")
    batch("one", samples=base[1][2:3])
    together, alone = contents(batch.out), contents(batch.out.parent / "one")
    assert {name: together[name] for name in alone if name.startswith("t2.")} == {
        name: content for name, content in alone.items() if name != "process.json"
    }


def test_what_is_done_stays_and_is_told_until_it_is_forced(batch, monkeypatch):
    first = batch()
    before = written(batch.out)
    monkeypatch.setattr(process, "Workers", None)  # none is started where nothing is to be done
    second = batch()
    assert (second["already"], second["processed"], second["outputs"]) == (TUBES, 0, first["outputs"])
    assert f"{TUBES} of {TUBES} samples are done already" in second["log"][0]
    assert written(batch.out) == before
    monkeypatch.setattr(process, "Workers", WorkersHere)
    assert batch(force=True)["already"] == 0
    assert all(time_ > before[name] for name, time_ in written(batch.out).items())


@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({"size_cutoff_um": 3.0}, TUBES),
        ({"prefix": "My_"}, TUBES),
        ({"zoom": 2.0}, TUBES),
        ({"gate": "cells"}, TUBES),
        ({"model": "other"}, TUBES),
        ({"threads": 2, "device": "auto", "formats": ["csv"]}, 0),
    ],
)
def test_with_another_model_or_option_it_is_done_again(batch, base, changes, again):
    batch()
    if "model" in changes:
        changes = {"model": str(base[0] / "other.safetensors")}
    assert batch(**changes)["already"] == TUBES - again


def test_other_images_or_another_fcs_are_processed_and_a_touched_file_is_not(batch, tmp_path, toys):
    sample = tmp_path / "s"
    toys.write_sample(sample, 3)
    one = {"samples": [{"name": "t", "path": str(sample)}], "formats": ["csv"]}
    batch(**one)
    os.utime(sample / "000.png", (1, 1))
    assert batch(**one)["already"] == 1
    shutil.copy(sample / "001.png", sample / "000.png")
    assert batch(**one)["already"] == 0
    assert any("made from other images" in note for note in record(batch.out, "t")["notes"])
    shutil.copy(batch.out.parent / "s" / "002.png", tmp_path / "kept.png")
    (batch.out / "t.events.csv").unlink()
    assert batch(**one)["already"] == 0
    assert (batch.out / "t.events.csv").is_file()


def test_another_format_of_the_same_work_joins_and_what_was_made_otherwise_goes(batch, base):
    one = {"samples": base[1][:1]}
    batch(**one, formats=["csv"])
    batch(**one, formats=["coco"])
    assert record(batch.out)["outputs"].keys() == {"t0.events.csv", "t0.particles.csv", "t0.coco.json"}
    assert batch(**one, formats=["coco", "csv"])["already"] == 1
    said = batch(**one, formats=["csv"], size_cutoff_um=2.0)["log"]
    assert record(batch.out)["outputs"].keys() == {"t0.events.csv", "t0.particles.csv"}
    assert not (batch.out / "t0.coco.json").exists()
    assert any("t0.coco.json was made otherwise" in line for line in said)


def test_a_record_of_an_earlier_build_is_no_reason_to_skip(batch, base):
    one = {"samples": base[1][:1]}
    batch(**one)
    known = record(batch.out)
    for added in ("asked", "outputs", "files", "fcs", "counts"):
        del known[added]
    (batch.out / "t0.process.json").write_text(json.dumps(known))
    assert batch(**one)["already"] == 0
    assert record(batch.out)["asked"]["prefix"] == "UDT_"


def test_a_tube_that_failed_is_tried_again_and_one_that_is_done_is_not_lost_to_a_failure(batch, base, tmp_path):
    path = tmp_path / "moved.acs"
    one = {"samples": [{"name": "t", "path": str(path)}]}
    assert [f["sample"] for f in batch(**one)["failures"]] == ["t"]
    assert not record(batch.out, "t")["done"]
    shutil.copy(base[1][0]["path"], path)
    assert not batch(**one)["failures"]
    path.unlink()
    assert batch(**one)["failed"] == 1
    assert record(batch.out, "t")["done"]
    shutil.copy(base[1][0]["path"], path)
    assert batch(**one)["already"] == 1


def test_labels_of_a_sheet_go_into_the_record_of_a_tube_that_is_done(batch, base):
    one = base[1][0]
    batch(samples=[one])
    assert batch(samples=[{**one, "labels": {"well": "A1"}}])["already"] == 1
    assert json.loads((batch.out / "process.json").read_text())["samples"][0]["labels"] == {"well": "A1"}


def test_a_tube_that_another_job_is_at_is_left_to_it(batch):
    make_room(batch.out)
    lease = lease_of(batch.out, "t1")
    lease.acquire()
    found = batch()
    assert (found["elsewhere"], found["processed"]) == (["t1"], 6 * (TUBES - 1))
    assert any("t1: another job is at it" in line for line in found["log"])
    assert not (batch.out / "t1.fcs").exists()
    assert lease.renew()
    lease.release()
    assert batch()["already"] == TUBES - 1


ALL = [name for name, output in OUTPUTS.items() if not output.package or importlib.util.find_spec(output.package)]


@pytest.fixture
def in_parts(monkeypatch):
    """Each tube has three parts."""
    monkeypatch.setattr(tube_parts, "PART", 2)


def test_a_tube_that_is_made_in_parts_is_as_one_that_is_not(batch, base, monkeypatch):
    one = {"samples": base[1][:1], "formats": ["fcs", *ALL]}
    batch("alone", **one)
    monkeypatch.setattr(tube_parts, "PART", 2)
    kept, keep = [], TubeParts.keep
    monkeypatch.setattr(TubeParts, "keep", lambda parts, part, found: (kept.append(part), keep(parts, part, found)))
    assert batch(**one)["processed"] == 6
    assert kept == [0, 1, 2]
    assert tables(batch.out) == tables(batch.out.parent / "alone")
    assert not parts_of(batch.out, "t0").exists()


def tables(out):
    """Contents of an output folder; of AnnData without the time that HDF5 gives each object."""
    found = contents(out)
    return {name: content for name, content in found.items() if not name.endswith(".h5ad")}


@pytest.mark.usefixtures("in_parts")
def test_several_jobs_make_a_tube_in_parts_and_the_last_puts_it_together(batch, base):
    one = {"samples": base[1][:1]}
    batch("alone", **one)
    make_room(batch.out)
    parts_of(batch.out, "t0").mkdir(parents=True)
    other = part_lease(batch.out, "t0", 1)
    other.acquire()
    first = batch(**one)
    assert (first["elsewhere"], first["processed"], first["outputs"]) == (["t0"], 0, [])
    assert sorted(path.name for path in parts_of(batch.out, "t0").iterdir()) == ["0", "1.lease", "2"]
    assert in_use(batch.out, "t0")
    other.release()
    assert not in_use(batch.out, "t0")
    last = batch(**one)
    assert (last["elsewhere"], last["processed"]) == ([], 6)
    assert contents(batch.out) == contents(batch.out.parent / "alone")
    assert batch(**one)["already"] == 1


@pytest.mark.usefixtures("in_parts")
def test_a_tube_goes_on_where_it_was_killed_unless_it_is_other_work(batch, base, monkeypatch):
    one = {"samples": base[1][:1]}
    batch("alone", **one)
    seen, process_ = [], worker.process

    def killed(chunk):
        if len(seen) == 2:
            raise Leave("terminated")
        seen.append(chunk.events)
        return process_(chunk)

    monkeypatch.setattr(worker, "process", killed)
    job = job_files.create(batch.out / ".job" / "99-process", spec_of(*base, batch.out, **one))
    run_job(job.path)
    assert job_files.events(job)[-1]["type"] == "exited"
    assert sorted(path.name for path in parts_of(batch.out, "t0").iterdir()) == ["0", "1"]
    monkeypatch.setattr(worker, "process", lambda chunk: (seen.append(chunk.events), process_(chunk))[1])
    batch(**one)
    assert len(seen) == 3
    assert contents(batch.out) == contents(batch.out.parent / "alone")
    cut = tube_parts.TubeParts(batch.out, "t0", "other work", 6)
    cut.lease(0)
    cut.keep(0, [])
    batch(**one, size_cutoff_um=3.0)
    assert len(seen) == 6


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:-1] + b"\xc1"])
def test_a_damaged_part_is_told_and_made_again(tmp_path, damage):
    parts = TubeParts(tmp_path, "t", "work", 2)
    parts.lease(0)
    parts.keep(0, [ChunkResult(["", ""], ["a", "b"], np.ones((2, 3), np.float32), [1.0, math.nan])])
    path = parts_of(tmp_path, "t") / "0"
    (found,) = parts.results(0)
    assert (found.digests, found.values.tolist(), found.levels[0]) == (["a", "b"], [[1.0] * 3] * 2, 1.0)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CytpixError, match="damaged"):
        list(parts.results(0))
    assert parts.missing() == [0]


@pytest.mark.parametrize("part", [tube_parts.PART, 2])
def test_killed_at_any_moment_a_batch_ends_as_one_that_nobody_killed(batch, base, tmp_path, monkeypatch, part):
    """A job is killed as often as it takes until one comes to its end."""
    began = time.monotonic()
    batch("alone")
    usual = time.monotonic() - began
    monkeypatch.setattr(tube_parts, "PART", part)
    killed, rng, jobs, kills = tmp_path / "killed", random.Random(5), 0, 0
    while not _to_its_end(base, killed, jobs := jobs + 1, rng.uniform(0, usual) if kills < 6 else 300.0):
        assert kills < 6, "a job that nobody kills comes to no end"
        kills += 1
    assert kills
    assert contents(killed) == contents(tmp_path / "alone")


def _to_its_end(base, out, number, seconds) -> bool:
    """Starts a job in a process group of its own and kills it after a time; whether it was done before."""
    job = job_files.create(out / ".job" / f"{number}-process", spec_of(*base, out))
    pid = os.fork()  # torch is loaded
    if not pid:
        with contextlib.suppress(BaseException):
            os.setsid()
            torch.set_num_threads(1)
            run_job(job.path)
        os._exit(0)
    limit = time.monotonic() + seconds
    try:
        while time.monotonic() < limit:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return job_files.events(job)[-1]["type"] == "finished"
            time.sleep(0.002)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    return False
