"""What triage asks a model: the images changed as it says, and all of it by the job."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tests import job_files
from tui_cytpix.core.images.normalise import noise
from tui_cytpix.core.statistics.sampling import DESCRIPTORS
from tui_cytpix.engine.jobs.job import run_job
from tui_cytpix.engine.network.model import save_model
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.predict.perturbed_counts import BLUR_PX, CHANGES, ask


class Recorder:
    """In the place of a Predictor: keeps what it was shown, counts the bright pixels' hundreds."""

    def __init__(self) -> None:
        self.shown: list[list[np.ndarray]] = []

    def find(self, grays, cutoffs, zooms):
        assert len(grays) == len(cutoffs) == len(zooms)
        self.shown.append(list(grays))
        return [
            SimpleNamespace(segmentation=SimpleNamespace(particle_count=len(self.shown), confidence=0.5)) for _ in grays
        ]


def test_images_are_changed_as_told():
    gray = np.random.default_rng(8).normal(0, 0.1, (40, 50)).astype(np.float32)
    gray[10:20, 10:30] += 1
    recorder = Recorder()
    told = ask(recorder, [gray, gray], 0.0, 2.0)
    assert told.counts.tolist() == [[1, 2, 3, 4, 5]] * 2
    assert told.counts.shape == (2, 1 + CHANGES)
    plain, flipped, turned, noisier, softer = (shown[0] for shown in recorder.shown)
    np.testing.assert_array_equal(plain, gray)
    np.testing.assert_array_equal(flipped, gray[:, ::-1])
    np.testing.assert_array_equal(turned, np.rot90(gray))
    assert noise(noisier) == pytest.approx(2**0.5 * noise(gray), rel=0.1)
    np.testing.assert_allclose(softer, cv2.GaussianBlur(gray, (0, 0), BLUR_PX / 2), atol=1e-6)


def test_the_same_question_has_the_same_answer(toys):
    predictor = Predictor(toys.model(), fast=False)
    grays = [toys.image(n).image.astype(np.float32) / 100 - 5 for n in range(3)]
    one, other = ask(predictor, grays, 0.0, 1.0), ask(predictor, grays, 0.0, 1.0)
    np.testing.assert_array_equal(one.counts, other.counts)


def test_the_job_writes_what_every_model_said(tmp_path, toys):
    names = toys.write_sample(tmp_path / "toys", 24)
    models = []
    for resolution in ("full", "half"):
        model = toys.model(resolution)
        models.append(tmp_path / f"{resolution}.safetensors")
        save_model(models[-1], model.net, model.card)
    (tmp_path / "toys" / "bad.png").write_bytes(b"no image")
    spec = {
        "kind": "triage",
        "samples": [{"name": "toys", "path": str(tmp_path / "toys"), "events": [*names, "bad"], "um_per_px": 0.3}],
        "models": [str(path) for path in models],
        "out": str(tmp_path / "out"),
        "device": "cpu",
        "threads": 1,
    }
    job = job_files.create(tmp_path / "1-triage", spec)
    assert run_job(job.path) == 0
    kinds = [event["type"] for event in job_files.events(job)]
    assert kinds[0] == "started"
    assert kinds[-1] == "finished"
    with np.load(tmp_path / "out" / "toys.npz") as found:
        assert found["events"].tolist() == names
        assert found["descriptors"].shape == (24, len(DESCRIPTORS))
        assert float(found["um_per_px"]) == 0.3
        for place in (0, 1):
            assert found[f"counts_{place}"].shape == (24, 1 + CHANGES)
            assert found[f"confidence_{place}"].shape == (24,)
            assert float(found[f"zoom_{place}"]) > 0
            assert found[f"zoom_by_{place}"] == "particles"  # these models know no scale


def test_a_sample_that_cannot_be_read_fails_in_words(tmp_path, toys):
    model = toys.model()
    save_model(tmp_path / "m.safetensors", model.net, model.card)
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys" / "1.png").write_bytes(b"no image")
    spec = {
        "kind": "triage",
        "samples": [{"name": "toys", "path": str(tmp_path / "toys"), "events": ["1"]}],
        "models": [str(tmp_path / "m.safetensors")],
        "out": str(tmp_path / "out"),
        "device": "cpu",
        "threads": 1,
    }
    job = job_files.create(tmp_path / "1-triage", spec)
    assert run_job(job.path) == 1
    assert "No image can be read" in job_files.events(job)[-1]["reason"]
