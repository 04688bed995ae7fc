"""A zoom that is set: kept, told, and never served by answers or judgements of another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.divided import nothing
from tests.reviewing import judge
from tui_cytpix.domain.jobs.events import Predicted
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement, Preference
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.assess import focus, review, undo
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import pairs, process
from tui_cytpix.workflow.run import jobs, zoom
from tui_cytpix.workflow.run.predict import PredictService
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.run_samples import create_run, set_pixel_size
from tui_cytpix.workflow.train import control

GUESSED = Zoom(1.3, By.PARTICLES)


@pytest.fixture
def run(samples, tmp_path):
    with create_run(tmp_path / "r", [samples.make("known"), samples.make("unknown", first=50)]) as run:
        known, unknown = run.settings.samples
        run.update(replace(run.settings, samples=(replace(known, um_per_px=0.3, scale_source="fcs"), unknown)))
        yield run


@pytest.fixture
def model(model_file):
    return library.entry(model_file(network={"architecture": "flow-unet"}))


@pytest.fixture
def engine(monkeypatch):
    """No process: jobs are made, and at work."""
    monkeypatch.setattr(jobs, "start", lambda _job: None)
    monkeypatch.setattr(jobs, "state_of", lambda _job, _events: JobState.RUNNING)


KNOWN, UNKNOWN = ImageKey("known", "1"), ImageKey("unknown", "51")


def answered(run, model, name, count=1, unknown=GUESSED):
    """Both images, as the engine writes them."""
    seen = Segmentation(np.eye(48, dtype=bool), np.full((count, 2), 5, np.float32))
    zooms = {KNOWN: Zoom(1.0, By.SCALE, 0.3), UNKNOWN: unknown}
    write_shard(run.folder.predictions(model.hash), name, [Prediction(k, seen, zoom=z) for k, z in zooms.items()])


def test_it_is_kept_with_the_base_model_and_said(run, model):
    assert "choose themselves how large they see images of unknown scale (unknown)" in zoom.setting_in_words(run)
    assert zoom.set_zoom(run, 1.5) == zoom.setting_in_words(run)
    library.choose(run, model)
    assert run.settings.base_model.zoom == 1.5
    assert run.flush()
    assert run.folder.read_settings().base_model.zoom == 1.5
    assert "(unknown) 1.5 times as large as they are, as set" in zoom.setting_in_words(run)
    for wrong in (0.1, 6.0):
        with pytest.raises(UsageError, match=r"0\.2 to 5"):
            zoom.set_zoom(run, wrong)
    set_pixel_size(run, "unknown", 0.3)
    assert zoom.setting_in_words(run) == ""
    assert zoom.set_zoom(run, 2) == zoom.KNOWN


def test_requests_carry_it_and_what_was_seen_otherwise_is_asked_again(run, model, engine):
    service = PredictService(run)
    assert service.request(model, [KNOWN, UNKNOWN]) == 2
    (job,) = jobs.of_kind(run.folder.jobs, "predict")
    assert [group.zoom for group in job.new_wishes().new()[-1].images] == [None, None]
    zoom.set_zoom(run, 1.5)
    assert service.request(model, [KNOWN, UNKNOWN]) == 1  # the other one is under way
    (group,) = job.new_wishes().new()[-1].images
    assert (group.sample, group.zoom) == ("unknown", 1.5)
    answered(run, model, "1")
    answered(run, model, "2", count=2, unknown=Zoom(1.5, By.SET))
    for wish in job.new_wishes().new():
        job.emit(Predicted(id=wish.id, shard="", images=1, seconds=0.1))
    assert not service.poll().busy
    store = service.store(model)
    assert store.get(UNKNOWN).particle_count == 2
    assert zoom.in_words(zoom.zooms_of(run, store)) == [
        "known: seen as large as they are (0.3 µm/px)",
        "unknown: seen 1.5 times as large (unknown scale; as set)",
    ]
    zoom.set_zoom(run, 0)
    assert store.get(UNKNOWN).particle_count == 1  # back as it was
    assert service.request(model, [KNOWN, UNKNOWN]) == 0
    assert zoom.zooms_of(run, store)["unknown"] == GUESSED
    zoom.set_zoom(run, 2)
    assert store.keys() == [KNOWN]


def test_a_scale_that_is_stated_is_another_way_of_seeing(run, model):
    answered(run, model, "1")
    store = run.answers(model.hash)
    assert set(store.keys()) == {KNOWN, UNKNOWN}
    set_pixel_size(run, "unknown", 0.5)
    assert store.keys() == [KNOWN]
    set_pixel_size(run, "known", 0.3000000001)  # the same, as people write it
    assert store.keys() == [KNOWN]
    set_pixel_size(run, "known", 0.4)
    assert store.keys() == []


def test_answers_of_earlier_builds_hold_until_a_zoom_or_a_scale_is_stated(run, model):
    empty = nothing((48, 48))
    write_shard(run.folder.predictions(model.hash), "0", [Prediction(key, empty) for key in (KNOWN, UNKNOWN)])
    store = run.answers(model.hash)
    assert set(store.keys()) == {KNOWN, UNKNOWN}
    assert zoom.zooms_of(run, store) == {}
    zoom.set_zoom(run, 1.5)
    assert store.keys() == [KNOWN]
    set_pixel_size(run, "known", 0.4)
    assert store.keys() == []
    zoom.set_zoom(run, 0)
    set_pixel_size(run, "known", 0.3)  # as it came
    set_pixel_size(run, "unknown", 0.5)
    assert store.keys() == [KNOWN]
    set_pixel_size(run, "unknown", None)
    assert set(store.keys()) == {KNOWN, UNKNOWN}


def test_judgements_are_of_what_was_seen(run, model):
    for key in (KNOWN, UNKNOWN):
        judge(run, key, model, Judgement.COUNT_ERROR)
    zoom.set_zoom(run, 1.5)
    assert set(review.verdict_of(run, model)) == {KNOWN}
    judge(run, UNKNOWN, model, Judgement.ACCEPTABLE)
    assert review.verdict_of(run, model)[UNKNOWN].judgement is Judgement.ACCEPTABLE
    assert run.flush()
    with Run.open(run.path, writing=False) as again:
        assert review.verdict_of(again, model) == review.verdict_of(run, model)
    assert undo.undo(run, review.lines(run, model)).image == UNKNOWN
    assert set(review.verdict_of(run, model)) == {KNOWN}
    zoom.set_zoom(run, 0)
    assert review.verdict_of(run, model)[UNKNOWN].judgement is Judgement.COUNT_ERROR


def test_so_are_preferences_between_two_models(run, model, model_file):
    models = (model, library.entry(model_file("other", network={"architecture": "flow-unet"})))
    pairs.prefer(run, models, Difference(UNKNOWN, (1, 2), 1.5), Preference.NEW, blind=False)
    assert set(pairs.preferences(run, *models)) == {UNKNOWN}
    zoom.set_zoom(run, 1.5)
    assert pairs.preferences(run, *models) == {}


def test_focus_is_scored_again_where_the_mask_is_another(run, model):
    answered(run, model, "1")
    first = focus.scores(run, model, run.answers(model.hash), [KNOWN, UNKNOWN])
    assert focus.stored(run, model) == first
    zoom.set_zoom(run, 1.5)
    assert set(focus.stored(run, model)) == {KNOWN}
    answered(run, model, "2", count=2, unknown=Zoom(1.5, By.SET))
    focus.scores(run, model, run.answers(model.hash), [KNOWN, UNKNOWN])
    assert focus.stored(run, model).keys() == {KNOWN, UNKNOWN}
    zoom.set_zoom(run, 0)
    assert focus.stored(run, model) == first


def test_jobs_carry_it(run, model, engine):
    zoom.set_zoom(run, 1.5)
    library.choose(run, model)
    spec = process.process_run(run, model, ["csv"]).spec
    assert spec.zoom == 1.5
    assert spec.out.endswith("-zoom-1.5")
    assert not any(sample.find_scale for sample in spec.samples)  # the run says what is known
    set_pixel_size(run, "unknown", 0.3)
    spec = process.process_run(run, model, ["csv"]).spec
    assert spec.zoom == 0
    assert "zoom" not in spec.out
    for number in range(10):
        key = ImageKey("known", str(number))
        run.record_edit(key, "place", Segmentation(np.eye(48, dtype=bool), np.array([[4, 4]], np.float32)))
        run.record_edit(key, "accept")
    assert control.start(run).spec.zoom == 1.5


def test_many_samples_are_counted_and_models_told_apart_where_they_differ():
    alike = {f"tube-{n}": Zoom(1.0, By.SCALE, 0.3) for n in range(5)}
    assert zoom.in_words(alike) == ["tube-0, tube-1, tube-2 and 2 more: seen as large as they are (0.3 µm/px)"]
    one, other = {"s": GUESSED}, {"s": Zoom(0.7, By.MODEL)}
    assert zoom.by_model_in_words({"a": one, "b": one}) == zoom.in_words(one)
    assert zoom.by_model_in_words({"a": one, "b": other})[1] == (
        "b: s: seen 0.7 times as large (unknown scale; as the model was trained)"
    )
    assert zoom.by_model_in_words({}) == []
