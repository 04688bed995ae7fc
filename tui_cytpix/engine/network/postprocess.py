"""From the network's maps to objects, particles and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import compress, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.kernel import library
from tui_cytpix.core.objects.centroids import centre
from tui_cytpix.core.objects.regions import Box, filled_objects, is_as_long_as, label_objects, objects_of
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.flows import near, particles
from tui_cytpix.engine.network.network import FOREGROUND

Maps = NDArray[np.float32]  # (3, H, W)
_SUREST = 0.999
_TINY = 1e-6
_LIKELY = 0.1  # from this probability on a pixel may be foreground
TOGETHER = 32  # images: more don't stay in the processor's cache
_MOST_PX = 1e9
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
        shares = self.foreground, self.certain, self.least_share, self.least_object, self.least_part
        if not all(0 <= share <= 1 for share in shares) or not 0 <= self.least_px <= _MOST_PX:
            raise ValueError(f"a threshold is not in 0..1, or its smallest object not in 0..{_MOST_PX:g} pixels")

    @classmethod
    def from_card(cls, post: dict[str, Any]) -> PostSettings:
        """Known keys of a card; the rest by default."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: float(v) for k, v in post.items() if k in known})


class _Object(NamedTuple):
    """An object of one of several images: where it lies, and its pixels there, bool (h, w)."""

    image: int
    box: Box
    inside: NDArray[np.bool_]


class _Particles:
    """The particles of the objects of some images, and what the maps show on their pixels.

    Attributes:
        objects: (R,), image by image.
        parts: (R,), of each object whose each pixel is, 0 or 1.. of its particles: bool or uint16 (h, w).
        first: (R + 1,), the first particle of each object, and the number of all.
        doubts: (R,), of the number of each object's particles, 0..1.
        owner: (K,), the object of each particle.
        beliefs: (K,), the mean probability in each: that of debris or a ghost, which might be a cell, is a little
            lower all over, also where it touches a cell.
        surest: (K,), the highest probability in each.
        middles: float32 (K, 2), y and x of each in its object's box, px.
    """

    def __init__(
        self, objects: Sequence[_Object], maps: Sequence[Maps], least_share: float, px: Sequence[float]
    ) -> None:
        """Arguments as of `segment` and `flows.particles`."""
        self.objects, self.doubts = objects, np.zeros(len(objects))
        self.parts: list[NDArray[Any]] = []
        rows = [np.zeros((0, 5))]
        for place, (image, box, inside) in enumerate(objects):
            there: Maps = maps[image][:, *box.slices]
            parts: NDArray[Any] = inside
            sums, is_one = _sums(there, inside, 1, near(px[image]))
            if not is_one:
                labels, self.doubts[place] = particles(there[1:], inside, least_share, px[image])
                if (number := int(labels.max())) > 1:
                    parts, (sums, _) = labels, _sums(there, labels, number, 0.0)
            self.parts.append(parts)
            rows.append(sums)
        counts = [len(one) for one in rows[1:]]
        self.first = np.cumsum([0, *counts])
        self.owner = np.repeat(np.arange(len(objects)), counts)
        areas, beliefs, self.surest, ys, xs = np.concatenate(rows).T
        self.beliefs = beliefs / areas
        self.middles = np.stack([ys / areas, xs / areas], axis=1).astype(np.float32)

    def there(self, settings: PostSettings, cutoffs_px: Sequence[float]) -> NDArray[np.float64]:
        """(K,), how clearly each stays (>= 0) or goes; pieces of an object that are then too small go beyond doubt
        (-1).
        """
        images = np.array([one.image for one in self.objects], np.intp)
        best = np.maximum.reduceat(self.beliefs, self.first[:-1]) if len(images) else self.beliefs
        most = np.zeros(len(cutoffs_px))
        np.maximum.at(most, images, best)
        certain = (self.surest - settings.certain) / (1 - settings.certain)
        of_image = _high_enough(best, most[images], settings.least_object)
        of_object = _high_enough(self.beliefs, best[self.owner], settings.least_part)
        there: NDArray[np.float64] = np.minimum(certain, np.minimum(of_image[self.owner], of_object))
        for place, parts in enumerate(self.parts):
            own = there[self.first[place] : self.first[place + 1]]
            if len(own) > 1 and (own < 0).any():
                for box, piece in objects_of(np.append(False, own >= 0)[parts]):
                    if _too_small(piece, settings, cutoffs_px[images[place]]):
                        own[np.unique(parts[box.slices][piece]) - 1] = -1.0
        return there


def _sums(maps: Maps, labels: NDArray[Any], count: int, near: float) -> tuple[NDArray[np.float64], bool]:
    return library.particle_sums(maps, labels, count, near) or plain_sums(maps, labels, count, near)


def plain_sums(maps: Maps, labels: NDArray[Any], count: int, near: float) -> tuple[NDArray[np.float64], bool]:
    """Of each of an object's particles the number of its pixels, the sum and the highest of its probabilities, and the
    sums of y and x, float64 (count, 5); and whether all vectors of the only one lead towards its middle, so that
    following them ends there: a quick answer for most single particles. Without the compiled library.

    Args:
        maps: float32 (3, h, w), as of `segment`.
        labels: bool or uint16 (h, w), 0 or 1..count.
        near: square of the distance from the middle, px, within which vectors may point anywhere.
    """
    y, x = np.nonzero(labels)
    owner = labels[y, x].astype(np.intp) - 1
    belief, dx, dy = maps[:, y, x]
    surest = np.zeros(count, np.float32)
    np.maximum.at(surest, owner, belief)
    number, beliefs, ys, xs = (np.bincount(owner, weights, count) for weights in (None, belief, y, x))
    found = np.stack([number, beliefs, surest, ys, xs], axis=1)
    if count != 1:
        return found, False
    down, across = ys[0] / number[0] - y, xs[0] / number[0] - x
    inward = dx * across + dy * down > 0
    return found, bool((inward | (across * across + down * down <= near)).all())


def _too_small(inside: NDArray[np.bool_], settings: PostSettings, cutoff_px: float) -> bool:
    return bool(np.count_nonzero(inside) < settings.least_px) or not is_as_long_as(inside, cutoff_px)


def _high_enough(belief: Any, highest: Any, share: float) -> NDArray[np.float64]:
    """How clearly a belief reaches a share of the highest (>= 0), or doesn't; from half way to 1 on without doubt."""
    return np.asarray(2 * ((belief + _TINY) / (highest + _TINY) - share) / (1 - share))


def segment(
    maps: Sequence[Maps], settings: PostSettings, cutoffs_px: Sequence[float], px: Sequence[float]
) -> list[Segmentation]:
    """Objects, particles and how sure, of many images: each step for the pixels of many.

    A particle's centroid is the centre of its part of the object. Its doubt is the larger of two: whether it is there
    at all, and into how many particles its object falls. An image is as sure as its outlines are clear-cut and its most
    doubtful particle is not; so particles that were just left out count too.

    Args:
        maps: of each image, float32 (3, H, W): the foreground's probability, the vectors' x and y.
        cutoffs_px: of each image; objects whose major diameter is below are left out.
        px: of each image, per pixel of the network's input.
    """
    parts = [slice(start, start + TOGETHER) for start in range(0, len(maps), TOGETHER)]
    return [one for part in parts for one in _segment(maps[part], settings, cutoffs_px[part], px[part])]


def _segment(
    maps: Sequence[Maps], settings: PostSettings, cutoffs_px: Sequence[float], px: Sequence[float]
) -> list[Segmentation]:
    objects = [
        _Object(image, box, inside)
        for image, (one, cutoff) in enumerate(zip(maps, cutoffs_px, strict=True))
        for box, inside in filled_objects(one[FOREGROUND] >= settings.foreground)
        if not _too_small(inside, settings, cutoff)
    ]
    found = _Particles(objects, maps, settings.least_share, px)
    return _summed_up(found, found.there(settings, cutoffs_px), [one[FOREGROUND] for one in maps], settings)


def _summed_up(
    found: _Particles,
    there: NDArray[np.float64],
    probabilities: Sequence[NDArray[np.float32]],
    settings: PostSettings,
) -> list[Segmentation]:
    objects, stays = found.objects, there >= 0
    unclear = np.maximum(1 - np.minimum(np.abs(there), 1.0), stays * found.doubts[found.owner])
    staying = np.append(0, np.cumsum(stays))
    # Where each image begins among the objects, the particles, and the particles that stay.
    of_objects = np.searchsorted([one.image for one in objects], np.arange(len(probabilities) + 1))
    of_particles = found.first[of_objects]
    bounds = np.stack([of_objects, of_particles, staying[of_particles]], axis=1).tolist()
    owner, middles = found.owner[stays], found.middles[stays]
    corners = np.array([(one.box.y0, one.box.x0) for one in objects], np.intp).reshape(-1, 2)[owner]
    rows, columns = (np.rint(middles).astype(np.intp) + corners).T
    sure = [calibrated(one, settings.particle_slope, settings.particle_offset) for one in (1 - unclear[stays]).tolist()]
    confidence, numbers, answers = np.array(sure, np.float32), staying[1:] * stays, []
    for probability, (first, end) in zip(probabilities, pairwise(bounds), strict=True):
        of_image, own, kept = (slice(*part) for part in zip(first, end, strict=True))
        labels = np.zeros(probability.shape, np.uint16)
        for place in range(of_image.start, of_image.stop):
            of_object = np.maximum(numbers[found.first[place] : found.first[place + 1]] - kept.start, 0)
            _paint(labels[objects[place].box.slices], found.parts[place], of_object)
        mask = labels > 0
        outside = labels[rows[kept], columns[kept]] != np.arange(1, kept.stop - kept.start + 1)
        for k in np.flatnonzero(outside).tolist():
            box = objects[owner[kept.start + k]].box
            middles[kept.start + k] = centre(labels[box.slices] == k + 1)
        several = np.bincount(owner[kept] - of_image.start, minlength=of_image.stop - of_image.start) > 1
        told = any(_touch(one, labels) for one in compress(objects[of_image], several))
        clear = min(mask_certainty(probability, mask), 1 - float(unclear[own].max(initial=0.0)))
        answers.append(
            Segmentation(
                mask,
                middles[kept] + corners[kept].astype(np.float32),
                calibrated(clear, settings.image_slope, settings.image_offset),
                confidence[kept],
                labels if told else None,  # else objects say it
            )
        )
    return answers


def _paint(labels: NDArray[np.uint16], parts: NDArray[Any], numbers: NDArray[np.intp]) -> None:
    """Writes the number of each of an object's particles (K,) on its pixels; 0 for one that goes."""
    if len(numbers) == 1:
        np.copyto(labels, numbers[0], where=parts, casting="unsafe")
    else:
        labels |= np.append(0, numbers).astype(np.uint16)[parts]


def _touch(one: _Object, labels: NDArray[np.uint16]) -> bool:
    """Whether any of an object's particles in a label image touch each other."""
    own = labels[one.box.slices] * one.inside
    return bool(label_objects(own > 0)[1] < np.count_nonzero(np.bincount(own.ravel())[1:]))


def calibrated(sure: float, slope: float, offset: float) -> float:
    """Platt's scaling of a raw confidence in 0..1: the logistic function of slope * logit(sure) + offset."""
    bounded = min(max(sure, 1 - _SUREST), _SUREST)
    return 1 / (1 + math.exp(-(slope * math.log(bounded / (1 - bounded)) + offset)))


def mask_certainty(probability: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """How clear-cut the foreground is: the mean of |2 p - 1| over the pixels that are or may be foreground (in the
    mask, or p > 0.1), rescaled so that an ordinary soft outline costs nothing; 1 where there are none.
    """
    clearness = library.mask_clearness(probability, mask, _LIKELY)
    if clearness is None:
        clearness = plain_clearness(probability, mask)
    return 1.0 if math.isnan(clearness) else min(1.0, clearness / 0.9)


def plain_clearness(probability: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """`mask_certainty` before it is rescaled, NaN where there are no pixels. Without the compiled library."""
    values = np.compress((mask | (probability > _LIKELY)).ravel(), probability)
    if not len(values):
        return math.nan
    values *= 2
    values -= 1
    return float(np.abs(values, out=values).mean())
