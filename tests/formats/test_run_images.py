from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from tui_cytpix.domain.run_settings import RunSettings, SelectionSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.formats.run_folder import RunFolder
from tui_cytpix.formats.run_images import RunImages

RADIUS = 9


@pytest.fixture
def run(tmp_path):
    """A run on a folder of images of discs, of unknown scale, whose selected images it has copied."""
    sample = tmp_path / "discs"
    sample.mkdir()
    for i in range(30):
        gray = np.random.default_rng(i).normal(500, 4, (64, 64)).astype(np.float32)
        cv2.circle(gray, (32, 30), RADIUS, 350, 3)
        cv2.imwrite(str(sample / f"{i:02d}.png"), gray.astype(np.uint16))
    keys = tuple(ImageKey("discs", f"{i:02d}") for i in range(6))
    settings = RunSettings(
        "run", "now", samples=(SampleRef("discs", str(sample), 0, ""),), selection=SelectionSettings(6, keys, ())
    )
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    return folder, settings, sample


def test_the_size_of_particles_is_found_once_for_a_run(run):
    folder, settings, sample = run
    found = RunImages(folder, settings).typical_px("discs")
    assert found == pytest.approx(2 * RADIUS + 3, rel=0.15)
    shutil.rmtree(sample)
    assert RunImages(folder, settings).typical_px("discs") == found


def test_without_the_sample_the_runs_own_copies_tell_the_size(run):
    folder, settings, sample = run
    images = RunImages(folder, settings)
    for key in settings.selection.images:
        images.keep(key)
    images.close()
    shutil.rmtree(sample)
    assert RunImages(folder, settings).typical_px("discs") == pytest.approx(2 * RADIUS + 3, rel=0.15)
