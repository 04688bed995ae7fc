"""Asking a model: what is asked once, what is asked again. The engine is played by the test."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tui_cytpix.domain.jobs.events import Predicted, RequestFailed
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.jobs.wishes import Predict
from tui_cytpix.domain.model_card import ModelCard, ModelEntry
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.predict import CHUNK, IN_FLIGHT, PredictService
from tui_cytpix.workflow.run.run import Run

MODEL = ModelEntry(ModelCard("m", "full", "built-in"), "/nowhere/m.safetensors", "sha256:" + "ab" * 32)
KEYS = [ImageKey("s", str(n)) for n in range(3 * CHUNK)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "start", lambda _job: None)
    monkeypatch.setattr(jobs, "state_of", lambda _job, _events: JobState.RUNNING)
    with Run.create(tmp_path / "run") as run:
        run.update(replace(run.settings, samples=(SampleRef("s", str(tmp_path / "s"), 0, ""),)))
        yield run


def engine(run: Run) -> JobFolder:
    """The job that the service started."""
    (job,) = jobs.of_kind(run.folder.jobs, "predict")
    return job


def answer(run: Run, wish: Predict, seconds: float = 0.1) -> None:
    """What the engine does with a request."""
    empty = Segmentation(np.zeros((4, 4), bool), np.zeros((0, 2), np.float32))
    found = [Prediction(ImageKey(g.sample, e), empty) for g in wish.images for e in g.events]
    write_shard(run.folder.predictions(MODEL.hash), wish.shard, found)
    engine(run).emit(Predicted(id=wish.id, shard=wish.shard, images=len(found), seconds=seconds))


def test_requests_go_out_in_chunks_and_each_image_once(run):
    service = PredictService(run)
    assert service.request(MODEL, KEYS) == len(KEYS)
    assert service.request(MODEL, KEYS) == 0
    wishes = engine(run).new_wishes().new()
    assert [len(w.images[0].events) for w in wishes] == [CHUNK] * IN_FLIGHT
    for wish in wishes:
        answer(run, wish)
    assert service.poll().done == 2 * CHUNK
    answer(run, engine(run).new_wishes().new()[-1])
    assert not service.poll().busy
    assert set(service.store(MODEL).keys()) == set(KEYS)


def test_a_speed_is_told_once_the_engine_is_warm_and_on_enough_images(run):
    service = PredictService(run)
    service.request(MODEL, KEYS)
    (first, second), asked = engine(run).new_wishes().new(), engine(run).new_wishes()
    answer(run, first, seconds=20.0)  # the model is loaded
    service.poll()
    assert math.isnan(service.images_per_second(MODEL))
    answer(run, second, seconds=0.1)
    service.poll()
    assert math.isnan(service.images_per_second(MODEL)), "too few"
    answer(run, asked.new()[-1], seconds=0.1)
    service.poll()
    assert service.images_per_second(MODEL) == pytest.approx(2 * CHUNK / 0.2)


def test_what_failed_can_be_asked_again(run):
    service = PredictService(run)
    service.request(MODEL, KEYS[:3])
    engine(run).emit(RequestFailed(id=1, reason="no such file"))
    progress = service.poll()
    assert not progress.busy
    assert progress.problems == ("no such file",)
    assert service.request(MODEL, KEYS[:3]) == 3


def test_cancel_drops_what_was_not_sent(run):
    service = PredictService(run)
    service.request(MODEL, KEYS)
    service.cancel()
    assert service.progress.total == IN_FLIGHT * CHUNK
    assert service.request(MODEL, KEYS) == CHUNK
