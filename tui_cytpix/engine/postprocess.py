"""From the network's two maps to objects, particles and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.centroids import centre, centres
from tui_cytpix.core.regions import Box, as_uint8, fill_holes, is_as_long_as, objects_of
from tui_cytpix.core.watershed import divide
from tui_cytpix.domain.segmentation import Segmentation

BothMaps = tuple[NDArray[np.float32], NDArray[np.float32]]  # probability of foreground, centrality

_SUREST = 0.999
_TINY = 1e-6
_SQUARE = np.ones((3, 3), np.uint8)
_STEPS = np.arange(5)
_RISE_STEPS = 64


@dataclass(frozen=True)
class PostSettings:
    """Thresholds, kept in a model's card.

    Attributes:
        foreground: probability from which a pixel is foreground.
        certain: an object must reach this probability somewhere.
        prominence: how far a peak of the centrality must rise above the pass to a higher one to be a particle. With
            cones a 50:50 doubt between one particle and two makes passes of 1/4 (see `peaks`).
        least_peak: share of its object's highest peak that a particle's must reach: what the network believes in by
            half has a peak of half the height.
        least_object: share of the image's highest peak that an object's must reach.
        least_px: objects of fewer pixels are noise.
        image_slope, image_offset, particle_slope, particle_offset: of the calibration (see `calibrated`) of an image's
            and a particle's confidence.
    """

    foreground: float = 0.5
    certain: float = 0.75
    prominence: float = 0.2
    least_peak: float = 0.65
    least_object: float = 0.75
    least_px: float = 20.0
    image_slope: float = 1.0
    image_offset: float = 0.0
    particle_slope: float = 1.0
    particle_offset: float = 0.0

    @classmethod
    def from_card(cls, post: dict[str, Any]) -> PostSettings:
        """Known keys of a card; the rest by default."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: float(v) for k, v in post.items() if k in known})


@dataclass(eq=False)
class _Object:
    """An object of a mask while it is looked at, and what the maps show in its box.

    Attributes:
        inside: bool (h, w), its pixels.
        there: how clearly it stays (>= 0) or goes; see `_existence`.
        peaks, doubt: as `peaks` gives them.
        particles: uint16 (h, w), 1..K on the pixels of its particles; None where it is one particle, or goes.
        centroids: float32 (K, 2), (y, x) px of the image; empty for one that goes.
    """

    box: Box
    inside: NDArray[np.bool_]
    probability: NDArray[np.float32]
    centrality: NDArray[np.float32]
    there: float = -1.0
    peaks: Sequence[tuple[float, float]] = ()
    doubt: float = 0.0
    particles: NDArray[np.uint16] | None = None
    centroids: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))


def segment(maps: Sequence[BothMaps], settings: PostSettings, cutoffs_px: Sequence[float]) -> list[Segmentation]:
    """Objects, particles and how sure, of many images: each step for all of them, as its code then stays in the
    processor's cache, which saves an eighth.

    A particle's centroid is the centre of its part of the object, which is divided along the passes of the centrality.
    An object's doubt is the larger of two: whether it is there at all, and into how many particles it falls. An image
    is as sure as its outlines are clear-cut and its most doubtful object is not; so objects that were just left out
    count too.

    Args:
        maps: of each image the probability of foreground and the centrality, float32 (H, W) in 0..1.
        cutoffs_px: of each image; objects whose major diameter is below are left out.
    """
    masks = [fill_holes(probability >= settings.foreground) for probability, _ in maps]
    objects = [_objects(mask, *both) for mask, both in zip(masks, maps, strict=True)]
    for mask, (_, centrality), found, cutoff in zip(masks, maps, objects, cutoffs_px, strict=True):
        highest = cv2.minMaxLoc(centrality, as_uint8(mask))[1]
        for one in found:
            one.there = _existence(one, settings, cutoff, highest)
    kept = [one for found in objects for one in found if one.there >= 0]
    for one in kept:
        one.peaks, one.doubt = peaks(one.centrality, one.inside, settings.prominence, settings.least_peak)
    for one in kept:
        _divide(one)
    return [
        _summed_up(probability, mask, found, settings)
        for (probability, _), mask, found in zip(maps, masks, objects, strict=True)
    ]


def _objects(
    mask: NDArray[np.bool_], probability: NDArray[np.float32], centrality: NDArray[np.float32]
) -> list[_Object]:
    return [_Object(box, inside, probability[box.slices], centrality[box.slices]) for box, inside in objects_of(mask)]


def _summed_up(
    probability: NDArray[np.float32], mask: NDArray[np.bool_], objects: Sequence[_Object], settings: PostSettings
) -> Segmentation:
    """An image's segmentation; objects that go are taken from the mask."""
    sure: list[float] = []
    most = 0.0
    for one in objects:
        doubt = max(1 - min(abs(one.there), 1.0), one.doubt)
        sure += [1 - doubt] * len(one.centroids)
        most = max(most, doubt)
        if one.there < 0:
            mask[one.box.slices][one.inside] = False
    image = calibrated(min(mask_certainty(probability, mask), 1 - most), settings.image_slope, settings.image_offset)
    particles = [calibrated(value, settings.particle_slope, settings.particle_offset) for value in sure]
    centroids = np.concatenate([np.zeros((0, 2), np.float32), *(one.centroids for one in objects)])
    return Segmentation(mask, centroids, image, np.array(particles, np.float32), _labels(mask.shape, objects))


def _existence(one: _Object, settings: PostSettings, cutoff_px: float, highest: float) -> float:
    """How clearly an object stays (>= 0) or goes (below); 1 and -1 are beyond doubt, as it is about what is too small.

    `highest` is the image's highest centrality.
    """
    if np.count_nonzero(one.inside) < settings.least_px or not is_as_long_as(one.inside, cutoff_px):
        return -1.0
    where = as_uint8(one.inside)
    certain, height = (cv2.minMaxLoc(values, where)[1] for values in (one.probability, one.centrality))
    return min(
        (certain - settings.certain) / (1 - settings.certain), _high_enough(height, highest, settings.least_object)
    )


def _high_enough(height: float, highest: float, share: float) -> float:
    """How clearly a peak reaches that share of the highest (>= 0), or doesn't; from half way to 1 on without doubt."""
    return 2 * ((height + _TINY) / (highest + _TINY) - share) / (1 - share)


def _divide(one: _Object) -> None:
    """Finds the particles whose peaks are known, and their centroids, at least one."""
    if len(one.peaks) > 1:
        points = np.array(one.peaks, np.float32).astype(np.float64)
        one.particles = divide(one.inside, points, one.centrality)
        middles = centres(one.particles)
    else:
        middles = np.array([centre(one.inside)], np.float32)
    one.centroids = middles + np.array([one.box.y0, one.box.x0], np.float32)


def _labels(shape: tuple[int, ...], objects: Sequence[_Object]) -> NDArray[np.uint16] | None:
    """Whose each pixel is, as in `Segmentation`; None where every object is one particle, which needs no telling."""
    if all(one.particles is None for one in objects):
        return None
    labels = np.zeros(shape, np.uint16)
    before = 0
    for one in objects:
        if len(one.centroids):
            own = 1 if one.particles is None else one.particles[one.inside]
            labels[one.box.slices][one.inside] = before + own
            before += len(one.centroids)
    return labels


def calibrated(sure: float, slope: float, offset: float) -> float:
    """Platt's scaling of a raw confidence in 0..1: the logistic function of slope * logit(sure) + offset."""
    bounded = min(max(sure, 1 - _SUREST), _SUREST)
    return 1 / (1 + math.exp(-(slope * math.log(bounded / (1 - bounded)) + offset)))


def peaks(
    centrality: NDArray[np.float32], inside: NDArray[np.bool_], prominence: float, least_peak: float
) -> tuple[list[tuple[float, float]], float]:
    """The particles of one object: maxima that stand out by `prominence` (h-maxima) and reach `least_peak` of the
    highest; at least one.

    A map that hesitates between one rod (peak in the middle) and two (peaks at the quarters, a pass of 0 in the
    middle), with probability p for one, has height p in the middle and 1 - p/2 at the quarters: two peaks with a
    prominence of 1 - 1.5 p, which is 1/4 at p = 1/2. The threshold is relative to the object's highest peak, as small
    and blurred particles reach lower.

    Args:
        centrality: (h, w) in 0..1.
        inside: bool (h, w), the object.

    Returns:
        Positions (y, x) px, highest first, of several to fractions of a pixel; and the doubt in 0..1 of the least
        clear decision (1: on the threshold).
    """
    smooth = cv2.GaussianBlur(centrality, (3, 3), 0.8)
    heat = np.where(inside, smooth, np.float32(-1))
    top = float(heat.max())
    needed = prominence * max(top, 0.3)
    maxima = (heat >= cv2.dilate(heat, _SQUARE)) & inside
    ys, xs = np.nonzero(maxima)
    order = np.argsort(-heat[ys, xs], kind="stable")
    taken: list[tuple[int, int]] = []
    doubt = 0.0
    for y, x in zip(ys[order].tolist(), xs[order].tolist(), strict=True):
        if not taken:
            taken.append((y, x))
            continue
        rise = _rise(heat, y, x, taken, 2 * needed)
        clear = min((rise - needed) / needed, _high_enough(float(heat[y, x]), top, least_peak))
        doubt = max(doubt, 1 - min(abs(clear), 1.0))
        if clear >= 0:
            taken.append((y, x))
    return [_refined(heat, y, x) if len(taken) > 1 else (y, x) for y, x in taken], doubt


def _rise(heat: NDArray[np.float32], y: int, x: int, taken: list[tuple[int, int]], most: float) -> float:
    """How far one must come down from (y, x) to get to any of `taken`, up to `most`; found by bisection."""
    low, high = 0, _RISE_STEPS
    middle = high - 1  # most peaks are cut off from the others for good
    while high - low > 1:
        bound = heat[y, x] - most * middle / _RISE_STEPS
        _, labels = cv2.connectedComponents(as_uint8(heat > bound), connectivity=8, ltype=cv2.CV_32S)
        joined = any(labels[v, u] == labels[y, x] for v, u in taken)
        low, high = (low, middle) if joined else (middle, high)
        middle = (low + high) // 2
    return most * (low + high) / (2 * _RISE_STEPS)


def _refined(heat: NDArray[np.float32], y: int, x: int) -> tuple[float, float]:
    """The centre of mass of the 5 x 5 pixels about a peak, above their lowest inside the object."""
    y0, x0 = max(y - 2, 0), max(x - 2, 0)
    window = heat[y0 : y + 3, x0 : x + 3]
    weight = np.maximum(window - window[window >= 0].min(), 0)
    total = float(weight.sum())
    if total <= 0:
        return float(y), float(x)
    rows, columns = (_STEPS[:n] for n in window.shape)
    return y0 + float(weight.sum(axis=1) @ rows) / total, x0 + float(weight.sum(axis=0) @ columns) / total


def mask_certainty(probability: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """How clear-cut the foreground is: the mean of |2 p - 1| over the pixels that are or may be foreground (in the
    mask, or p > 0.1), rescaled so that an ordinary soft outline costs nothing; 1 where there are none.
    """
    values = probability[mask | (probability > 0.1)]
    if not len(values):
        return 1.0
    values *= 2
    values -= 1
    return float(min(1.0, np.abs(values, out=values).mean() / 0.9))


def cutoff_px(size_cutoff_um: float, um_per_px: float | None) -> float:
    """The size cutoff in pixels; 0 (off) with an unknown scale."""
    return size_cutoff_um / um_per_px if um_per_px else 0.0
