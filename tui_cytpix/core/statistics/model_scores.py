"""What the comparisons of many images come to (`core.statistics.agreement` says which measures), with 95 % intervals.

Over the images of one sample proportions come with Wilson's 95 % interval, the others with a percentile bootstrap;
over several samples all come with an interval over these (core.statistics.units), as images of one tube don't tell how
much the next one differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import mask_iou
from tui_cytpix.core.statistics.agreement import Counts, ImageComparison
from tui_cytpix.core.statistics.fixed_sample_intervals import (
    NO_INTERVAL,
    Interval,
    bootstrap_mean_ci,
    bootstrap_ratio_ci,
    mcnemar_exact,
    paired_bootstrap,
    wilson,
)
from tui_cytpix.core.statistics.stratified_rates import Share, difference
from tui_cytpix.core.statistics.units import UnitShare, least_p, ratio_over_units, share_over_units, sign_flip_p
from tui_cytpix.domain.segmentation import Segmentation

# The interval of sum(top) / sum(bottom), both (N,), one of each image.
_OverImages = Callable[[NDArray[np.float64], NDArray[np.float64]], Interval]


def summarise(comparisons: Sequence[ImageComparison], samples: Sequence[str] = ()) -> dict[str, Any]:
    """All measures with 95 % intervals, under the names of the `compare` verb's JSON: over images, or, where `samples`
    names that of each image and there are several, over these.

    Returns:
        `images`, each measure and `<measure>_ci` ([low, high]), and how many images or particles stand behind them
        (`singlet_images`, `multiplet_images`, `foreground_images`, `true_particles`, `predicted_particles`). None
        where there is no data.
    """
    result: dict[str, Any] = {"images": len(comparisons)}
    several = len(set(samples)) > 1

    def add(name: str, parts: Sequence[tuple[float, float] | None], over_images: _OverImages, *, share: bool) -> None:
        """`parts`: top and bottom of each image, None of one that says nothing."""
        told = np.array([part for part in parts if part is not None], np.float64).reshape(-1, 2)
        top, bottom = told.T
        value = float(top.sum() / bottom.sum()) if bottom.sum() else math.nan
        if several:
            by_sample = _by_sample(parts, samples)
            found = share_over_units(by_sample) if share else ratio_over_units((t, b) for b, t in by_sample)
            interval = Interval(max(0.0, found.low), min(1.0, found.high))
        else:
            interval = over_images(top, bottom)
        result[name] = None if math.isnan(value) else value
        result[f"{name}_ci"] = [None if math.isnan(end) else end for end in interval]

    def add_share(name: str, marks: Sequence[bool | None]) -> None:
        parts = [None if mark is None else (float(mark), 1.0) for mark in marks]
        add(name, parts, lambda top, bottom: wilson(int(top.sum()), len(bottom)), share=True)

    def add_ratio(name: str, counts: Sequence[Counts], weight: int) -> None:
        """A share of particles, found and true, over samples too: rare errors are no normal distribution."""
        parts = [(float(weight * c.tp), float(weight * c.tp + c.fp + c.fn)) for c in counts]
        add(name, parts, bootstrap_ratio_ci, share=True)

    add_share("count_accuracy", [c.count_right for c in comparisons])
    add_share("singlet_specificity", [c.predicted_clump == 1 if c.true_clump == 1 else None for c in comparisons])
    add_share("multiplet_sensitivity", [c.predicted_clump >= 2 if c.true_clump >= 2 else None for c in comparisons])
    add_ratio("centroid_f1", [c.centroids for c in comparisons], 2)
    ious = [None if math.isnan(c.iou) else (c.iou, 1.0) for c in comparisons]
    add("foreground_iou", ious, bootstrap_ratio_ci, share=False)
    add_ratio("ap50", [c.particles for c in comparisons], 1)
    result.update(
        singlet_images=sum(c.true_clump == 1 for c in comparisons),
        multiplet_images=sum(c.true_clump >= 2 for c in comparisons),
        foreground_images=sum(iou is not None for iou in ious),
        true_particles=sum(c.true_count for c in comparisons),
        predicted_particles=sum(c.predicted_count for c in comparisons),
    )
    return result


def _by_sample(parts: Sequence[tuple[float, float] | None], samples: Sequence[str]) -> list[UnitShare]:
    """What each sample's images come to."""
    found: dict[str, UnitShare] = {}
    for part, sample in zip(parts, samples, strict=True):
        if part is not None:
            before = found.get(sample, UnitShare(0.0, 0.0))
            found[sample] = UnitShare(before.images + part[1], before.errors + part[0])
    return list(found.values())


def paired(a: Sequence[ImageComparison], b: Sequence[ImageComparison], samples: Sequence[str] = ()) -> dict[str, Any]:
    """Two models on the same images, in the same order; intervals and tests are over these, or, where `samples` names
    that of each and there are several, over samples.

    Returns:
        `images`; `count_only_a_right`, `count_only_b_right`; `count_difference` (share of images that only a counts
        rightly, less that of which only b does) with its `_ci` (over samples; None over images) and `count_p`
        (two-sided; McNemar's exact test over images, else the exact sign-flip test of the samples' differences, of
        which `count_least_p` is the least that so many samples can give); `foreground_iou_difference` (mean of a - b),
        its `_ci` and `_images`. None where there is no data.

    Raises:
        ValueError: a and b differ in length.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} images can't be paired with {len(b)}")
    only_a = [x.count_right and not y.count_right for x, y in zip(a, b, strict=True)]
    only_b = [y.count_right and not x.count_right for x, y in zip(a, b, strict=True)]
    ious = [(x.iou - y.iou, 1.0) for x, y in zip(a, b, strict=True)]
    seen = [None if math.isnan(part[0]) else part for part in ious]
    counts = (sum(only_a) - sum(only_b)) / len(a) if a else math.nan
    if len(set(samples)) > 1:
        of_a, of_b = (_by_sample([(float(mark), 1.0) for mark in marks], samples) for marks in (only_a, only_b))
        count_ci = difference(share_over_units(of_a), share_over_units(of_b))
        flips = [(x.errors - y.errors) / x.images for x, y in zip(of_a, of_b, strict=True)]
        p, least = sign_flip_p(flips), least_p(len(flips))
        iou = ratio_over_units((top, bottom) for bottom, top in _by_sample(seen, samples))
    else:
        count_ci, p, least = NO_INTERVAL, mcnemar_exact(sum(only_a), sum(only_b)), None
        iou = Share(*paired_bootstrap(np.array([x.iou for x in a]), np.array([y.iou for y in b]))[:3])
    counted, *count_ends, mean, low, high = (
        None if math.isnan(value) else value for value in (counts, *count_ci, *iou)
    )
    return {
        "images": len(a),
        "count_only_a_right": sum(only_a),
        "count_only_b_right": sum(only_b),
        "count_difference": counted,
        "count_difference_ci": count_ends,
        "count_p": p,
        "count_least_p": least,
        "foreground_iou_difference": mean,
        "foreground_iou_difference_ci": [low, high],
        "foreground_iou_difference_images": sum(part is not None for part in seen),
    }


def unlike(a: Sequence[Segmentation], b: Sequence[Segmentation], samples: Sequence[str] = ()) -> dict[str, Any]:
    """How far two models' answers on the same images lie apart, where no truth is known; over images, or over
    `samples`, as in `paired`.

    Returns:
        `images`, `counts_differing`, `counts_differing_share` and `foreground_iou` with their `_ci`; None where there
        is no data.
    """
    apart = [x.particle_count != y.particle_count for x, y in zip(a, b, strict=True)]
    ious = [mask_iou(x.mask, y.mask) for x, y in zip(a, b, strict=True)]
    seen = [None if math.isnan(iou) else (iou, 1.0) for iou in ious]
    if len(set(samples)) > 1:
        share = share_over_units(_by_sample([(float(mark), 1.0) for mark in apart], samples))
        alike = ratio_over_units((top, bottom) for bottom, top in _by_sample(seen, samples))
        iou_ci = Interval(max(0.0, alike.low), min(1.0, alike.high))
    else:
        share = Share(sum(apart) / len(a) if a else math.nan, *wilson(sum(apart), len(a)))
        iou_ci = bootstrap_mean_ci(np.array(ious, np.float64))
    iou = float(np.nanmean(ious)) if any(seen) else math.nan
    value, *ends, alike_value, low, high = (None if math.isnan(one) else one for one in (*share, iou, *iou_ci))
    return {
        "images": len(a),
        "counts_differing": sum(apart),
        "counts_differing_share": value,
        "counts_differing_share_ci": ends,
        "foreground_iou": alike_value,
        "foreground_iou_ci": [low, high],
    }
