"""Toy images: bright and dark discs and rods on a noisy ground, with exact truth."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from tests import job_files
from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.domain.annotation import Edit
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.run_settings import RunSettings, SelectionSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.jobs.job import run_job
from tui_cytpix.engine.network.model import Model, save_model
from tui_cytpix.engine.network.network import NetworkSettings, build
from tui_cytpix.formats.model.file import file_hash
from tui_cytpix.formats.run.folder import RunFolder, encode_edit
from tui_cytpix.formats.run.json_log import append_now, encode

TINY = NetworkSettings((4, 6))


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@dataclass
class Toy:
    """One image with its labels."""

    image: np.ndarray
    labels: np.ndarray

    @property
    def truth(self) -> Segmentation:
        return Segmentation(self.labels > 0, centres(self.labels))


def toy(seed: int, size: int = 48, cells: int = 1) -> Toy:
    rng = np.random.default_rng([7, seed])
    labels = np.zeros((size, size), np.uint16)
    image = np.full((size, size), 500.0, np.float32)
    for k in range(cells):
        y, x = rng.integers(size // 4, 3 * size // 4, 2)
        radius = int(rng.integers(5, 8))
        cv2.circle(labels, (int(x), int(y)), radius, k + 1, -1)
        cv2.circle(image, (int(x), int(y)), radius, 620, -1)
        cv2.circle(image, (int(x), int(y)), radius, 400, 1)
    image += rng.normal(0, 4, image.shape).astype(np.float32)
    return Toy(image.clip(0, 1023).astype(np.uint16), labels)


def tiny_model(resolution: str = "full", seed: int = 0, widths: tuple[int, ...] = TINY.widths) -> Model:
    settings = NetworkSettings(widths)
    card = ModelCard("tiny", resolution, "built-in", size_cutoff_um=5.0, network=settings.to_card())
    return Model(card, build(settings, seed).eval())


@dataclass
class ToyRun:
    """A run with annotated toy images, and its base model."""

    folder: RunFolder
    base: Path
    keys: list[ImageKey]

    def train_spec(self, **changes) -> dict:
        spec = {
            "kind": "train",
            "run": str(self.folder.path),
            "base": str(self.base),
            "base_hash": file_hash(self.base),
            "base_name": "tiny",
            "resume": "",
            "epochs": 3,
            "check": False,
            "size_cutoff_um": 5.0,
            "seed": 1,
            "device": "cpu",
            "threads": 1,
        }
        return {**spec, **changes}

    def annotate(self, number: int) -> None:
        """Accepts the image of that number."""
        key = self.keys[number]
        seq = 2 * number + 1
        truth = toy(number).truth
        edits = [
            Edit(seq, 0.0, "me", key, "propose", truth, origin="masks"),
            Edit(seq + 1, 0.0, "me", key, "accept"),
        ]
        append_now(self.folder.annotations_path, b"".join(encode(encode_edit(e)) for e in edits))


def write_sample(folder: Path, images: int) -> list[str]:
    """A folder of PNG images; returns the event ids."""
    folder.mkdir(parents=True)
    names = [f"{i:03d}" for i in range(images)]
    for i, name in enumerate(names):
        cv2.imwrite(str(folder / f"{name}.png"), toy(i).image)
    return names


@pytest.fixture
def toy_run(tmp_path: Path) -> ToyRun:
    sample = tmp_path / "toys"
    names = write_sample(sample, 14)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    keys = [ImageKey("toys", name) for name in names]
    ref = SampleRef("toys", str(sample), 0, "", um_per_px=0.3, scale_source="given")
    settings = RunSettings("run", "now", samples=(ref,), selection=SelectionSettings(14, tuple(keys), ()))
    folder.settings_path.write_text(folder.encode_settings(settings))
    base = tmp_path / "tiny.safetensors"
    model = tiny_model()
    save_model(base, model.net, model.card)
    run = ToyRun(folder, base, keys)
    for number in range(10):
        run.annotate(number)
    return run


@pytest.fixture(scope="session")
def toys() -> SimpleNamespace:
    """The helpers of this file, for tests (with importlib imports they can't import it)."""
    return SimpleNamespace(TINY=TINY, model=tiny_model, image=toy, write_sample=write_sample)


@pytest.fixture
def here():
    """Runs a job in this process, for what needs no process of its own: torch is loaded already."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}

    def run(path: Path, spec: dict, status: int = 0, wishes: Sequence[dict] = ()) -> list[dict]:
        job = job_files.create(path, spec)
        for wish in wishes:
            job_files.wish(job, **wish)
        assert run_job(path) == status
        return job_files.events(job)

    yield run
    for number, handler in kept.items():
        signal.signal(number, handler)
