"""The instrument's parameters against ours, on simulated tubes of an instrument whose formulas are known."""

from __future__ import annotations

import json
import math
import zipfile

import numpy as np
import pytest
from scipy import stats
from skimage import feature, measure

from tui_cytpix.core.features.measurement import image_features
from tui_cytpix.core.features.table import IMAGE, names
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.fcs.write import write_fcs_new
from tui_cytpix.simulate.files.layout import write_acs
from tui_cytpix.simulate.files.tube_fcs import CYTOMETER, IMAGE_PARAMETERS
from tui_cytpix.simulate.frames.events import SimulatedSample
from tui_cytpix.workflow.samples.concordance import concordance
from tui_cytpix.workflow.samples.concordance_report import report, write_report

IMAGES, UNPROCESSED, SLOPE, OFFSET = 80, 3, 1.07, 0.4


class Instrument:
    """Calculates some parameters otherwise than we do, by scikit-image and SciPy, and rounds as an instrument might."""

    def __init__(self):
        self.seen = 0

    def __call__(self, image, answer, um, background):
        inside = answer.objects > 0
        ours = image_features(image, inside, answer.centroids, um, background, answer.confidence)
        self.seen += 1
        if self.seen <= UNPROCESSED:
            return np.zeros(len(IMAGE_PARAMETERS))
        if inside.any():
            ours |= self.otherwise(image, answer.objects, um, ours)
        return np.nan_to_num(np.array([ours[name] for name in IMAGE_PARAMETERS]))

    def otherwise(self, image, objects, um, ours):
        inside = objects > 0
        largest = objects == 1 + np.argmax(np.bincount(objects.ravel())[1:])
        gray = image[inside].astype(float)
        shape = measure.regionprops(largest.astype(int))[0]
        angles = [0, math.pi / 4, math.pi / 2, 3 * math.pi / 4]
        eight = np.where(inside, image >> 7, 8).astype(np.uint8)
        matrix = feature.graycomatrix(eight, [1], angles, 9, symmetric=True)[:8, :8].sum(axis=(2, 3))
        i, j = np.indices(matrix.shape)
        return {
            "MaxIntensity": float((image[inside] >> 2).max()),
            "TotalIntensity": float(image[largest].sum()),
            "StandardDeviationIntensity": round(gray.std(ddof=1), 3),
            "KurtosisIntensity": stats.kurtosis(gray, fisher=False),
            "EntropyIntensity": stats.entropy(np.unique(gray, return_counts=True)[1]),
            "NormalizedAverageIntensity": gray.mean() / 1023,
            "PerimeterMicrons": round(measure.perimeter(largest, 4) * um, 2),
            "MajorDiameterMicrons": shape.axis_major_length * um,
            "MinorDiameterMicrons": SLOPE * ours["MinorDiameterMicrons"] + OFFSET,
            "CircularityPercent": 400 * math.pi * largest.sum() / measure.perimeter(largest, 4) ** 2,
            "ContrastCoOccurrence": (matrix * (i - j) ** 2).sum() / matrix.sum(),
            "ConfidenceScore": 0.5,
        }


@pytest.fixture(scope="module")
def tube(tmp_path_factory):
    path = tmp_path_factory.mktemp("concordance") / "secret-name.acs"
    write_acs(path, SimulatedSample("pombe-edinburgh", IMAGES, 5), Instrument())
    return path


@pytest.fixture(scope="module")
def found(tube):
    return concordance(tube, None, 1000, 0)


def test_the_formula_of_each_parameter_is_found(found):
    best = {one.name: (one.best.words, one.best.comparison.fit) for one in found.parameters}
    expected = {
        "MaxIntensity": "8-bit gray, all objects",
        "TotalIntensity": "raw gray, largest object",
        "StandardDeviationIntensity": "raw gray, of a sample, all objects",
        "KurtosisIntensity": "raw gray, 3 for a normal distribution, all objects",
        "EntropyIntensity": "a bin for each gray value, nats, all objects",
        "NormalizedAverageIntensity": "over full scale, all objects",
        "PerimeterMicrons": "Benkrid and Crookes, largest object",
        "MajorDiameterMicrons": "second moments, pixels as points, largest object",
        "CircularityPercent": (
            "4 pi area / perimeter^2, area by pixels, perimeter by Benkrid and Crookes, uncut, largest object"
        ),
        "ContrastCoOccurrence": "8 levels over full scale, 4 directions, all objects",
    }
    assert {name: best[name] for name in expected} == {name: (words, "equal") for name, words in expected.items()}
    same = {"MinIntensity", "AverageIntensity", "NumPixels", "AreaSquareMicrons", "ParticleCount", "ObjectCount"}
    same |= {"SkewnessIntensity", "PseudoDiameterMicrons", "ClumpIndexMax", "IsOnBorder"}
    assert {name: best[name] for name in same} == dict.fromkeys(same, ("ours", "equal"))


def test_slope_and_bias_are_found(found):
    (one,) = (one for one in found.parameters if one.name == "MinorDiameterMicrons")
    ours = one.ours.comparison
    assert one.best.words == "ours"
    assert ours.fit == "line"
    assert (ours.slope, ours.intercept) == pytest.approx((SLOPE, OFFSET), abs=1e-4)
    assert ours.low < ours.bias < ours.high
    assert ours.bias > OFFSET  # and 7 % of the diameter
    (major,) = (one for one in found.parameters if one.name == "MajorDiameterMicrons")
    assert major.ours.comparison.bias < 0  # without the pixels' own extent


def test_rounding_is_told(found):
    steps = {one.name: one.best.comparison.step for one in found.parameters}
    assert steps["PerimeterMicrons"] == 0.01
    assert steps["StandardDeviationIntensity"] == 0.001
    assert steps["MinorDiameterMicrons"] == 0


def test_what_can_not_be_told_apart_is_named(found):
    by_name = {one.name: one for one in found.parameters}
    assert "particle masks" in by_name["ParticleCount"].alike
    assert by_name["KurtosisIntensity"].others  # the next best, to compare with
    assert by_name["KurtosisIntensity"].tried > 20


def test_what_is_compared_and_what_is_not(found):
    assert (found.images, found.drawn, found.compared, found.unprocessed) == (IMAGES, IMAGES, 77, UNPROCESSED)
    assert found.not_compared == ("ConfidenceScore",)
    assert {one.name for one in found.parameters} == {*IMAGE_PARAMETERS} - {"ConfidenceScore"}
    assert {*IMAGE_PARAMETERS} < {*names(IMAGE)}
    assert found.um_per_px == pytest.approx(0.3)


def test_a_draw_is_the_same_for_a_seed(tube):
    drawn = [concordance(tube, None, 30, seed) for seed in (1, 1, 2)]
    assert drawn[0].drawn == 30
    told = [report([one])["samples"][0]["parameters"] for one in drawn]
    assert told[0] == told[1]
    assert told[0] != told[2]


def test_the_report_names_nobody_and_nothing(tube, found, tmp_path):
    path = tmp_path / "report.json"
    write_report(path, [found])
    text = path.read_text()
    plain = json.loads(text)
    assert plain == json.loads(json.dumps(report([found])))
    with zipfile.ZipFile(tube) as archive:
        members = [name.partition(".")[0] for name in archive.namelist() if not name.endswith((".tif", "TOC1.xml"))]
    for secret in (*members, tube.stem, str(tube.parent), CYTOMETER, "0A48664", "Cells", "02-JAN-2025", "pombe"):
        assert secret.casefold() not in text.casefold()
    assert set(plain) == {"what", "contains", "version", "differences", "samples"}
    (sample,) = plain["samples"]
    assert set(sample) == {
        *("sample", "images", "drawn", "seed", "compared", "unprocessed", "without_masks", "bad", "bit_depth", "shape"),
        *("um_per_px", "scale_source", "not_compared", "parameters"),
    }
    formula = {"formula", "fit", *found.parameters[0].ours.comparison.__dataclass_fields__}
    for one in sample["parameters"]:
        assert set(one) == {"parameter", "formulas", "ours", "best", "as_good", "as_good_number", "next_best"}
        assert set(one["ours"]) == set(one["best"]) == formula
    with pytest.raises(UsageError, match="exists"):
        write_report(path, [found])


def repacked(tube, path, change):
    """The tube with other members: `change` gives a member's new content, None to leave it out."""
    with zipfile.ZipFile(tube) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                target.writestr(name, content)
    return path


def test_damaged_masks_are_told_and_the_rest_is_compared(tube, tmp_path):
    def change(name, content):
        if not name.endswith(".masks.zip"):
            return content
        inner = tmp_path / "inner.zip"
        (tmp_path / "masks.zip").write_bytes(content)
        seen = []

        def spoil(event, masks):
            seen.append(event)
            return b"[]" if len(seen) in (10, 11) else None if len(seen) == 20 else masks

        return repacked(tmp_path / "masks.zip", inner, spoil).read_bytes()

    found = concordance(repacked(tube, tmp_path / "spoilt.acs", change), None, 1000, 0)
    assert (found.bad, found.without_masks, found.compared) == (2, 1, 74)
    assert "0 layers" in found.why
    assert "layers" not in json.dumps(report([found]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda name, content: None if name.endswith(".masks.zip") else content, "no instrument masks"),
        (lambda name, content: b"PK" if name.endswith(".masks.zip") else content, "masks can't be used"),
        (lambda name, content: None if name.endswith(".fcs") else content, "no FCS"),
    ],
)
def test_a_tube_that_lacks_something_is_refused_in_one_sentence(tube, tmp_path, change, words):
    with pytest.raises(SampleError, match=words):
        concordance(repacked(tube, tmp_path / "part.acs", change), None, 1000, 0)


def test_a_tube_without_image_parameters_and_one_with_too_few_images(tube, tmp_path):
    events = np.arange(1.0, 5001)
    bare = tmp_path / "bare.fcs"
    write_fcs_new(bare, ["Event", "ImageFlag"], [events.astype(np.float32)] * 2, {})

    def change(name, content):
        return bare.read_bytes() if name.endswith(".fcs") else content

    with pytest.raises(SampleError, match="no image-derived parameters"):
        concordance(repacked(tube, tmp_path / "part.acs", change), None, 1000, 0)
    with pytest.raises(SampleError, match="Too few images"):
        concordance(tube, None, 5, 0)
