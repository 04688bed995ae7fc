"""Features against scikit-image, SciPy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import spatial, stats
from skimage import draw, feature, measure

from tui_cytpix.core.features import shape as shapes
from tui_cytpix.core.features import texture
from tui_cytpix.core.features.focus import focus_score
from tui_cytpix.core.features.measurement import (
    Measurement,
    Subject,
    image_features,
)
from tui_cytpix.core.features.pixels import Canvas, Pixels
from tui_cytpix.core.features.table import FEATURES, names

FRAME = (248, 248)
SCALE = 0.3


def ellipse(half_major, half_minor, angle=0.0, centre=(124, 124)):
    mask = np.zeros(FRAME, bool)
    mask[draw.ellipse(*centre, half_major, half_minor, shape=FRAME, rotation=angle)] = True
    return mask


def scene(mask, seed=0, dtype=np.uint16):
    rng = np.random.default_rng(seed)
    gray = rng.normal(600, 8, FRAME) + mask * rng.normal(-90, 40, FRAME)
    return gray.round().astype(dtype), np.full(FRAME, 600, np.float32)


def blob(seed):
    """A random 8-connected region with a ragged outline."""
    rng = np.random.default_rng(seed)
    noise = np.zeros(FRAME)
    noise[100:150, 90:160] = rng.random((50, 70))
    labels = measure.label(noise > 0.45, connectivity=2)
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])


def centroid_of(mask):
    return np.argwhere(mask).mean(axis=0, keepdims=True)


def particle_features(gray, mask, centroids, background, labels=None):
    """One row per centroid, by name."""
    subject = Subject(gray, mask, centroids, background, labels=labels)
    return [
        dict(zip(names("particle"), row, strict=True)) for row in Measurement([subject], SCALE).particles().tolist()
    ]


def test_every_feature_has_name_unit_formula_source_once():
    assert len({f.name for f in FEATURES}) == len(FEATURES)
    assert all(f.name and f.label and f.unit and f.formula and f.source and f.levels for f in FEATURES)
    assert all(f.range.above.bit_count() == 1 and f.range.why for f in FEATURES)  # a power of two, as $PnR usually is
    assert all(f.name.isascii() and f.name.isalnum() for f in FEATURES)


def test_the_products_names_are_all_there():
    statistics = ["Max", "Min", "Total", "Average", "StandardDeviation", "CV", "Skewness", "Kurtosis", "Entropy"]
    wanted = {f"{prefix}{s}Intensity" for s in statistics for prefix in ("", "Normalized")}
    wanted |= {
        "NumPixels",
        "AreaSquareMicrons",
        "PerimeterMicrons",
        "MajorDiameterMicrons",
        "MinorDiameterMicrons",
        "MinorMajorRatioPercent",
        "EccentricityPercent",
        "MaxFeretDiameterMicrons",
        "MinFeretDiameterMicrons",
        "CircularityPercent",
        "UncutCircularityPercent",
        "PseudoDiameterMicrons",
        "GyrationRadiusWeighted",
        "MaximumCoOccurrence",
        "ContrastCoOccurrence",
        "EntropyCoOccurrence",
        "AngularSecondMomentCoOccurrence",
        "ParticleCount",
        "ObjectCount",
        "ClumpIndexMax",
        "IsOnBorder",
        "IsProcessable",
        "IsProcessed",
        "ConfidenceScore",
        "FocusScore",
    }
    assert set(names("image")) == wanted


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.1])
@pytest.mark.parametrize(("a", "b"), [(20, 20), (30, 12), (40, 8)])
def test_an_ellipse_comes_out_as_drawn(a, b, angle):
    mask = ellipse(a, b, angle)
    found = image_features(*_args(mask))
    eccentricity = math.sqrt(1 - (b / a) ** 2)
    h = ((a - b) / (a + b)) ** 2  # Ramanujan 1914
    outline = math.pi * (a + b) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))
    assert found["AreaSquareMicrons"] == pytest.approx(math.pi * a * b * SCALE**2, rel=0.03)
    assert found["MajorDiameterMicrons"] == pytest.approx(2 * a * SCALE, rel=0.02)
    assert found["MinorDiameterMicrons"] == pytest.approx(2 * b * SCALE, rel=0.03)
    assert found["MinorMajorRatioPercent"] == pytest.approx(100 * b / a, rel=0.03)
    assert found["EccentricityPercent"] == pytest.approx(100 * eccentricity, abs=6 if a == b else 1)
    assert found["PerimeterMicrons"] == pytest.approx(outline * SCALE, rel=0.04)
    assert found["CircularityPercent"] == pytest.approx(100 * 4 * math.pi**2 * a * b / outline**2, rel=0.07)
    assert found["PseudoDiameterMicrons"] == pytest.approx(2 * math.sqrt(a * b) * SCALE, rel=0.02)


def _args(mask, scale=SCALE, seed=0):
    gray, background = scene(mask, seed)
    return gray, mask, centroid_of(mask), scale, background


def test_a_square_is_what_the_formulas_say():
    mask = np.zeros(FRAME, bool)
    mask[100:130, 50:80] = True
    found = image_features(*_args(mask))
    assert found["NumPixels"] == 900
    # Exact for a square of unit pixels: second moment L^2 / 12 (skimage leaves the pixels' own out)
    assert found["MajorDiameterMicrons"] == pytest.approx(4 * math.sqrt(900 / 12) * SCALE)
    assert found["EccentricityPercent"] == pytest.approx(0, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_shapes_and_sums_agree_with_regionprops(seed):
    mask = blob(seed)
    gray, background = scene(mask, seed)
    found = image_features(gray, mask, centroid_of(mask), 1.0, background)
    judge = measure.regionprops(mask.astype(int), intensity_image=gray)[0]
    assert found["NumPixels"] == judge.area
    assert found["PerimeterMicrons"] == pytest.approx(measure.perimeter_crofton(mask, 4))
    pixel = 16 / 12  # (4 sqrt(1/12))^2
    assert found["MajorDiameterMicrons"] == pytest.approx(math.sqrt(judge.axis_major_length**2 + pixel))
    assert found["MinorDiameterMicrons"] == pytest.approx(math.sqrt(judge.axis_minor_length**2 + pixel))
    assert found["PseudoDiameterMicrons"] == pytest.approx(judge.equivalent_diameter_area)
    values = gray[mask].astype(float)
    assert found["TotalIntensity"] == values.sum()
    assert found["AverageIntensity"] == pytest.approx(judge.intensity_mean)
    assert found["StandardDeviationIntensity"] == pytest.approx(values.std())
    assert found["CVIntensity"] == pytest.approx(100 * stats.variation(values))
    assert found["SkewnessIntensity"] == pytest.approx(stats.skew(values))
    assert found["KurtosisIntensity"] == pytest.approx(stats.kurtosis(values))
    assert found["EntropyIntensity"] == pytest.approx(measure.shannon_entropy(gray[mask]))
    assert found["NormalizedAverageIntensity"] == pytest.approx((gray / background)[mask].mean())
    assert (found["MaxIntensity"], found["MinIntensity"]) == (values.max(), values.min())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_texture_agrees_with_skimages_matrix(seed):
    mask = blob(seed)
    gray, background = scene(mask, seed)
    levels = texture.gray_levels(gray / background)
    outside = np.where(mask, levels, texture.LEVELS).astype(np.uint8)
    angles = [0, math.pi / 4, math.pi / 2, 3 * math.pi / 4]
    matrix = feature.graycomatrix(outside, [1], angles, texture.LEVELS + 1, symmetric=True)[:-1, :-1].sum(axis=(2, 3))
    p = matrix / matrix.sum()
    canvas = Canvas([gray], [background])
    on_canvas = canvas.filled([levels], np.int32)
    found = texture.cooccurrence(Pixels(canvas, canvas.filled([mask], np.int32), [1]), on_canvas)
    assert found["MaximumCoOccurrence"][0] == pytest.approx(p.max())
    shaped = p[:, :, None, None]
    assert found["ContrastCoOccurrence"][0] == pytest.approx(feature.graycoprops(shaped, "contrast")[0, 0])
    assert found["AngularSecondMomentCoOccurrence"][0] == pytest.approx(feature.graycoprops(shaped, "ASM")[0, 0])
    assert found["EntropyCoOccurrence"][0] == pytest.approx(stats.entropy(p.ravel(), base=2))


def test_gyration_radius_of_a_disc_and_of_two_points():
    points = np.zeros((9, 9))
    points[4, 1], points[4, 7] = 1, 2
    weights = [ellipse(30, 30).astype(float), points]
    canvas = Canvas(weights, [np.zeros(w.shape, np.float32) for w in weights])
    pixels = Pixels(canvas, canvas.filled([w > 0 for w in weights], np.int32), [1, 1])
    disc, pair = shapes.gyration_radius(pixels, pixels.gray)
    assert disc == pytest.approx(30 / math.sqrt(2), rel=0.01)
    # distance d = 6, weights 1 and 2: d sqrt(w1 w2) / (w1 + w2)
    assert pair == pytest.approx(6 * math.sqrt(2) / 3)


def corners_of(mask):
    """Each pixel's four corners, (4 P, 2)."""
    places = np.argwhere(mask)
    return np.concatenate([places + corner for corner in ((0, 0), (0, 1), (1, 0), (1, 1))]).astype(float)


def widths(points, angles):
    """The distances between two parallel lines that hold the points, by the angle of their normal."""
    ahead = points @ np.stack([np.sin(angles), np.cos(angles)])
    return np.ptp(ahead, axis=0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_feret_diameters_agree_with_brute_force_and_regionprops(seed):
    mask = blob(seed)
    found = image_features(*_args(mask, 1.0))
    points = corners_of(mask)
    hull = spatial.ConvexHull(points)
    assert found["MaxFeretDiameterMicrons"] == pytest.approx(spatial.distance.pdist(points[hull.vertices]).max())
    sides = np.arctan2(hull.equations[:, 0], hull.equations[:, 1])  # of the narrowest, a line lies along a side
    assert found["MinFeretDiameterMicrons"] == pytest.approx(widths(points, sides).min())
    every = widths(points, np.linspace(0, math.pi, 1440, endpoint=False))
    assert every.min() >= found["MinFeretDiameterMicrons"] - 1e-9
    assert every.max() <= found["MaxFeretDiameterMicrons"] + 1e-9
    judge = measure.regionprops(mask.astype(int))[0].feret_diameter_max
    # scikit-image has a pixel end at half its sides, not at its corners, and hulls of whole pixels
    assert found["MaxFeretDiameterMicrons"] == pytest.approx(judge, abs=1)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (30, 20), (25, 25)])
def test_feret_diameters_of_rectangles_are_exact(height, width):
    mask = np.zeros(FRAME, bool)
    mask[100 : 100 + height, 50 : 50 + width] = True
    found = image_features(*_args(mask))
    assert found["MaxFeretDiameterMicrons"] == pytest.approx(math.hypot(height, width) * SCALE)
    assert found["MinFeretDiameterMicrons"] == pytest.approx(min(height, width) * SCALE)


@pytest.mark.parametrize("radius", [3, 8.5, 20, 40])
def test_feret_diameters_of_discs_are_theirs_and_at_most_a_pixel_and_a_half(radius):
    y, x = np.ogrid[: FRAME[0], : FRAME[1]]
    found = image_features(*_args((y - 124) ** 2 + (x - 124) ** 2 <= radius**2, 1.0))
    assert 0 <= found["MinFeretDiameterMicrons"] - 2 * radius <= 1.5
    assert 0 <= found["MaxFeretDiameterMicrons"] - 2 * radius <= 1.5
    assert found["MinFeretDiameterMicrons"] <= found["MaxFeretDiameterMicrons"]


def test_circularity_uncut_says_what_the_cut_one_hides():
    for mask in (blob(1), ellipse(30, 12), ellipse(2, 2)):
        found = image_features(*_args(mask, 1.0))
        uncut = 400 * math.pi * mask.sum() / measure.perimeter_crofton(mask, 4) ** 2
        assert found["UncutCircularityPercent"] == pytest.approx(uncut)
        assert found["CircularityPercent"] == pytest.approx(min(uncut, 100))
    assert uncut > 100


def test_a_known_clump_and_a_loner():
    mask = ellipse(10, 10, centre=(60, 60)) | ellipse(10, 10, centre=(60, 78)) | ellipse(6, 6, centre=(150, 150))
    centroids = np.array([[60, 60], [60, 78], [150, 150]], np.float32)
    gray, background = scene(mask)
    found = image_features(gray, mask, centroids, SCALE, background)
    assert [found[n] for n in ("ParticleCount", "ObjectCount", "ClumpIndexMax", "IsOnBorder")] == [3, 2, 2, 0]
    # Pixel features cover both objects, shape features the clump
    assert found["NumPixels"] == mask.sum()
    clump = mask.copy()
    clump[120:] = False
    assert found["PseudoDiameterMicrons"] == pytest.approx(2 * math.sqrt(clump.sum() / math.pi) * SCALE)

    particles = particle_features(gray, mask, centroids, background)
    assert [row["ClumpIndex"] for row in particles] == [2, 2, 1]
    assert [row["ObjectIndex"] for row in particles] == [1, 1, 2]
    assert sum(row["NumPixels"] for row in particles) == mask.sum()
    assert all(row["CentroidOffsetPixels"] < 1.5 for row in particles)
    assert particles[2]["CircularityPercent"] > 90


def test_an_unknown_scale_leaves_micron_fields_empty_only():
    mask = ellipse(20, 10)
    found = image_features(*_args(mask, scale=None))
    for name, value in found.items():
        if name != "ConfidenceScore":
            assert math.isnan(value) == ("Microns" in name), name


def test_an_image_without_objects():
    gray, background = scene(np.zeros(FRAME, bool))
    nothing = np.zeros((0, 2), np.float32)
    found = image_features(gray, np.zeros(FRAME, bool), nothing, SCALE, background, confidence=0.25)
    assert set(found) == set(names("image"))
    assert (found["ParticleCount"], found["ObjectCount"], found["ClumpIndexMax"], found["NumPixels"]) == (0, 0, 0, 0)
    assert math.isnan(found["AverageIntensity"])
    assert found["ConfidenceScore"] == 0.25
    assert particle_features(gray, np.zeros(FRAME, bool), nothing, background) == []
    assert found["AreaSquareMicrons"] == 0
    unknown = image_features(gray, np.zeros(FRAME, bool), nothing, None, background)
    assert math.isnan(unknown["AreaSquareMicrons"])


def test_one_pixel_and_a_full_frame():
    for mask in (np.zeros(FRAME, bool), np.ones(FRAME, bool)):
        mask[10, 10] = True
        found = image_features(*_args(mask))
        assert found["IsOnBorder"] == float(mask.all())
        assert found["MajorDiameterMicrons"] > 0
        assert found["CircularityPercent"] <= 100


def test_a_blank_frame_is_not_processable():
    blank = np.full(FRAME, 7, np.uint8)
    found = image_features(blank, ellipse(9, 9), np.array([[124, 124]]), None, blank.astype(np.float32))
    assert found["IsProcessable"] == 0
    assert math.isnan(found["SkewnessIntensity"])
    assert found["NormalizedAverageIntensity"] == 1


def test_a_centroid_without_a_particle_keeps_its_row():
    mask = ellipse(9, 9)
    gray, background = scene(mask)
    rows = particle_features(gray, mask, np.array([[124, 124], [10, 10]]), background)
    assert [row["NumPixels"] for row in rows] == [mask.sum(), 0]
    assert rows[1]["ObjectIndex"] == 0
    assert math.isnan(rows[1]["AverageIntensity"])
    assert (rows[1]["CentroidYPixels"], rows[1]["CentroidXPixels"]) == (10, 10)


def test_particles_on_the_border_are_told():
    mask = ellipse(9, 9, centre=(4, 100)) | ellipse(9, 9)
    gray, background = scene(mask)
    centroids = np.array([[4, 100], [124, 124]])
    assert [r["IsOnBorder"] for r in particle_features(gray, mask, centroids, background)] == [1, 0]


def test_normalized_features_do_not_depend_on_gain():
    mask = ellipse(20, 10)
    gray, background = scene(mask)
    one = image_features(gray, mask, centroid_of(mask), SCALE, background)
    two = image_features((gray * 3).astype(np.uint16), mask, centroid_of(mask), SCALE, background * 3)
    for name in names("image"):
        if name.startswith("Normalized") or name.endswith("CoOccurrence") or name == "GyrationRadiusWeighted":
            assert two[name] == pytest.approx(one[name]), name


def test_many_images_at_once_are_measured_like_each_alone():
    rng = np.random.default_rng(8)
    subjects, alone, particles = [], [], []
    for seed in range(12):
        mask = ellipse(*rng.integers(4, 30, 2), centre=rng.integers(0, 248, 2)) | (blob(seed) if seed % 3 else False)
        mask &= seed != 5  # one without anything
        gray, background = scene(mask, seed)
        centroids = rng.uniform(0, 248, (seed % 4, 2))
        centroids = np.concatenate([centroids, centroid_of(mask)]) if mask.any() else centroids
        box = np.array([[0, 0], FRAME]) if seed % 2 else _bounds(mask)
        (y0, x0), (y1, x1) = box.tolist()
        part = np.s_[y0:y1, x0:x1]
        confidence = rng.random(len(centroids)).astype(np.float32)
        subjects.append(
            Subject(
                gray[part],
                mask[part],
                centroids - box[0],
                background[part],
                (y0, x0),
                FRAME,
                focus=focus_score(gray, mask, background),
                particle_confidence=confidence,
            )
        )
        alone.append(image_features(gray, mask, centroids, SCALE, background))
        expected = particle_features(gray, mask, centroids, background)
        particles += [{**row, "ConfidenceScore": c} for row, c in zip(expected, confidence, strict=True)]
    together = Measurement(subjects, SCALE)
    for table, rows in ((together.images(), alone), (together.particles(), particles)):
        np.testing.assert_allclose(table, [list(row.values()) for row in rows], rtol=1e-9, atol=1e-9)


def _bounds(mask):
    places = np.argwhere(mask)
    return np.stack([places.min(axis=0), places.max(axis=0) + 1])


def test_nothing_to_measure():
    nothing = Measurement([], SCALE)
    assert nothing.images().shape == (0, len(names("image")))
    assert nothing.particles().shape == (0, len(names("particle")))


def test_particles_are_what_labels_say():
    """Two halves of one ellipse, cut where no watershed would; and one particle that isn't all of its object."""
    mask = ellipse(20, 10)
    gray, background = scene(mask)
    columns = np.arange(mask.shape[1])
    cut = np.where(mask, 1 + (columns > 127), 0).astype(np.uint16)
    centroids = np.array([[124, 121], [124, 130]])
    rows = particle_features(gray, mask, centroids, background, cut)
    assert [row["NumPixels"] for row in rows] == [(cut == 1).sum(), (cut == 2).sum()]
    for row, k in zip(rows, (1, 2), strict=True):
        (alone,) = particle_features(gray, cut == k, centroids[[k - 1]], background)
        assert row["AverageIntensity"] == pytest.approx(alone["AverageIntensity"])
        assert row["CentroidOffsetPixels"] == pytest.approx(alone["CentroidOffsetPixels"])
    whole = [particle_features(gray, mask, centroids[:1], background, labels) for labels in (None, mask * np.uint16(1))]
    np.testing.assert_equal(whole[0], whole[1])
    (part,) = particle_features(gray, mask, centroids[:1], background, np.where(cut == 1, cut, 0).astype(np.uint16))
    assert part["NumPixels"] == (cut == 1).sum()
