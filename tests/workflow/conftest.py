"""A small sample with truth, model files without weights worth the name, and folders of the user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.formats.masks import write_label_image
from tui_cytpix.formats.model_file import write_model
from tui_cytpix.workflow import base_model, resources

SIZE = 48


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """Nothing of the person who runs the tests is read or changed."""
    home = tmp_path_factory.mktemp("home")
    for name in ("DATA", "CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    empty = home / "built-in"
    for module in (resources, base_model):
        monkeypatch.setattr(module, "built_in_models", lambda: empty)
    return home


def labels_of(number: int) -> np.ndarray:
    """One disc, or for every third image two that touch."""
    ys, xs = np.mgrid[:SIZE, :SIZE]
    labels = np.zeros((SIZE, SIZE), np.uint16)
    labels[(ys - 20) ** 2 + (xs - 14 - number % 5) ** 2 <= 49] = 1
    if number % 3 == 0:
        labels[(ys - 20) ** 2 + (xs - 28 - number % 5) ** 2 <= 49] = 2
    return labels


class Samples:
    """Folders of images NAME.png with their truth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str = "tube", images: int = 24, first: int = 0) -> Path:
        folder, truth = self.folder / name, self.truth(name)
        folder.mkdir()
        truth.mkdir()
        for number in range(first, first + images):
            labels = labels_of(number)
            noise = np.random.default_rng(number).normal(120, 3, labels.shape)
            Image.fromarray((noise + 60 * (labels > 0)).astype(np.uint8)).save(folder / f"{number}.png")
            write_label_image(truth / f"{number}.png", labels)
        return folder

    def truth(self, name: str = "tube") -> Path:
        return self.folder / f"{name}.truth"


@pytest.fixture
def samples(tmp_path) -> Samples:
    return Samples(tmp_path)


@pytest.fixture
def model_file(tmp_path):
    """Makes a file that is a model for everyone but the engine."""

    def make(name: str = "base", **card: object) -> Path:
        path = tmp_path / f"{name}.safetensors"
        write_model(path, {"w": np.full(3, len(name), np.float32)}, ModelCard(name, "half", "UDT", **card))
        return path

    return make
