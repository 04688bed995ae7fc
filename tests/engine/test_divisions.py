"""What belongs to which particle is found, or said, once, and then carried: from label images and the network's maps
to targets, tables, masks and measures.
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.divided import any_division, touching_rods
from tui_cytpix.core.features.table import names
from tui_cytpix.core.objects import watershed
from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.core.objects.regions import Box
from tui_cytpix.core.statistics.agreement import Counts, compare_images
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.engine.network.flows import flow
from tui_cytpix.engine.network.postprocess import PostSettings, segment
from tui_cytpix.engine.predict.found import Found
from tui_cytpix.engine.predict.inference import _differing
from tui_cytpix.engine.process import worker as process_worker
from tui_cytpix.engine.process.worker import Chunk, WorkerSettings
from tui_cytpix.engine.train.dataset import example
from tui_cytpix.engine.train.rehearsal import simulated_examples
from tui_cytpix.engine.train.run_images import TrainImages
from tui_cytpix.engine.train.scene import scene
from tui_cytpix.formats.masks.instrument import decode_instrument_masks
from tui_cytpix.formats.masks.label_images import read_label_image, segmentation_from_labels, write_label_image
from tui_cytpix.workflow.annotate.from_labels import annotate_from_masks
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

LABELS = touching_rods()
KEY = ImageKey("tube", "rods")
BOTH, ONE = Counts(2, 0, 0), Counts(1, 1, 1)


@pytest.fixture
def sample(tmp_path):
    """A folder with the one image of the rods."""
    folder = tmp_path / "tube"
    folder.mkdir()
    gray = np.random.default_rng(0).normal(600, 4, LABELS.shape) - 100.0 * (LABELS > 0)
    Image.fromarray(gray.astype(np.uint16)).save(folder / "rods.png")
    return folder


def perfect_maps(seen):
    """What a network that knows everything says of a scene: foreground and flow."""
    return np.concatenate([seen.mask[None].astype(np.float32), seen.flow])


class PerfectNetwork:
    """Stands for a predictor whose maps are the targets of a scene; it finds the rods in a part of the frame."""

    box = Box(10, 8, 60, 90)

    def __init__(self, seen):
        maps = perfect_maps(seen)[:, *self.box.slices]
        (self.segmentation,) = segment([maps], PostSettings(), [0.0], [1.0])
        self.answer = Found(self.box, self.segmentation, (255 * maps[0]).astype(np.uint8))

    def plan(self, gray, zoom, noise):
        return gray

    def found(self, plans, cutoffs):
        return [self.answer for _ in plans]

    def cutoff_px(self, um_per_px):
        return 0.0


def test_rods_that_lie_side_by_side_stay_apart_from_label_image_to_measure(sample, tmp_path, monkeypatch):
    (tmp_path / "truth").mkdir()
    write_label_image(tmp_path / "truth" / "rods.png", LABELS)
    with Run.create(tmp_path / "run") as run:
        run_samples.add_sample(run, sample, 0.3)
        annotate_from_masks(run, tmp_path / "truth")
    with Run.open(tmp_path / "run") as run:
        truth = run.annotations.state(KEY).segmentation
        gray = run.images.read(KEY)
    np.testing.assert_array_equal(truth.labels, LABELS)
    seen = scene(gray.astype(np.float32), truth)
    np.testing.assert_array_equal(seen.labels, LABELS)

    network = PerfectNetwork(seen)
    monkeypatch.setattr(
        process_worker._State,
        "settings",
        WorkerSettings(tmp_path / "m", 0.0, "cpu", ("csv", "masks", "instrument-masks")),
        raising=False,
    )
    monkeypatch.setattr(process_worker._State, "predictor", network)
    monkeypatch.setattr(process_worker._State, "reader", None)
    monkeypatch.setattr(watershed, "divide", None)  # nothing is divided a second time
    done = process_worker.process(Chunk("tube", sample, 0.3, 1.0, None, ["rods"]))
    process_worker._State.reader.close()
    assert done.problems == [""]
    ((_, png),) = done.encoded["masks"]
    (tmp_path / "out.png").write_bytes(png)
    written = read_label_image(tmp_path / "out.png")
    blobs = decode_instrument_masks(done.encoded["instrument-masks"][0][1], LABELS.shape).particles
    sizes = [int((written == k).sum()) for k in (1, 2)]
    rows = [
        dict(zip(("Sample", "Event", *names("particle")), row, strict=True))
        for row in csv.reader(io.StringIO(done.encoded["csv"][1]))
    ]
    assert [float(row["NumPixels"]) for row in rows] == sizes
    assert [float(row["CentroidOffsetPixels"]) for row in rows] == pytest.approx([0, 0], abs=0.01)
    assert all((written[blobs == k] == k).all() for k in (1, 2))

    whole, _ = network.answer.in_frame(LABELS.shape)
    np.testing.assert_array_equal(whole.labels, written)
    assert compare_images(LABELS, whole).particles == BOTH
    monkeypatch.undo()
    assert compare_images(LABELS, replace(whole, labels=None)).particles == ONE


def test_the_cutoff_of_examples_and_of_whole_frames_takes_labels_along():
    wide = np.zeros((64, 160), np.uint16)
    wide[30:36, 4:10] = 1
    wide[:, 50:146][LABELS > 0] = LABELS[LABELS > 0] + 1
    truth = segmentation_from_labels(wide)
    gray = np.where(wide > 1, 5.0, 0.0).astype(np.float32)
    wanted = example(np.full(wide.shape, 500.0), np.full(wide.shape, 500.0, np.float32), truth, 20.0).wanted
    left = _differing(Found(Box(0, 0, 64, 160), truth, gray), gray, 1.0).segmentation
    for found in (wanted, left):
        np.testing.assert_array_equal(found.labels[:, 50:146], LABELS)
        assert not found.mask[:, :50].any()
        assert found.particle_count == 2


def test_a_division_is_said_only_where_there_is_one():
    mask = np.zeros((40, 40), np.uint16)
    mask[5:20, 5:20], mask[25:35, 25:35] = 1, 2
    maps = perfect_maps(scene(np.zeros(mask.shape, np.float32), segmentation_from_labels(mask)))
    (found,) = segment([maps], PostSettings(), [0.0], [1.0])
    assert found.particle_count == 2
    assert found.labels is None


@pytest.mark.parametrize("seed", range(20))
def test_labels_from_maps_agree_with_mask_and_centroids(seed):
    """Of maps that make little sense."""
    rng, truth = np.random.default_rng(seed), any_division(seed)
    mask = truth.mask
    random = rng.random((2, *mask.shape)).astype(np.float32) * 2 - 1 + flow(particles_of(truth))
    shown = np.concatenate([mask[None].astype(np.float32), random])
    (found,) = segment([shown], PostSettings(least_share=0.02), [4.0], [1.0])
    labels = particles_of(found)
    np.testing.assert_array_equal(labels > 0, found.mask)
    assert int(labels.max()) == found.particle_count
    for k, centroid in enumerate(found.centroids, start=1):
        assert np.hypot(*(np.argwhere(labels == k) - centroid).T).min() < 1


def test_the_simulators_truth_says_whose_each_pixel_is():
    for one in simulated_examples("general-packs", 1, 3, 5):
        np.testing.assert_array_equal(one.truth.labels, one.scene.labels)
        np.testing.assert_array_equal(one.wanted.labels, one.scene.labels)


def test_training_notices_that_only_a_division_changed():
    def digest(truth):
        images = TrainImages(SimpleNamespace(pixels={}), [], ModelCard("m", "full", "UDT"), 0.0)
        images.training = {KEY: SimpleNamespace(truth=truth)}
        return images.digest()

    told = segmentation_from_labels(LABELS)
    other = replace(told, labels=watershed.particle_labels(told.mask, told.centroids))
    assert len({digest(told), digest(other), digest(replace(told, labels=None))}) == 3
