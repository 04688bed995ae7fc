"""Scores over several samples: against SciPy and simulated tubes that differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tui_cytpix.core.statistics.agreement import Counts, ImageComparison
from tui_cytpix.core.statistics.model_scores import paired, summarise, unlike
from tui_cytpix.core.statistics.stratified_rates import difference
from tui_cytpix.core.statistics.units import UnitShare, ratio_over_units, share_over_units
from tui_cytpix.domain.segmentation import Segmentation


def image(right: bool = True, iou: float = 0.9) -> ImageComparison:
    """A singlet that is counted rightly, or as two."""
    matches = Counts(1, 0, 0) if right else Counts(0, 2, 1)
    return ImageComparison(1, 1 if right else 2, 1, 1 if right else 2, matches, matches, iou)


def tubes(wrong: list[int], each: int = 50) -> tuple[list[ImageComparison], list[str]]:
    """So many wrong images in each tube."""
    images = [image(n >= count) for count in wrong for n in range(each)]
    return images, [f"tube {k}" for k in range(len(wrong)) for _ in range(each)]


def test_over_several_samples_the_interval_is_theirs_and_wider_where_they_differ():
    images, samples = tubes([0, 2, 25])
    over_images, over_samples = summarise(images), summarise(images, samples)
    judge = share_over_units(UnitShare(50, right) for right in (50, 48, 25))
    for name in ("count_accuracy", "singlet_specificity"):
        assert over_samples[name] == over_images[name] == pytest.approx(123 / 150)
        assert over_samples[f"{name}_ci"] == pytest.approx([judge.low, judge.high])
    for name in ("count_accuracy", "centroid_f1", "ap50"):
        (low, high), (near, far) = over_samples[f"{name}_ci"], over_images[f"{name}_ci"]
        assert 0 <= low < near < far < high <= 1, name
    assert summarise(images, ["one"] * len(images)) == over_images


def test_matches_are_told_by_an_interval_that_holds_where_errors_are_rare():
    """Student's t of the samples' ratios held the truth in 83 to 92 %, and without any error it was a point."""
    images, samples = tubes([0, 0])
    for name in ("centroid_f1", "ap50"):
        assert summarise(images, samples)[f"{name}_ci"][0] < 0.9
    rng, held, repeats = np.random.default_rng(9), 0, 150
    rates = 1 / (1 + np.exp(-rng.normal(math.log(1 / 99), 1, (repeats, 4))))
    far = 1 / (1 + np.exp(-rng.normal(math.log(1 / 99), 1, 200_000)))
    for of_tubes in rates:
        images, samples = tubes(rng.binomial(100, of_tubes).tolist(), 100)
        low, high = summarise(images, samples)["ap50_ci"]
        held += low <= (1 - far.mean()) / (1 + 2 * far.mean()) <= high
    assert held >= 0.93 * repeats


def test_a_mean_of_equal_samples_has_the_interval_of_a_t_test():
    rng = np.random.default_rng(3)
    means = rng.normal(0.1, 0.05, 6)
    found = ratio_over_units((40 * mean, 40.0) for mean in means)
    judge = stats.ttest_1samp(means, 0).confidence_interval()
    assert (found.value, found.low, found.high) == pytest.approx((means.mean(), judge.low, judge.high))
    assert math.isnan(ratio_over_units([(3.0, 4.0), (0.0, 0.0)]).low)
    assert math.isnan(ratio_over_units([]).value)


def test_two_models_are_compared_over_samples():
    a, samples = tubes([0, 2, 5, 1, 3, 2])
    b, _ = tubes([6, 5, 9, 3, 9, 4])
    found = paired(a, b, samples)
    only = [share_over_units(UnitShare(50, n) for n in marks) for marks in ((6, 3, 4, 2, 6, 2), (0,) * 6)]
    assert found["count_difference"] == pytest.approx(23 / 300)
    assert found["count_difference_ci"] == pytest.approx(list(difference(*only)))
    assert found["count_p"] == pytest.approx(1 / 32) == found["count_least_p"]
    assert paired(a, b)["count_p"] < 1e-5
    assert paired(a, b)["count_least_p"] is None
    assert paired(a, b)["count_difference_ci"] == [None, None]
    assert paired(*(tubes([0, n])[0] for n in (4, 9)), tubes([0, 0])[1])["count_least_p"] == 0.5


def test_without_truth_too():
    one = Segmentation(np.ones((4, 4), bool), np.array([[1, 1]], np.float32))
    two = Segmentation(np.ones((4, 4), bool), np.array([[1, 1], [3, 3]], np.float32))
    samples = ["a"] * 20 + ["b"] * 20
    found = unlike([one] * 40, [two] * 10 + [one] * 30, samples)
    judge = share_over_units([UnitShare(20, 10), UnitShare(20, 0)])
    assert found["counts_differing_share_ci"] == pytest.approx([judge.low, judge.high])
    assert found["foreground_iou_ci"] == [1, 1]
    assert unlike([one], [two])["counts_differing_share"] == 1
    assert unlike([], [])["foreground_iou"] is None


def test_an_image_bootstrap_over_tubes_that_differ_would_leave_out_far_more_than_five_percent():
    """Tubes whose masks are more or less well met: IoU of one model less that of another, 0 in truth."""
    rng = np.random.default_rng(8)
    held = {"images": 0, "samples": 0}
    repeats, names = 200, [f"tube {k}" for k in range(4) for _ in range(25)]
    for _ in range(repeats):
        apart = np.repeat(rng.normal(0, 0.03, 4), 25) + rng.normal(0, 0.05, 100)
        a, b = [image(iou=0.8 + one) for one in apart], [image(iou=0.8)] * 100
        for over, samples in (("images", []), ("samples", names)):
            low, high = paired(a, b, samples)["foreground_iou_difference_ci"]
            held[over] += low <= 0 <= high
    assert held["samples"] >= 0.92 * repeats
    assert held["images"] <= 0.75 * repeats
