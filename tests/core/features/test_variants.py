"""Formulas that other instruments may use, against scikit-image, SciPy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats
from skimage import feature, measure

from tui_cytpix.core.features.measurement import image_features
from tui_cytpix.core.features.table import IMAGE, names
from tui_cytpix.core.features.variants import NOT_OF_MASKS, OURS, MaskedImage, variants

FRAME, SCALE = (60, 70), 0.5


def masked(seed=0, objects=None, bit_depth=10):
    """Two ragged objects and three particles, unless said otherwise."""
    rng = np.random.default_rng(seed)
    if objects is None:
        noise = np.zeros(FRAME)
        noise[5:30, 6:40], noise[40:55, 30:60] = rng.random((25, 34)), rng.random((15, 30))
        labels = measure.label(noise > 0.45, connectivity=2)
        sizes = np.bincount(labels.ravel())[1:]
        first, second = np.argsort(sizes)[::-1][:2] + 1
        objects = np.where(labels == first, 1, np.where(labels == second, 2, 0))
    particles = np.zeros(FRAME, np.uint16)
    for number, place in enumerate(np.argwhere(objects == 1)[[20, -20]], 1):
        particles[tuple(place)] = number
    if (objects == 2).any():
        particles[tuple(np.argwhere(objects == 2)[3])] = 3
    gray = (rng.normal(600, 8, FRAME) + (objects > 0) * rng.normal(-90, 40, FRAME)).round().astype(np.uint16)
    background = (600 + rng.normal(0, 5, FRAME)).astype(np.float32)
    return MaskedImage(gray, objects.astype(np.uint16), particles, background, bit_depth, SCALE)


def found(image):
    table = {}
    for name, words, value in variants(image):
        assert (name, words) not in table
        table[name, words] = float(value)
    return table


def matrix(levels, inside, number, angles, *, symmetric):
    outside = np.where(inside, levels, number)
    counts = feature.graycomatrix(outside, [1], angles, number + 1, symmetric=symmetric)[:-1, :-1].sum(axis=(2, 3))
    return counts / counts.sum()


def test_every_parameter_that_masks_tell_is_tried_by_ours_and_what_it_says():
    image = masked()
    table = found(image)
    middles = np.array([np.argwhere(image.particles == k).mean(axis=0) for k in (1, 2, 3)])
    ours = image_features(image.gray, image.objects > 0, middles, SCALE, image.background)
    assert {name for name, words in table if words == OURS} == {*names(IMAGE)} - {*NOT_OF_MASKS}
    for name in {*names(IMAGE)} - {*NOT_OF_MASKS}:
        assert table[name, OURS] == pytest.approx(ours[name], nan_ok=True)
    assert not {name for name, _ in table} - {*names(IMAGE)}


def test_our_formula_is_among_the_others_in_words():
    table = found(masked(1))
    for name, words in {
        "StandardDeviationIntensity": "raw gray, of the population, all objects",
        "KurtosisIntensity": "raw gray, excess, of the population, all objects",
        "EntropyIntensity": "a bin for each gray value, bits, all objects",
        "NormalizedAverageIntensity": "over background, all objects",
        "AreaSquareMicrons": "pixels, all objects",
        "PerimeterMicrons": "Crofton in 4 directions, largest object",
        "MajorDiameterMicrons": "second moments, pixels as squares, largest object",
        "EccentricityPercent": "sqrt(1 - ratio^2), second moments, pixels as squares, largest object",
        "CircularityPercent": (
            "4 pi area / perimeter^2, area by pixels, perimeter by Crofton in 4 directions, cut at 100, largest object"
        ),
        "PseudoDiameterMicrons": "of the area by pixels, largest object",
        "GyrationRadiusWeighted": "weights |gray - background|, about the weighted mean, px, largest object",
        "EntropyCoOccurrence": "64 levels of 1/32 of gray/background, 4 directions, symmetric, bits, all objects",
        "ContrastCoOccurrence": "64 levels of 1/32 of gray/background, 4 directions, all objects",
        "ParticleCount": "particle masks",
        "ClumpIndexMax": "most particle masks in one object mask",
    }.items():
        assert table[name, words] == pytest.approx(table[name, OURS]), name


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_gray_statistics_are_scipys(seed):
    image = masked(seed)
    table = found(image)
    regions = {
        "all objects": image.objects > 0,
        "largest object": image.objects == 1 + np.argmax(np.bincount(image.objects.ravel())[1:]),
        "whole image": np.ones(FRAME, bool),
    }
    for region, mask in regions.items():
        values = image.gray[mask].astype(float)
        expected = {
            ("StandardDeviationIntensity", "raw gray, of a sample"): values.std(ddof=1),
            ("CVIntensity", "raw gray, of a sample, share"): stats.variation(values, ddof=1),
            ("SkewnessIntensity", "raw gray, of a sample"): stats.skew(values, bias=False),
            ("KurtosisIntensity", "raw gray, excess, of a sample"): stats.kurtosis(values, bias=False),
            ("KurtosisIntensity", "raw gray, 3 for a normal distribution"): stats.kurtosis(values, fisher=False),
            ("MaxIntensity", "8-bit gray"): (image.gray[mask] >> 2).max(),
            ("TotalIntensity", "gray less background"): (values - image.background[mask]).sum(),
            ("EntropyIntensity", "a bin for each gray value, nats"): stats.entropy(
                np.unique(values, return_counts=True)[1]
            ),
            ("NormalizedAverageIntensity", "over full scale"): values.mean() / 1023,
            ("NormalizedMinIntensity", "image's minimum to maximum"): (
                (values.min() - image.gray.min()) / np.ptp(image.gray)
            ),
        }
        for (name, words), value in expected.items():
            assert table[name, f"{words}, {region}"] == pytest.approx(value), (name, words, region)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_shapes_are_scikit_images(seed):
    image = masked(seed)
    table = found(image)
    one = image.objects == 1 + np.argmax(np.bincount(image.objects.ravel())[1:])
    judge = measure.regionprops(one.astype(int))[0]
    edges = sum(np.abs(np.diff(np.pad(one, 1).astype(int), axis=axis)).sum() for axis in (0, 1))
    expected = {
        ("PerimeterMicrons", "Benkrid and Crookes"): measure.perimeter(one, 4) * SCALE,
        ("PerimeterMicrons", "Crofton in 2 directions"): measure.perimeter_crofton(one, 2) * SCALE,
        ("PerimeterMicrons", "pixel edges"): edges * SCALE,
        ("PerimeterMicrons", "border pixels"): (one & ~ndimage.binary_erosion(one)).sum() * SCALE,
        ("MajorDiameterMicrons", "second moments, pixels as points"): judge.axis_major_length * SCALE,
        ("MinorDiameterMicrons", "second moments, pixels as points"): judge.axis_minor_length * SCALE,
        ("EccentricityPercent", "sqrt(1 - ratio^2), second moments, pixels as points"): 100 * judge.eccentricity,
        ("MinorDiameterMicrons", "upright rectangle"): min(np.ptp(np.argwhere(one), axis=0) + 1) * SCALE,
        ("CircularityPercent", "4 pi area / perimeter^2, area by pixels, perimeter by pixel edges, uncut"): (
            400 * math.pi * one.sum() / edges**2
        ),
        ("GyrationRadiusWeighted", "weights 1, about the weighted mean, px"): math.sqrt(
            np.argwhere(one).astype(float).var(axis=0).sum()
        ),
    }
    for (name, words), value in expected.items():
        assert table[name, f"{words}, largest object"] == pytest.approx(value), (name, words)
    both = [measure.perimeter(image.objects == k, 4) * SCALE for k in (1, 2)]
    assert table["PerimeterMicrons", "Benkrid and Crookes, mean over objects"] == pytest.approx(np.mean(both))


def test_a_rectangle_has_its_closed_forms():
    objects = np.zeros(FRAME, int)
    objects[10:30, 10:50] = 1
    table = {key: value / SCALE for key, value in found(masked(objects=objects)).items()}
    where = "largest object"
    assert table["AreaSquareMicrons", f"polygon, {where}"] == pytest.approx(19 * 39 * SCALE)
    assert table["AreaSquareMicrons", f"convex hull, {where}"] == pytest.approx(20 * 40 * SCALE)
    assert table["PerimeterMicrons", f"chain code, {where}"] == pytest.approx(2 * (19 + 39))
    vossepoel = 0.98 * 2 * (19 + 39) - 0.091 * 4
    assert table["PerimeterMicrons", f"Vossepoel and Smeulders, {where}"] == pytest.approx(vossepoel)
    assert table["MajorDiameterMicrons", f"smallest rectangle, {where}"] == pytest.approx(40, rel=1e-4)
    assert table["MajorDiameterMicrons", f"Feret, {where}"] == pytest.approx(math.hypot(20, 40))
    for region in ("all objects", "mean over objects"):  # there is one
        assert table["PerimeterMicrons", f"chain code, {region}"] == table["PerimeterMicrons", f"chain code, {where}"]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_texture_is_scikit_images(seed):
    image = masked(seed)
    table, inside = found(image), image.objects > 0
    half = math.pi / 2
    own = image.gray[inside].astype(int)
    stretched = np.clip((image.gray.astype(int) - own.min()) * 16 // np.ptp(own), 0, 15).astype(np.uint8)
    for levels, number, kind in (
        ((image.gray >> 7).astype(np.uint8), 8, "8 levels over full scale"),
        ((image.gray >> 2).astype(np.uint16), 256, "256 levels over full scale"),
        (stretched, 16, "16 levels from minimum to maximum"),
    ):
        for angles, directions in (([0], "1 direction"), ([0, half], "2 directions")):
            for symmetric, order in ((True, "symmetric"), (False, "one order")):
                p = matrix(levels, inside, number, angles, symmetric=symmetric)
                words = f"{kind}, {directions}, {order}"
                i, j = np.indices(p.shape)
                entropy = stats.entropy(p.ravel(), base=2)
                assert table["MaximumCoOccurrence", f"{words}, all objects"] == pytest.approx(p.max())
                asm = table["AngularSecondMomentCoOccurrence", f"{words}, all objects"]
                assert asm == pytest.approx((p**2).sum())
                assert table["EntropyCoOccurrence", f"{words}, bits, all objects"] == pytest.approx(entropy)
                assert table["ContrastCoOccurrence", f"{kind}, {directions}, all objects"] == pytest.approx(
                    ((i - j) ** 2 * p).sum()
                )


def test_counts_by_masks_and_by_regions():
    objects = np.zeros(FRAME, int)
    objects[10:20, 10:20], objects[20:30, 20:30], objects[40:44, 0:5] = 1, 2, 3  # the first two touch at a corner
    particles = np.zeros(FRAME, np.uint16)
    particles[12, 12], particles[12, 13], particles[25, 25], particles[27, 27] = 1, 2, 3, 4
    image = masked(objects=objects)
    table = found(MaskedImage(image.gray, image.objects, particles, image.background, 10, None))
    assert table["ObjectCount", OURS] == 2  # 8-connected
    assert table["ObjectCount", "object masks"] == table["ObjectCount", "4-connected regions"] == 3
    assert table["ParticleCount", "particle masks"] == 4
    assert table["ParticleCount", "connected regions of particle masks"] == 3
    assert table["ClumpIndexMax", OURS] == 4
    assert table["ClumpIndexMax", "most particle masks in one object mask"] == 2
    assert table["ClumpIndexMax", "particle masks for each object mask, mean"] == pytest.approx(4 / 3)
    assert (table["IsOnBorder", "any object"], table["IsOnBorder", "largest object"]) == (1, 0)
    assert math.isnan(table["PerimeterMicrons", "pixel edges, largest object"])  # the scale is unknown
    assert table["NumPixels", "pixels, largest object"] == 100


def test_an_image_without_objects_and_one_of_a_pixel():
    nothing = np.zeros(FRAME, np.uint16)
    gray, background = masked().gray, masked().background
    table = found(MaskedImage(gray, nothing, nothing, background, 10, 1.0))
    assert (table["NumPixels", OURS], table["ObjectCount", "object masks"]) == (0, 0)
    point = nothing.copy()
    point[5, 5] = 1
    table = found(MaskedImage(gray, point, point, background, 10, 1.0))
    assert table["MajorDiameterMicrons", "Feret, largest object"] == pytest.approx(math.sqrt(2))
    assert table["PerimeterMicrons", "pixel edges, largest object"] == 4
    assert table["MajorDiameterMicrons", "second moments, pixels as points, largest object"] == 0
    assert math.isnan(table["StandardDeviationIntensity", "raw gray, of a sample, largest object"])
