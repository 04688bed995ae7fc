"""Size and shape parameters by every formula that their names leave open: perimeters, axes, areas, which objects."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.intensity_variants import Variant
from tui_cytpix.core.features.pixels import Canvas, Pixels
from tui_cytpix.core.features.shape import feret_diameters, perimeter
from tui_cytpix.core.objects.regions import CROSS, PIXEL_VARIANCE, as_uint8, axes, bounding_box

_Mask = NDArray[np.bool_]
_STRAIGHT, _DIAGONAL, _CORNER = 0.980, 1.406, -0.091  # Vossepoel and Smeulders 1982
_FEWEST = 5  # points that an ellipse is fitted to


def shape_variants(
    gray: NDArray[np.generic], background: NDArray[np.float32], mask: _Mask, um_per_px: float
) -> Iterator[Variant]:
    """Size and shape parameters of a region.

    Args:
        gray, background: (H, W).
        mask: bool (H, W), not empty.
        um_per_px: NaN where unknown.
    """
    box, um = bounding_box(mask), um_per_px
    assert box is not None
    own = np.ascontiguousarray(mask[box.slices])
    canvas = Canvas([gray[box.slices]], [background[box.slices]])
    pixels = Pixels(canvas, canvas.filled([own], np.int32), [1])
    outlines, _ = cv2.findContours(as_uint8(own), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outer = [np.asarray(outline, np.intc).reshape(-1, 2) for outline in outlines]
    areas, perimeters = _areas(own, outer), _perimeters(pixels, own, outer)
    yield "NumPixels", "pixels", areas["pixels"]
    for kind, area in areas.items():
        yield "AreaSquareMicrons", kind, area * um**2
        yield "PseudoDiameterMicrons", f"of the area by {kind}", 2 * math.sqrt(area / math.pi) * um
    for kind, length in perimeters.items():
        yield "PerimeterMicrons", kind, length * um
    for kind, (long, short) in _axes(pixels, own, outer).items():
        yield from _of_axes(kind, long, short, areas["pixels"], um)
    for kind in ("pixels", "polygon"):
        for estimator, length in perimeters.items():
            round_ = 4 * math.pi * areas[kind] / length**2 if length > 0 else math.nan
            words = f"area by {kind}, perimeter by {estimator}"
            yield "CircularityPercent", f"4 pi area / perimeter^2, {words}, uncut", 100 * round_
            yield "CircularityPercent", f"4 pi area / perimeter^2, {words}, cut at 100", 100 * min(1.0, round_)
            yield "CircularityPercent", f"root of 4 pi area / perimeter^2, {words}", 100 * math.sqrt(round_)
    for kind, radius in _gyration_radii(pixels).items():
        yield "GyrationRadiusWeighted", f"{kind}, px", radius
        yield "GyrationRadiusWeighted", f"{kind}, um", radius * um


def _of_axes(kind: str, long: float, short: float, area: float, um: float) -> Iterator[Variant]:
    """What follows from an object's longer and shorter axis, px, and its area, px^2."""
    ratio = short / long if long > 0 else math.nan
    yield "MajorDiameterMicrons", kind, long * um
    yield "MinorDiameterMicrons", kind, short * um
    yield "MinorMajorRatioPercent", kind, 100 * ratio
    yield "EccentricityPercent", f"sqrt(1 - ratio^2), {kind}", 100 * math.sqrt(max(0.0, 1 - ratio**2))
    yield "EccentricityPercent", f"1 - ratio, {kind}", 100 * (1 - ratio)
    yield "CircularityPercent", f"4 area / (pi major^2), {kind}", 400 * area / math.pi / long**2 if long else math.nan


def _areas(mask: _Mask, outer: Sequence[NDArray[np.intc]]) -> dict[str, float]:
    """px^2. The polygon goes through the centres of the outer pixels, and holds holes."""
    return {
        "pixels": float(np.count_nonzero(mask)),
        "polygon": float(sum(cv2.contourArea(outline) for outline in outer)),
        "convex hull": float(cv2.contourArea(cv2.convexHull(_corners(mask)))),
    }


def _corners(mask: _Mask) -> NDArray[np.intc]:
    """The corners of all pixels, each a unit square, (K, 2), (x, y)."""
    y, x = np.nonzero(mask)
    places = np.stack([x, y], axis=1)
    return np.concatenate([places + step for step in ((0, 0), (0, 1), (1, 0), (1, 1))]).astype(np.intc)


def _perimeters(pixels: Pixels, mask: _Mask, outer: Sequence[NDArray[np.intc]]) -> dict[str, float]:
    """px."""
    rimmed = np.pad(as_uint8(mask), 1)
    edges = sum(int(np.count_nonzero(np.diff(rimmed, axis=axis))) for axis in (0, 1))
    border = rimmed - np.asarray(cv2.erode(rimmed, CROSS), np.uint8)
    straight = diagonal = corners = 0
    for outline in outer:
        steps = np.roll(outline, -1, axis=0) - outline
        slanted = steps.all(axis=1)
        straight, diagonal = straight + int((~slanted).sum()), diagonal + int(slanted.sum())
        corners += int((steps != np.roll(steps, -1, axis=0)).any(axis=1).sum())
    return {
        "Crofton in 4 directions": float(perimeter(pixels)[0]),
        "Crofton in 2 directions": math.pi / 4 * edges,
        "pixel edges": float(edges),
        "border pixels": float(np.count_nonzero(border)),
        "chain code": straight + math.sqrt(2) * diagonal,
        "Vossepoel and Smeulders": _STRAIGHT * straight + _DIAGONAL * diagonal + _CORNER * corners,
        "Benkrid and Crookes": _benkrid_crookes(border),
    }


def _benkrid_crookes(border: NDArray[np.uint8]) -> float:
    """Border pixels (h, w), each weighted by where its neighbours on the border lie (Benkrid, Crookes 2000)."""
    kernel = np.array([[10, 2, 10], [2, 1, 2], [10, 2, 10]], np.float32)
    pattern = cv2.filter2D(border.astype(np.float32), -1, kernel, borderType=cv2.BORDER_CONSTANT)
    counts = np.bincount(pattern.astype(np.intp)[border > 0], minlength=50)
    weights = np.zeros(len(counts))
    weights[[5, 7, 15, 17, 25, 27]], weights[[21, 33]], weights[[13, 23]] = 1, math.sqrt(2), (1 + math.sqrt(2)) / 2
    return float(counts @ weights)


def _axes(pixels: Pixels, mask: _Mask, outer: Sequence[NDArray[np.intc]]) -> dict[str, tuple[float, float]]:
    """Longer and shorter, px."""
    dy, dx = pixels.away
    yy, xx, xy = pixels.mean(dy * dy), pixels.mean(dx * dx), pixels.mean(dy * dx)
    squares, points = axes(yy + PIXEL_VARIANCE, xx + PIXEL_VARIANCE, xy), axes(yy, xx, xy)
    longest, narrowest = feret_diameters(pixels)
    rectangle = cv2.minAreaRect(_corners(mask))[1]
    found = {
        "second moments, pixels as squares": (float(squares[0][0]), float(squares[1][0])),
        "second moments, pixels as points": (float(points[0][0]), float(points[1][0])),
        "Feret": (float(longest[0]), float(narrowest[0])),
        "smallest rectangle": (max(rectangle), min(rectangle)),
        "upright rectangle": (float(max(mask.shape)), float(min(mask.shape))),
    }
    largest = max(outer, key=len)
    if len(largest) >= _FEWEST:
        fitted = cv2.fitEllipse(largest)[1]
        found["ellipse fitted to the outline"] = (max(fitted), min(fitted))
    return found


def _gyration_radii(pixels: Pixels) -> dict[str, float]:
    """px."""
    found = {}
    weightings = {
        "weights |gray - background|": np.abs(pixels.gray - pixels.background),
        "weights gray": pixels.gray,
        "weights 1": np.ones(len(pixels.at)),
    }
    for words, weights in weightings.items():
        total = float(weights.sum())
        if total <= 0:
            continue
        for about, inner in {"weighted mean": weights, "mean of the pixels": np.ones(len(weights))}.items():
            if about == "mean of the pixels" and words == "weights 1":
                continue
            middle = [float((inner * axis).sum() / inner.sum()) for axis in (pixels.y, pixels.x)]
            squared = (pixels.y - middle[0]) ** 2 + (pixels.x - middle[1]) ** 2
            found[f"{words}, about the {about}"] = math.sqrt(float((weights * squared).sum()) / total)
    return found
