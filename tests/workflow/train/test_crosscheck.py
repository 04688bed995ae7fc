"""What a cross-check says, and of which annotations it still holds."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import numpy as np
import pytest

from tests import job_files
from tui_cytpix.domain.jobs.events import Finished, Paused, Progress, Started
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.domain.jobs.training import CrossCheck, CrossChecked, Epoch, JobState
from tui_cytpix.domain.jobs.wishes import Check, Reload
from tui_cytpix.domain.run_settings import BaseModelSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import control, crosscheck
from tui_cytpix.workflow.train.progress import in_words
from tui_cytpix.workflow.train.watch import TrainingWatch

DRAWN = Segmentation(np.eye(9, dtype=bool), np.array([[4, 4]], np.float32))
KEYS = [ImageKey("ab"[n >= 8], str(n)) for n in range(12)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    with Run.create(tmp_path / "r") as run:
        for key in KEYS:
            run.record_edit(key, "propose", DRAWN, origin="masks")
            run.record_edit(key, "accept")
        yield run


def checked(given, found, accuracy, sure=0.8):
    return CrossCheck(given, found, accuracy, sure, DRAWN.digest())


def told(run, images):
    job = jobs.create(run.folder.jobs, TrainSpec(epochs=10))
    job.emit(Started(host=socket.gethostname(), pid=1, device="cpu", target=10))
    job.emit(Epoch(10, 0.5, 0.9, 0.8, 1.0, 10, 2, target=10))
    job.emit(CrossChecked(images, 5, 10, run.settings.base_model.hash, "cell-full"))
    job.emit(Finished(10))
    return TrainingWatch(run.folder).poll()


def test_all_images_classes_and_samples_of_five_and_more_are_told(run):
    images = {key: checked(1, 1, 0.9) for key in KEYS}
    images |= {key: checked(2, 2, 0.8) for key in KEYS[:5]}
    images[KEYS[0]] = checked(2, 1, 0.4)
    found = crosscheck.tallies(told(run, images), run.annotations)
    assert [(one.name, one.images, one.right) for one in found] == [
        ("all", 12, 11),
        ("single", 7, 7),
        ("two", 5, 4),
        ("a", 8, 7),
        ("b", 4, 4),
    ]
    assert [one.kind for one in found] == ["all", "class", "class", "sample", "sample"]
    assert found[0].accuracy == pytest.approx((7 * 0.9 + 4 * 0.8 + 0.4) / 12)
    assert all(0 <= one.interval[0] < one.accuracy <= one.interval[1] <= 1 for one in found[:4])
    assert found[4].interval is None  # of four images
    words = crosscheck.in_words(told(run, images), run.annotations)
    assert words[0].startswith(
        "Cross-check (5 models of 10 epochs from cell-full): all: accuracy 0.83 (95 % confidence 0.69 to 0.90), "
        "11 of 12 counts right; single: accuracy 0.90 (95 % confidence 0.7"
    )
    assert "; two: accuracy 0.72" in words[0]
    assert "; b: accuracy 0.90, 4 of 4 counts right" in words[0]


def test_what_is_annotated_otherwise_since_no_longer_counts(run):
    status = told(run, {key: checked(1, 1, 0.9) for key in KEYS})
    assert len(crosscheck.in_force(status, run.annotations)) == 12
    run.record_edit(KEYS[0], "reopen")
    drawn = Segmentation(DRAWN.mask, np.array([[4, 4], [6, 6]], np.float32))
    run.record_edit(KEYS[1], "count", drawn)
    assert set(crosscheck.in_force(status, run.annotations)) == set(KEYS[2:])
    assert "without 1 that are new, changed" in crosscheck.in_words(status, run.annotations)[0]
    run.record_edit(KEYS[1], "undo", of=run.annotations.undo_target(KEYS[1]).seq)
    assert set(crosscheck.in_force(status, run.annotations)) == set(KEYS[1:])
    for key in KEYS:
        run.record_edit(key, "reopen")
    assert crosscheck.in_words(status, run.annotations) == []


def test_how_far_it_is_is_told_while_it_is_at_work(run, monkeypatch):
    job = jobs.create(run.folder.jobs, TrainSpec(epochs=10))
    job.emit(Started(device="cpu", target=10))
    job.beat()
    job.emit(Epoch(10, 0.5, 0.9, 0.8, 1.0, 10, 2, target=10))
    job.emit(Progress(30, 150, "cross-check"))
    status = TrainingWatch(run.folder).poll()
    assert (status.state, status.checking) == (JobState.RUNNING, (30, 150))
    assert in_words(status) == "Trained 10 epochs, cross-check 20%"
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("tui_cytpix.formats.run.job.time.time", lambda: now + 2)
        job.emit(Progress(40, 150, "cross-check"))
    status = TrainingWatch(run.folder).poll()
    assert status.eta_seconds == pytest.approx(22, rel=0.05)
    assert in_words(status) == "Trained 10 epochs, cross-check 27%, 22 s left"
    job.emit(Paused(10))
    assert in_words(TrainingWatch(run.folder).poll()).startswith("Paused at epoch 10 of 10, cross-check 27%")
    job.emit(Progress(150, 150, "cross-check"))
    assert TrainingWatch(run.folder).poll().checking == (0, 0)


def test_it_is_complete_where_it_holds_for_every_annotation(run):
    assert not crosscheck.complete(run, TrainingWatch(run.folder).poll())
    assert not crosscheck.complete(run, told(run, {key: checked(1, 1, 0.9) for key in KEYS[1:]}))
    status = told(run, {key: checked(1, 1, 0.9) for key in KEYS})
    assert crosscheck.complete(run, status)
    longer = replace(status, epochs=(Epoch(40, 0.5, 0.9, 0.8, 1.0, 10, 2, target=40),))
    assert not crosscheck.complete(run, longer)  # its models trained for ten epochs
    run.record_edit(KEYS[1], "reopen")
    run.record_edit(KEYS[1], "accept")
    assert crosscheck.complete(run, status)
    run.update(replace(run.settings, base_model=BaseModelSettings("another", "sha256:00")))
    assert not crosscheck.complete(run, status)


def test_it_is_asked_of_training_at_work_or_started_for_itself(run, model_file, monkeypatch):
    monkeypatch.setattr(jobs, "start", lambda job: None)
    library.choose(run, library.entry(model_file()))
    told(run, {})
    control.check(run)
    (job,) = [one for one in jobs.of_kind(run.folder.jobs, "train") if one.spec.epochs == 0]
    assert (job.spec.resume, job.spec.check) == ("", True)
    status = TrainingWatch(run.folder).poll()
    assert status.epoch == 10  # the curve stays: nothing was begun anew
    job.emit(Started(device="cpu"))
    job.beat()
    control.check(run)
    assert job_files.bare(job.new_wishes().new()) == [Reload(), Check()]


def test_a_training_may_do_without(run, model_file, monkeypatch):
    monkeypatch.setattr(jobs, "start", lambda job: None)
    library.choose(run, library.entry(model_file()))
    first = control.start(run, 5)
    assert first.spec.check
    first.emit(Finished(5))
    assert not control.start(run, 5, check=False).spec.check
