"""Region-first inference against the network on whole frames, in float32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import tui_cytpix
from tests.network_maps import maps_of
from tui_cytpix.core.images.background import static_background
from tui_cytpix.core.images.differing_regions import differing_regions
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.engine.predict.crops import MARGIN, NetworkInput, plan_differing
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.simulate.frames.events import SimulatedSample

KINDS = ["leukocytes", "beads", "murine-peritoneal", "drosophila", "yeast", "pombe-rich"]
EACH = 16
CUTOFF_PX = 5 / 0.3  # as in processing: on whole frames the network sees specks in noise that regions leave out


@pytest.fixture(scope="module")
def samples():
    """Simulated, normalised images by kind, and some that were made hard."""
    found = {}
    for kind in KINDS:
        simulated = SimulatedSample(kind, 24, 3)
        images = [simulated[i].image for i in range(24)]
        background = static_background(np.stack(images))
        found[kind] = [normalise(image, background) for image in images[:EACH]]
    cells = found["leukocytes"]
    found["faint"] = [0.3 * gray + noise(i, gray.shape) for i, gray in enumerate(cells)]
    found["border"] = [np.roll(gray, (gray.shape[0] // 2, 17), (0, 1)) for gray in cells]
    # Cells in each corner and a row of them from edge to edge.
    found["spanning"] = [np.tile(gray[92:156, 60:188], (2, 2)) for gray in cells]
    found["blank"] = [noise(i, (248, 248)) for i in range(EACH)]
    return found


def noise(seed, shape):
    return np.random.default_rng(seed).normal(0, 0.12, shape).astype(np.float32)


@pytest.fixture(scope="module", params=["cell-full", "cell-half"])
def model(request):
    return load_model(Path(tui_cytpix.__file__).parent / "base_models" / f"{request.param}.safetensors")


def answers(predictor, grays, zoom=1.0, cutoff=CUTOFF_PX):
    return [found for found, _ in predictor.predict_normalised(grays, [cutoff] * len(grays), [zoom] * len(grays))]


def overlap(a, b):
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 1.0


@pytest.fixture(scope="module")
def whole_frames(samples, model):
    """What the network says of whole frames, by kind."""
    reference = Predictor(model, fast=False, whole_frame=True)
    return {kind: answers(reference, grays) for kind, grays in samples.items()}


@pytest.mark.parametrize("fast", [False, True])
def test_counts_masks_and_centroids_are_those_of_whole_frames(samples, model, whole_frames, fast):
    regions = Predictor(model, fast=fast)
    images = differing = 0
    for kind, grays in samples.items():
        pairs = list(zip(whole_frames[kind], answers(regions, grays), strict=True))
        if kind == "blank":  # on whole frames of noise the network sees things now and then
            assert all(b.particle_count == 0 for _, b in pairs)
            continue
        same = [(a, b) for a, b in pairs if a.particle_count == b.particle_count]
        assert len(pairs) - len(same) <= 2, kind
        if kind in KINDS:
            images, differing = images + len(pairs), differing + len(pairs) - len(same)
        assert np.median([overlap(a.mask, b.mask) for a, b in pairs]) > 0.99, kind
        distances = [np.hypot(*(a.centroids - b.centroids).T) for a, b in same if a.particle_count]
        assert np.median(np.concatenate([*distances, [0.0]])) < 0.2, kind
        assert np.median([abs(a.confidence - b.confidence) for a, b in same]) < 0.02, kind
    assert differing <= 0.02 * images


@pytest.mark.parametrize("kind", KINDS)
def test_no_true_particle_is_outside_of_the_regions(kind, samples):
    """Nor is one that shows a third of its contrast."""
    simulated = SimulatedSample(kind, 24, 3)
    for i, gray in enumerate(samples[kind]):
        labels = simulated[i].labels
        for image, least in ((gray, 0.9), (0.3 * gray + noise(i, gray.shape), 0.8)):
            own = np.zeros(gray.shape, bool)
            for region in differing_regions(image, 4):
                own[region.box.slices] |= region.own
            for label in range(1, labels.max() + 1):
                assert own[labels == label].mean() > least, (i, label)


def test_the_network_looks_at_a_part_of_a_frame_only(samples):
    shares = []
    for gray in samples["beads"]:
        view = NetworkInput(gray, 1.0)
        look = plan_differing(view, gray, 1.0, 16)
        shares.append(sum(crop.height * crop.width for crop in look.crops) / 256**2)
    assert 0 < np.mean(shares) < 0.5
    dense = np.add.outer(np.sin(np.arange(248) / 5), np.sin(np.arange(248) / 5)).astype(np.float32)
    assert len(plan_differing(NetworkInput(dense, 1.0), dense, 1.0, 16).crops) == 1


def test_regions_share_a_crop_where_that_is_no_larger():
    def look(*places):
        image = np.zeros((248, 248), np.float32)
        for y, x in places:
            cv2.circle(image, (x, y), 8, 1, -1)
        return plan_differing(NetworkInput(image, 1.0), image, 1.0, 16)

    near, beside, far = (40, 30), (40, 100), (200, 200)
    regions, crops, places = look(near, beside, far)
    margin = MARGIN * 16
    assert places[0] == places[1] != places[2]
    for region, place in zip(regions, places, strict=True):
        (y0, x0, y1, x1), crop = region.box, crops[place]
        assert crop.y0 <= max(y0 - margin, 0) < min(y1 + margin, 248) <= crop.y0 + crop.height
        assert crop.x0 <= max(x0 - margin, 0) < min(x1 + margin, 248) <= crop.x0 + crop.width
    shared, first, second = (c.height * c.width for c in (crops[places[0]], *look(near).crops, *look(beside).crops))
    assert shared <= first + second


def test_an_image_with_nothing_in_it_never_reaches_the_network(model):
    predictor = Predictor(model)
    predictor._net = None  # asking it would raise
    nothing = np.zeros((248, 248), np.float32)
    (found, probability), *_ = predictor.predict_normalised([nothing, nothing], [0.0, 0.0], [1.0, 1.0])
    assert found.mask.shape == probability.shape == nothing.shape
    assert not found.mask.any()
    assert not probability.any()
    assert found.centroids.shape == (0, 2)


@pytest.mark.parametrize("zoom", [0.5, 0.8, 1.0, 1.37, 2.0])
@pytest.mark.parametrize("resolution", ["full", "half"])
@pytest.mark.parametrize("whole_frame", [True, False])
def test_zoom_shifts_nothing(toys, zoom, resolution, whole_frame):
    """A network that hands its input through: what comes back is where it was."""
    model = toys.model(resolution)
    predictor = Predictor(model, fast=False, whole_frame=whole_frame)
    predictor._net = lambda x: torch.cat([x, x, x], dim=1)
    ys, xs = np.mgrid[:120, :100]
    blob = (9 * np.exp(-((ys - 61) ** 2 + (xs - 40) ** 2) / (2 * 9.0**2))).astype(np.float32)
    (maps,) = maps_of(predictor, [blob], zoom)
    weight = np.clip(np.log(maps[0].clip(1e-6, 1 - 1e-6) / (1 - maps[0].clip(1e-6, 1 - 1e-6))), 0.5, None) - 0.5
    found = [float((weight * at).sum() / weight.sum()) for at in (ys, xs)]
    assert found == pytest.approx([61, 40], abs=0.03)
    widths = [
        float(np.sqrt((weight * (at - c) ** 2).sum() / weight.sum())) for at, c in zip((ys, xs), (61, 40), strict=True)
    ]
    assert widths[0] == pytest.approx(widths[1], rel=0.01)
    assert maps.shape == (3, 120, 100)


def test_zoom_lets_a_network_see_particles_at_the_size_it_knows(samples, model):
    """Cells shrunk to half their size, zoomed by 2, are counted like the originals; not zoomed, they are not."""
    grays = samples["leukocytes"]
    small = [cv2.resize(gray, (124, 124), interpolation=cv2.INTER_AREA) for gray in grays]
    predictor = Predictor(model)
    wanted = [found.particle_count for found in answers(predictor, grays)]
    agree = {
        zoom: np.mean([a == b.particle_count for a, b in zip(wanted, answers(predictor, small, zoom), strict=True)])
        for zoom in (1.0, 2.0)
    }
    assert agree[2.0] > agree[1.0]


def test_images_of_several_zooms_may_be_asked_about_together(samples, model):
    predictor, zooms = Predictor(model, fast=False), [0.7, 1.0, 1.5, 1.0]
    grays = samples["leukocytes"][: len(zooms)]
    together = predictor.find(grays, [CUTOFF_PX] * len(zooms), zooms)
    for gray, zoom, found in zip(grays, zooms, together, strict=True):
        (alone,) = predictor.find([gray], [CUTOFF_PX], [zoom])
        assert found.box == alone.box
        np.testing.assert_allclose(found.probability.astype(int), alone.probability, atol=1)


def test_half_at_zoom_one_sees_two_by_two_means():
    gray = np.arange(35, dtype=np.float32).reshape(5, 7)
    even = np.pad(gray, ((0, 1), (0, 1)), mode="edge")
    means = even.reshape(3, 2, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(NetworkInput(gray, 0.5).gray, means)


def test_one_large_batch_and_many_small_ones_agree(samples, model):
    """A GPU takes all crops of a size at once."""
    grays = [gray for kind in ("leukocytes", "spanning") for gray in samples[kind]]
    one, many = Predictor(model, fast=False), Predictor(model, fast=False)
    one._batch_pixels, many._batch_pixels = 1 << 30, 1
    for a, b in zip(answers(one, grays), answers(many, grays), strict=True):
        assert a.particle_count == b.particle_count
        assert overlap(a.mask, b.mask) > 0.999


def test_batches_that_are_fetched_later_go_to_the_same_images(samples, model):
    """As with a GPU, which has some before it while the next are cut."""
    at_once, later = Predictor(model, fast=False), Predictor(model, fast=False)
    later._ahead, later._batch_pixels = 3, 1  # a crop each
    at_once._batch_pixels = 1
    for a, b in zip(answers(at_once, samples["leukocytes"]), answers(later, samples["leukocytes"]), strict=True):
        np.testing.assert_array_equal(a.mask, b.mask)
        np.testing.assert_array_equal(a.centroids, b.centroids)


def test_the_size_cutoff_is_in_pixels_of_the_image(samples, model):
    predictor = Predictor(replace(model, card=replace(model.card, size_cutoff_um=5.0)))
    grays = samples["leukocytes"]
    for zoom in (1.0, 0.9):
        assert not any(found.particle_count for found in answers(predictor, grays, zoom, 1e3))
