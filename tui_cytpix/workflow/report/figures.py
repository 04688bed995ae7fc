"""The pictures and charts of a run's report."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.statistics.sequential_tests import Plan
from tui_cytpix.domain.jobs.training import Epoch
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Verdict
from tui_cytpix.errors import SampleError
from tui_cytpix.workflow.report.svg_chart import Axes, Series, lines, scatter
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples.selection import Selection

OUTLINE, MARK = (255, 170, 40), (60, 220, 255)
LEAST_PX, MARGIN_PX, GAP = 96, 16, 4
TEST_CAPTION = (
    "Wrong images against images judged, in the order of the random draw. Dashed, from the earliest decision on: at "
    "the upper line the model is to be retrained, at the lower one, which begins later, it is kept."
)
CURVES_CAPTION = "Training accuracy (TA) and validation accuracy (VA): foreground IoU times count agreement."
SELECTION_CAPTION = (
    "The selection over its population, on the first two principal components of the images' morphology: small dots, "
    "population; blue, at random; orange, for variety; green, added as similar."
)


def _path(errors: Sequence[bool]) -> list[tuple[float, float]]:
    return [(float(n), float(wrong)) for n, wrong in enumerate(itertools.accumulate(errors, initial=0))]


def path_of_test(plan: Plan, judged: Sequence[Verdict]) -> str:
    """Count and mask errors as they came, between the test's two lines."""
    reach = max(len(judged), min(plan.maximum, 2 * plan.minimum))
    counts = _path([v.count_wrong for v in judged if v.count_wrong is not None])
    masks = _path([v.mask_wrong for v in judged if v.mask_wrong is not None])
    steps = range(plan.minimum, reach + 1)
    keep = [(float(n), float(plan.keep_up_to(n))) for n in steps if plan.keep_up_to(n) >= 0]
    retrain = [(float(n), float(plan.retrain_from(n))) for n in steps]
    top = max(y for _, y in (*retrain, *counts, *masks)) * 1.15
    axes = Axes("images judged", "wrong images", (0, reach), (0, top))
    return lines(
        axes,
        [
            Series("count errors", counts, "a"),
            Series("mask errors", masks, "b"),
            Series("keep below", keep, "rule"),
            Series("retrain above", retrain, "rule"),
        ],
    )


def curves(epochs: Sequence[Epoch]) -> str:
    axes = Axes("epoch", "accuracy", (0, epochs[-1].epoch), (0, 1))
    ta, va = ([(e.epoch, value) for e in epochs if (value := getattr(e, name)) == value] for name in ("ta", "va"))
    return lines(axes, [Series("TA", ta, "a"), Series("VA", va, "b")])


def selection(found: Selection) -> str:
    chosen = found.settings
    places = {key: (float(x), float(y)) for key, (x, y) in zip(found.candidates, found.positions, strict=True)}
    low, high = np.nanpercentile(found.positions, [0.5, 99.5], axis=0)
    axes = Axes("first component", "second component", (low[0], high[0]), (low[1], high[1]))
    groups = [("far", list(places.values()), 1.6)]
    for kind, keys in (("a", chosen.random), ("b", chosen.variable), ("c", chosen.similar)):
        groups.append((kind, [places[key] for key in keys if key in places], 2.6))
    return scatter(axes, groups)


def with_answers(run: Run, key: ImageKey, said: Sequence[Segmentation | None]) -> NDArray[np.uint8] | None:
    """One image with each answer's outline and centroids, side by side, cut to what any of them marks: uint8
    (H, W, 3); None where the image can't be read.
    """
    try:
        gray = stretched(run, key)
    except (SampleError, OSError):
        return None
    fitting = [one for one in said if one is not None and one.mask.shape == gray.shape]
    part = _around(gray.shape, [one.mask for one in fitting])
    gap = np.full((part[0].stop - part[0].start, GAP, 3), 255, np.uint8)
    sides: list[NDArray[np.uint8]] = []
    for one in (*fitting, *(() if fitting else (None,))):
        pixels = painted(gray, one)[part]
        sides += [gap, pixels] if sides else [pixels]
    return np.concatenate(sides, axis=1)


def stretched(run: Run, key: ImageKey) -> NDArray[np.uint8]:
    """An image without its background, its own contrast spread: uint8 (H, W).

    Raises:
        SampleError, OSError: it can't be read.
    """
    from tui_cytpix.core.images import render

    image = run.images.read(key)
    return render.stretch(image - run.images.background(key, image))


def painted(gray: NDArray[np.uint8], one: Segmentation | None) -> NDArray[np.uint8]:
    """A picture (H, W) with an answer's outline and centroids: uint8 (H, W, 3)."""
    from tui_cytpix.core.images import render

    pixels = np.repeat(gray[:, :, None], 3, axis=2)
    if one is not None:
        pixels[render.outline(one.mask)] = OUTLINE
        for y, x in one.centroids:
            top, left = max(0, round(float(y)) - 1), max(0, round(float(x)) - 1)
            pixels[top : top + 3, left : left + 3] = MARK
    return pixels


def _around(shape: tuple[int, ...], masks: Sequence[NDArray[np.bool_]]) -> tuple[slice, slice]:
    """The part of the frame with all foreground and some px around it, at least LEAST_PX wide and high."""
    marked = np.zeros(shape, bool)
    for mask in masks:
        marked |= mask
    if not marked.any():
        return slice(0, shape[0]), slice(0, shape[1])
    parts = []
    for axis, size in enumerate(shape):
        found = np.flatnonzero(marked.any(axis=1 - axis))
        span = max(LEAST_PX, int(found[-1] - found[0]) + 2 * MARGIN_PX)
        first = max(0, min(int(found[0] + found[-1]) // 2 - span // 2, size - span))
        parts.append(slice(first, min(size, first + span)))
    return parts[0], parts[1]
