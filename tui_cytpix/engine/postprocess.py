"""From the network's maps to objects, particles and how sure they are."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.centroids import centre, centres
from tui_cytpix.core.regions import Box, as_uint8, fill_holes, is_as_long_as, objects_of
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.flows import particles
from tui_cytpix.engine.network import FOREGROUND

Maps = NDArray[np.float32]  # (3, H, W)
_SUREST = 0.999
_TINY = 1e-6


@dataclass(frozen=True)
class PostSettings:
    """Thresholds, kept in a model's card.

    Attributes:
        foreground: probability from which a pixel is foreground.
        certain: an object must reach this probability somewhere.
        least_share: of the pixels of its object's mean particle that a particle must gather (see `flows.particles`).
        least_object: share of the belief in the image's most believed object that an object must reach.
        least_px: objects of fewer pixels are noise.
        image_slope, image_offset, particle_slope, particle_offset: of the calibration (see `calibrated`) of an image's
            and a particle's confidence.
    """

    foreground: float = 0.5
    certain: float = 0.75
    least_share: float = 0.35
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
        maps: float32 (M, h, w).
        there: how clearly it stays (>= 0) or goes; see `_existence`.
        particles: uint16 (h, w), 1..K on the pixels of its particles; None where it is one particle, or goes.
        doubt: of the number of its particles, 0..1.
    """

    box: Box
    inside: NDArray[np.bool_]
    maps: Maps
    there: float = -1.0
    particles: NDArray[np.uint16] | None = None
    doubt: float = 0.0

    @functools.cached_property
    def centroids(self) -> NDArray[np.float32]:
        """float32 (K, 2), (y, x) px of the image; empty for one that goes."""
        if self.there < 0:
            return np.zeros((0, 2), np.float32)
        middles = np.array([centre(self.inside)], np.float32) if self.particles is None else centres(self.particles)
        return middles + np.array([self.box.y0, self.box.x0], np.float32)


def segment(
    maps: Sequence[Maps],
    settings: PostSettings,
    cutoffs_px: Sequence[float],
    px: Sequence[float],
) -> list[Segmentation]:
    """Objects, particles and how sure, of many images: each step for all of them, as its code then stays in the
    processor's cache, which saves an eighth.

    A particle's centroid is the centre of its part of the object. An object's doubt is the larger of two: whether it is
    there at all, and into how many particles it falls. An image is as sure as its outlines are clear-cut and its most
    doubtful object is not; so objects that were just left out count too.

    Args:
        maps: of each image, float32 (3, H, W): the foreground's probability, the vectors' x and y.
        cutoffs_px: of each image; objects whose major diameter is below are left out.
        px: of each image, per pixel of the network's input.
    """
    masks = [fill_holes(one[FOREGROUND] >= settings.foreground) for one in maps]
    objects = [
        [_Object(box, inside, one[:, *box.slices]) for box, inside in objects_of(mask)]
        for mask, one in zip(masks, maps, strict=True)
    ]
    for found, cutoff in zip(objects, cutoffs_px, strict=True):
        beliefs = [_belief(one) for one in found]
        for one, belief in zip(found, beliefs, strict=True):
            one.there = _existence(one, settings, cutoff, belief, max(beliefs))
    for one, scale in ((one, scale) for found, scale in zip(objects, px, strict=True) for one in found):
        if one.there >= 0:
            labels, one.doubt = particles(one.maps[1:], one.inside, settings.least_share, scale)
            one.particles = labels if labels.max() > 1 else None
    return [
        _summed_up(one[FOREGROUND], mask, found, settings)
        for one, mask, found in zip(maps, masks, objects, strict=True)
    ]


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


def _belief(one: _Object) -> float:
    """The mean probability: that of debris or a ghost, which might be a cell, is a little lower all over."""
    return float(one.maps[FOREGROUND][one.inside].mean())


def _existence(one: _Object, settings: PostSettings, cutoff_px: float, belief: float, most: float) -> float:
    """How clearly an object stays (>= 0) or goes (below); 1 and -1 are beyond doubt, as it is about what is too small.

    `belief` is the one in this object, `most` that in the image's most believed.
    """
    if np.count_nonzero(one.inside) < settings.least_px or not is_as_long_as(one.inside, cutoff_px):
        return -1.0
    certain = cv2.minMaxLoc(one.maps[FOREGROUND], as_uint8(one.inside))[1]
    enough = (belief + _TINY) / (most + _TINY) - settings.least_object  # from half way to 1 on without doubt
    return min((certain - settings.certain) / (1 - settings.certain), 2 * enough / (1 - settings.least_object))


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
