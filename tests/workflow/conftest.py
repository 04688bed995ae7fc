"""A small sample with truth, model files without weights worth the name, folders of one's own, a living process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import children
from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard
from tui_cytpix.formats.fcs.write import write_fcs_new
from tui_cytpix.formats.masks.label_images import write_label_image
from tui_cytpix.formats.model.file import write_model
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import resources

SIZE = 48


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """Nothing of the person who runs the tests is read or changed."""
    home = tmp_path_factory.mktemp("home")
    for name in ("DATA", "CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    empty = home / "built-in"
    for module in (resources, library):
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
            noise = np.random.default_rng([number, *name.encode()]).normal(120, 3, labels.shape)
            Image.fromarray((noise + 60 * (labels > 0)).astype(np.uint8)).save(folder / f"{number}.png")
            write_label_image(truth / f"{number}.png", labels)
        return folder

    def with_fcs(self, name: str = "tube", images: int = 24, **fcs) -> Path:
        """The same, with an FCS beside them."""
        self.write_fcs(name, images, **fcs)
        return self.make(name, images)

    def write_fcs(self, name: str, images: int, rows: int = 400, seed: int = 0, shift: float = 0.0) -> None:
        """An FCS whose first `images` events, 0, 1, ..., are imaged; BL2-A gets a fifth of BL1-A, FSC-A is shifted."""
        rng = np.random.default_rng(seed)
        imaged = np.arange(rows) < images
        dyes = rng.lognormal(8, 1, (2, rows))
        columns = {
            "Event": np.arange(rows),
            "FSC-A": np.arange(rows) * 10.0 + shift,
            "SSC-A": rng.lognormal(9, 0.5, rows),
            "BL1-A": dyes[0],
            "BL2-A": dyes[1] + 0.2 * dyes[0],
            "ImageFlag": imaged,
            "AreaSquareMicrons": np.where(imaged, 20.0 + np.arange(rows), 0),
        }
        values = [np.asarray(column, np.float32) for column in columns.values()]
        keywords = {"$SPILLOVER": "2,BL1-A,BL2-A,1,0.2,0,1", "$VOL": "40000"}
        write_fcs_new(self.folder / f"{name}.fcs", list(columns), values, keywords)

    def apart(self) -> Samples:
        """A folder of its own, where no FCS lies."""
        (self.folder / "apart").mkdir()
        return Samples(self.folder / "apart")

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
        write_model(
            path,
            {"w": np.full(3, len(name), np.float32)},
            ModelCard(name, "half", "UDT", **{"network": {"architecture": ARCHITECTURE}, **card}),
        )
        return path

    return make


@pytest.fixture
def living():
    """A process that looks like an engine."""
    process = children.start([sys.executable, "-c", "import time; time.sleep(60)", "tui_cytpix.engine"])
    yield process
    process.kill()
    process.wait(children.LIMIT)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts a program in place; it finds its words in $HERE/NAME.words, a line each."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("HERE", str(tmp_path))

    def put(name: str, script: str) -> Path:
        (folder / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "$HERE/{name}.words"\n{script}\n')
        (folder / name).chmod(0o755)
        return tmp_path / f"{name}.words"

    return put
