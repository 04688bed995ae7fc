"""Training from the outside: the curve over several jobs, wishes, and the finished model."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import children, job_files
from tests.divided import nothing
from tui_cytpix.domain.jobs.events import Best, Counts, Exited, Started, Stopped, ZoomChosen
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.domain.jobs.training import Epoch, JobState
from tui_cytpix.domain.jobs.wishes import AddEpochs, Pause, Reload, Resume, Stop
from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.zoom import By
from tui_cytpix.errors import ModelFileError, RunError
from tui_cytpix.formats.model.file import read_card, write_model
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.resources import user_models
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import control, finish
from tui_cytpix.workflow.train.watch import LiveLooks, TrainingWatch

DRAWN = Segmentation(np.eye(9, dtype=bool), np.array([[4, 4]], np.float32))


@pytest.fixture
def run(tmp_path):
    with Run.create(tmp_path / "r") as run:
        yield run


def started(run, epochs=10, pid=None, after=0):
    job = jobs.create(run.folder.jobs, TrainSpec(epochs=epochs, resume="last" if after else ""))
    job.emit(Started(host=socket.gethostname(), pid=pid or os.getpid(), device="cpu", target=after + epochs))
    return job


def epoch(job, number, va=0.5, target=10, seconds=2.0):
    job.emit(Epoch(number, 1 / number, 0.6, va, seconds, 8, 2, target=target))


def annotated(run, images=10):
    for n in range(images):
        run.record_edit(ImageKey("s", str(n)), "place", DRAWN)
        run.record_edit(ImageKey("s", str(n)), "accept")


def test_nothing_is_trained_yet(run):
    assert TrainingWatch(run.folder).poll().state is None
    for wish in (control.pause, control.stop):
        with pytest.raises(RunError, match="No training is at work"):
            wish(run)
    with pytest.raises(RunError, match="nothing is trained yet"):
        finish.finish(run, "new")
    assert finish.checkpoints(run) == {}


def test_the_curve_goes_over_all_jobs_and_a_repeated_epoch_counts_once(run, living):
    first = started(run)
    watch = TrainingWatch(run.folder)
    for n in (1, 2, 3):
        epoch(first, n, va=n / 10)
    assert [e.epoch for e in watch.poll().epochs] == [1, 2, 3]
    first.emit(Best(epoch=2))
    second = started(run, epochs=7, pid=living.pid, after=3)
    epoch(second, 3, va=0.9)  # told again after a crash between saving and telling
    epoch(second, 4)
    status = watch.poll()
    assert [(e.epoch, e.va) for e in status.epochs] == [(1, 0.1), (2, 0.2), (3, 0.9), (4, 0.5)]
    assert (status.state, status.target, status.best_epoch, status.device) == (JobState.RUNNING, 10, 2, "cpu")
    assert status.eta_seconds == pytest.approx(6 * 2.0)
    assert status == TrainingWatch(run.folder).poll()
    assert status.live


def test_training_from_the_base_anew_begins_a_new_curve(run):
    first = started(run)
    epoch(first, 1)
    epoch(first, 2)
    again = started(run)
    epoch(again, 1, va=0.7)
    assert [(e.epoch, e.va) for e in TrainingWatch(run.folder).poll().epochs] == [(1, 0.7)]


def test_flips_come_with_the_most_restless_first(run):
    job = started(run)
    for number, (a, b, c) in enumerate([(1, 1, 2), (2, 1, 2), (1, 2, 2)], 1):
        job.emit(Counts(epoch=number, scope="annotated", counts={"s:a": a, "s:b": b, "s:c": c}))
    flips = TrainingWatch(run.folder).poll().flips
    assert [(str(f.image), f.flips) for f in flips] == [("s:a", 2), ("s:b", 1)]


def test_a_correction_ends_what_was_contradicted_before(run):
    """An annotation of 2 that is counted 1 is corrected to 1; another stays, though it is counted right for once."""
    job = started(run)
    for number in range(1, 4):
        wrong = {"s:1": (2, 0.9), "s:2": (2, 0.8)}
        job.emit(Counts(epoch=number, scope="annotated", counts={"s:1": 1, "s:2": 1}, contradicted=wrong))
    job.emit(Counts(epoch=4, scope="annotated", counts={"s:1": 1, "s:2": 2}, contradicted={}))
    (found,) = TrainingWatch(run.folder).poll().contradictions
    assert (str(found.image), found.given, len(found.looks)) == ("s:2", 2, 3)
    job.emit(Counts(epoch=5, scope="annotated", counts={"s:1": 1, "s:2": 1}, contradicted={"s:2": (3, 0.8)}))
    (found,) = TrainingWatch(run.folder).poll().contradictions
    assert (found.given, found.looks) == (3, ((5, 1, 0.8),))
    job.emit(Counts(epoch=6, scope="annotated", counts={"s:1": 1}, contradicted={}))
    assert TrainingWatch(run.folder).poll().contradictions == ()


def test_looks_at_another_size_begin_anew_and_the_log_says_so(run):
    job = started(run)
    job.emit(ZoomChosen(times=1.5, by=By.SET))
    job.emit(Counts(epoch=1, counts={"s:1": 1}))
    watch = TrainingWatch(run.folder)
    job.emit(ZoomChosen(times=2.5, by=By.SET))
    job.emit(Counts(epoch=2, counts={"s:1": 2}))
    assert watch.poll().flips == ()
    job.emit(ZoomChosen(times=2.5, by=By.SET))
    job.emit(Counts(epoch=3, counts={"s:1": 1}))
    (flip,) = watch.poll().flips
    assert flip.history == ((2, 2), (3, 1))
    said = [line.partition(" ")[2] for line in watch.poll().log]
    assert said[-3:] == [
        "images seen 1.5 times as large (unknown scale; as set)",
        "images of unknown scale were seen 1.5 times as large before",
        "images seen 2.5 times as large (unknown scale; as set)",
    ]


def test_the_last_look_stays_until_the_job_that_goes_on_has_looked(run):
    key, looks = ImageKey("s", "1"), LiveLooks()
    for number, particles in ((5, 1), (10, 2)):
        job = started(run, after=number - 5)
        epoch(job, number - 4)
        looks.refresh(TrainingWatch(run.folder).poll())
        seen = looks.get(key)
        assert (seen and seen.particle_count) == (particles - 1 or None)
        seen = Segmentation(DRAWN.mask, np.full((particles, 2), 4, np.float32))
        write_shard(job.path / "looks", "preview", [Prediction(key, seen)])
        job.emit(Counts(epoch=number, counts={"s:1": particles}))
        looks.refresh(TrainingWatch(run.folder).poll())
        assert looks.get(key).particle_count == particles


def test_a_lost_job_says_so(run):
    dead = children.start([sys.executable, "-c", ""])
    dead.wait(children.LIMIT)
    job = started(run, pid=dead.pid)
    job.output_path.write_text("Killed\n")
    status = TrainingWatch(run.folder).poll()
    assert status.state is JobState.LOST
    assert "Killed" in status.message
    assert not status.live
    assert status.eta_seconds is None


def test_unknown_events_and_a_torn_line_are_passed_over(run):
    job = started(run)
    job_files.say(job, "of_a_newer_version", text="?")
    epoch(job, 1)
    with job.events_path.open("ab") as file:
        file.write(b'{"type":"epo')
    assert len(TrainingWatch(run.folder).poll().epochs) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just(1e300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_log_with_any_value_anywhere_is_watched_to_its_end(data):
    old = Path(__file__).parents[1] / "run_of_0_1_0"
    records = [json.loads(line) for line in (old / "jobs" / "3-train" / "events.jsonl").read_text().splitlines()]
    records += [
        {"type": "zoom", "times": 1.5, "by": "set"},
        {"type": "counts", "epoch": 9, "counts": {"s:1": 2}},
        {"type": "failed"},
    ]
    for _ in range(3):
        record = data.draw(st.sampled_from(records))
        record[data.draw(st.sampled_from(sorted(record)))] = data.draw(JSON)
    with tempfile.TemporaryDirectory() as folder:
        job = JobFolder.create(Path(folder) / "jobs" / "1-train", TrainSpec())
        job.events_path.write_text("".join(json.dumps(record) + "\n" for record in records))
        status = TrainingWatch(RunFolder(Path(folder))).poll()
        assert status.epochs is not None
        assert sum("can't be read" in line for line in status.log) <= 1


def test_training_needs_ten_images_a_base_and_no_other_job(run, model_file, living, monkeypatch):
    monkeypatch.setattr(jobs, "start", lambda job: None)
    annotated(run, 9)
    with pytest.raises(RunError, match="annotate 1 more"):
        control.start(run)
    annotated(run, 10)
    with pytest.raises(ModelFileError, match="No base model"):
        control.start(run)
    library.choose(run, library.entry(model_file()))
    control.compute_on(run, "cpu", 2)
    job = control.start(run, 5)
    spec = job.spec
    assert (spec.epochs, spec.device, spec.threads, spec.resume) == (5, "cpu", 2, "")
    assert spec.base_hash == library.base_of(run).hash
    assert run.unsaved == 0  # what the engine reads is on disk
    job.emit(Started(host=socket.gethostname(), pid=living.pid))
    with pytest.raises(RunError, match="at work already"):
        control.start(run)
    control.pause(run)
    control.resume(run)
    control.add_epochs(run, 7)
    control.reload(run)
    control.stop(run)
    assert job_files.bare(job.new_wishes().new()) == [Pause(), Reload(), Resume(), AddEpochs(7), Reload(), Stop()]


def test_images_without_a_particle_teach_nothing(run, model_file):
    library.choose(run, library.entry(model_file()))
    for n in range(10):
        run.record_edit(ImageKey("s", str(n)), "propose", nothing((9, 9)), origin="masks")
        run.record_edit(ImageKey("s", str(n)), "accept")
    with pytest.raises(RunError, match="None of the annotated images holds a particle"):
        control.start(run)


def test_resuming_a_job_that_left_goes_on_from_its_checkpoint_to_its_target(run, model_file, monkeypatch):
    monkeypatch.setattr(jobs, "start", lambda job: None)
    annotated(run)
    base = library.entry(model_file())
    library.choose(run, base)
    job = started(run, epochs=10)
    epoch(job, 4)
    job.emit(Exited(reason="idle"))
    run.folder.checkpoints.mkdir()
    last = run.folder.checkpoints / "last.safetensors"
    write_model(
        last,
        {"w": np.zeros(3, np.float32)},
        ModelCard("x", "half", "UDT", base=base.hash, network={"architecture": ARCHITECTURE}),
    )
    control.resume(run)
    again = jobs.of_kind(run.folder.jobs, "train")[-1]
    assert (again.spec.epochs, again.spec.resume) == (6, str(last))


@pytest.mark.parametrize(
    "card",
    [
        ModelCard("x", "half", "UDT", base="sha256:other", network={"architecture": ARCHITECTURE}),
        ModelCard("x", "half", "UDT", network={"architecture": "two-head-unet", "widths": [4]}),
    ],
)
def test_checkpoints_of_another_base_or_version_are_put_aside_and_training_begins_at_the_base(
    run, model_file, monkeypatch, card
):
    monkeypatch.setattr(jobs, "start", lambda job: None)
    annotated(run)
    library.choose(run, library.entry(model_file()))
    run.folder.checkpoints.mkdir()
    last = run.folder.checkpoints / "last.safetensors"
    write_model(last, {"w": np.zeros(3, np.float32)}, card)
    before = last.read_bytes()
    assert "begins anew" in control.why_anew(run)
    assert control.start(run).spec.resume == ""
    assert not run.folder.checkpoints.exists()
    assert (run.path / "checkpoints-1" / last.name).read_bytes() == before


def test_a_checkpoint_of_an_earlier_version_does_not_become_the_model(run):
    run.folder.checkpoints.mkdir()
    old = ModelCard("x", "half", "UDT", network={"architecture": "two-head-unet", "widths": [4]})
    write_model(run.folder.checkpoints / "last.safetensors", {"w": np.zeros(3, np.float32)}, old)
    with pytest.raises(ModelFileError, match="train it again from its annotations"):
        finish.finish(run, "new", "last")
    assert not run.folder.model_path.exists()


def test_finishing_writes_the_model_with_its_card_and_takes_it_into_the_library(run, model_file):
    job = started(run)
    for n in (1, 2, 3):
        epoch(job, n, va=n / 4)
    job.emit(Best(epoch=2))
    job.emit(Stopped(epoch=3))
    run.folder.checkpoints.mkdir()
    for name, number in (("best", 2), ("last", 3), ("epoch-0001", 1)):
        card = ModelCard(
            "base",
            "half",
            "UDT",
            network={"architecture": ARCHITECTURE},
            base="sha256:b",
            base_name="base",
            training={"epoch": number},
        )
        write_model(run.folder.checkpoints / f"{name}.safetensors", {"w": np.full(3, number, np.float32)}, card)
    run.update(replace(run.settings, seed=4))
    model = finish.finish(run, "pombe-1", "best")
    card = read_card(run.folder.model_path)
    assert (card.name, card.kind, card.base_name) == ("pombe-1", "UDT", "base")
    assert (card.measured["TA"], card.measured["VA"]) == (0.6, 0.5)
    assert (card.training["epoch"], card.training["epochs_in_all"], card.training["seed"]) == (2, 3, 4)
    assert card.software.startswith("tui-cytpix ")
    assert card.training["curve"] == [[1, 0.6, 0.25, None], [2, 0.6, 0.5, None]]
    assert card.description == "Trained on r."
    assert library.find("pombe-1").hash == model.hash
    assert run.settings.evaluate.name == "pombe-1"
    with pytest.raises(ModelFileError, match="taken"):
        finish.finish(run, "pombe-1")
    with pytest.raises(RunError, match="best, epoch-0001, last"):
        finish.finish(run, "pombe-2", "epoch-0099")
    assert finish.finish(run, "pombe-2").card.training["epoch"] == 3
    assert [library.free_name(f" {name}/") for name in ("pombe-1", "new", "\u00e9\u00e9")] == [
        "pombe-1-2",
        "new",
        "model",
    ]
    user_models().rename(user_models().with_name("aside"))
    user_models().write_text("no folder")
    with pytest.raises(ModelFileError, match="library"):
        finish.finish(run, "pombe-3")
    assert (run.settings.evaluate.name, read_card(run.folder.model_path).name) == ("pombe-3", "pombe-3")


def test_the_best_epoch_is_the_usual_choice_only_where_enough_images_validate(run):
    def accept(count):
        for _ in range(count):
            key = ImageKey("s", str(run.annotations.last_seq))
            run.record_edit(key, "propose", nothing((4, 4)))
            run.record_edit(key, "accept")

    accept(20)
    assert finish.usual_checkpoint(run) == "last"
    accept(5)
    assert finish.usual_checkpoint(run) == "best"


def test_a_run_at_work_is_finished_as_far_as_it_is(run, living):
    job = started(run, pid=living.pid)
    epoch(job, 1)
    run.folder.checkpoints.mkdir()
    card = ModelCard("base", "half", "UDT", network={"architecture": ARCHITECTURE}, training={"epoch": 1})
    write_model(run.folder.checkpoints / "last.safetensors", {"w": np.zeros(3, np.float32)}, card)
    assert finish.finish(run, "pombe-1", notes="A first try.").card.description == "A first try."
    assert TrainingWatch(run.folder).poll().live
