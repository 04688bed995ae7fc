"""From the network's maps to objects, particles and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.regions import Box, as_uint8, fill_holes, is_as_long_as, label_objects, objects_of
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.flows import particles
from tui_cytpix.engine.network.network import FOREGROUND

Maps = NDArray[np.float32]  # (3, H, W)
_SUREST = 0.999
_TINY = 1e-6
_STEEPEST, _FARTHEST = 50.0, 50.0  # of a calibration; the logistic function can be computed there


@dataclass(frozen=True)
class PostSettings:
    """Thresholds, kept in a model's card.

    Attributes:
        foreground: probability from which a pixel is foreground.
        certain: a particle must reach this probability somewhere.
        least_share: of the pixels of its object's mean particle that a particle must gather (see `flows.particles`).
        least_object: share of the belief in the image's most believed object that an object must reach; it is believed
            in as much as its most believed particle.
        least_part: share of the belief in its object's most believed particle that a particle must reach.
        least_px: objects of fewer pixels are noise.
        image_slope, image_offset, particle_slope, particle_offset: of the calibration (see `calibrated`) of an image's
            and a particle's confidence.
    """

    foreground: float = 0.5
    certain: float = 0.75
    least_share: float = 0.35
    least_object: float = 0.95
    least_part: float = 0.9
    least_px: float = 20.0
    image_slope: float = 1.0
    image_offset: float = 0.0
    particle_slope: float = 1.0
    particle_offset: float = 0.0

    def __post_init__(self) -> None:
        slopes, offsets = (self.image_slope, self.particle_slope), (self.image_offset, self.particle_offset)
        if not all(0 <= slope <= _STEEPEST for slope in slopes) or not all(abs(one) <= _FARTHEST for one in offsets):
            raise ValueError(f"the calibration of its confidence is not in 0..{_STEEPEST:g}, ±{_FARTHEST:g}")

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
        probability: of the foreground, float32 (h, w).
        labels: uint16 (h, w), 1..K on the pixels of its particles.
        doubt: of the number of its particles, 0..1.
        beliefs: float64 (K,), the mean probability in each: that of debris or a ghost, which might be a cell, is a
            little lower all over, also where it touches a cell.
        there: float64 (K,), how clearly each stays (>= 0) or goes.
    """

    box: Box
    inside: NDArray[np.bool_]
    probability: NDArray[np.float32]
    labels: NDArray[np.uint16]
    doubt: float
    beliefs: NDArray[np.float64]
    there: NDArray[np.float64]

    @classmethod
    def of(cls, box: Box, inside: NDArray[np.bool_], maps: Maps, least_share: float, px: float) -> _Object:
        """Arguments as of `segment` and `flows.particles`."""
        labels, doubt = particles(maps[1:], inside, least_share, px)
        owners, probability = labels[inside], maps[FOREGROUND]
        beliefs = np.bincount(owners, probability[inside])[1:] / np.bincount(owners)[1:]
        return cls(box, inside, probability, labels, doubt, beliefs, np.full(len(beliefs), -1.0))

    def decide(self, most: float, settings: PostSettings, cutoff_px: float) -> None:
        """Which of the particles stay; pieces that are then too small go beyond doubt (-1). `most`: the image's highest
        belief.
        """
        surest = [cv2.minMaxLoc(self.probability, as_uint8(self.labels == k + 1))[1] for k in range(len(self.beliefs))]
        certain = (np.array(surest) - settings.certain) / (1 - settings.certain)
        best = self.beliefs.max()
        of_image = _high_enough(best, most, settings.least_object)
        self.there = np.minimum(certain, np.minimum(of_image, _high_enough(self.beliefs, best, settings.least_part)))
        if (self.there < 0).any():
            for box, piece in objects_of(self.kept > 0):
                if _too_small(piece, settings, cutoff_px):
                    self.there[np.unique(self.labels[box.slices][piece]) - 1] = -1.0

    @property
    def kept(self) -> NDArray[np.uint16]:
        """The labels of what stays, numbered anew from 1."""
        stays = self.there >= 0
        return np.concatenate([[0], np.cumsum(stays) * stays]).astype(np.uint16)[self.labels]


def _too_small(inside: NDArray[np.bool_], settings: PostSettings, cutoff_px: float) -> bool:
    return bool(np.count_nonzero(inside) < settings.least_px) or not is_as_long_as(inside, cutoff_px)


def _high_enough(belief: Any, highest: float, share: float) -> NDArray[np.float64]:
    """How clearly a belief reaches a share of the highest (>= 0), or doesn't; from half way to 1 on without doubt."""
    return np.asarray(2 * ((belief + _TINY) / (highest + _TINY) - share) / (1 - share))


def segment(
    maps: Sequence[Maps], settings: PostSettings, cutoffs_px: Sequence[float], px: Sequence[float]
) -> list[Segmentation]:
    """Objects, particles and how sure, of many images: each step for all of them, as its code then stays in the
    processor's cache.

    A particle's centroid is the centre of its part of the object. Its doubt is the larger of two: whether it is there
    at all, and into how many particles its object falls. An image is as sure as its outlines are clear-cut and its most
    doubtful particle is not; so particles that were just left out count too.

    Args:
        maps: of each image, float32 (3, H, W): the foreground's probability, the vectors' x and y.
        cutoffs_px: of each image; objects whose major diameter is below are left out.
        px: of each image, per pixel of the network's input.
    """
    masks = [fill_holes(one[FOREGROUND] >= settings.foreground) for one in maps]
    objects = [
        [
            _Object.of(box, inside, one[:, *box.slices], settings.least_share, scale)
            for box, inside in objects_of(mask)
            if not _too_small(inside, settings, cutoff)
        ]
        for mask, one, scale, cutoff in zip(masks, maps, px, cutoffs_px, strict=True)
    ]
    for found, cutoff in zip(objects, cutoffs_px, strict=True):
        most = max((one.beliefs.max() for one in found), default=0.0)
        for one in found:
            one.decide(most, settings, cutoff)
    return [_summed_up(one[FOREGROUND], found, settings) for one, found in zip(maps, objects, strict=True)]


def _summed_up(probability: NDArray[np.float32], objects: Sequence[_Object], settings: PostSettings) -> Segmentation:
    labels, middles = np.zeros(probability.shape, np.uint16), [np.zeros((0, 2), np.float32)]
    doubts, divided = [0.0], 0
    sure: list[float] = []
    for one in objects:
        stays, unclear = one.there >= 0, 1 - np.minimum(np.abs(one.there), 1.0)
        if stays.any():
            unclear[stays] = np.maximum(unclear[stays], one.doubt)
            kept = one.kept
            middles.append(centres(kept) + np.array([one.box.y0, one.box.x0], np.float32))
            labels[one.box.slices][kept > 0] = kept[kept > 0] + len(sure)
            divided += len(one.there) > 1
            sure += (1 - unclear[stays]).tolist()
        doubts.append(float(unclear.max()))
    mask = labels > 0
    image = calibrated(
        min(mask_certainty(probability, mask), 1 - max(doubts)), settings.image_slope, settings.image_offset
    )
    confidence = [calibrated(value, settings.particle_slope, settings.particle_offset) for value in sure]
    told = labels if divided and label_objects(mask)[1] < len(sure) else None  # else objects say it
    return Segmentation(mask, np.concatenate(middles), image, np.array(confidence, np.float32), told)


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
